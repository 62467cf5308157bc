"""Kammerton keeps quantum computers in tune and publishes what it knows about them."""

__version__ = "0.1.0"
