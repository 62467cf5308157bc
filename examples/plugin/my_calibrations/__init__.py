"""Calibrations of our own, found by the entry points in pyproject.toml."""
