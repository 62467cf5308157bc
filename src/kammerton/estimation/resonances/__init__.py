"""Fits of resonators, in the complex plane or from magnitudes."""
