"""Recipes: what a dataset is made from, read from TOML and checked as a whole."""
