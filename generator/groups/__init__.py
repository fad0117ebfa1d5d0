"""Fourfold groups and natural scenes from nothing, everything but files."""
