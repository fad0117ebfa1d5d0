"""Evaluations: what is asked, one model, many models, engines."""
