"""Instruments behind roles: lanes, connection, gate, acquisition."""

from kammerton.bench.lane import Lane

__all__ = ["Lane"]
