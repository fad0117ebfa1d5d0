"""Encode, score, measure, report, train."""
