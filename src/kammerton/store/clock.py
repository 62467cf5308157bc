"""The wall clock, for what a person reads. It may jump: only numbers give an order."""

from __future__ import annotations

from datetime import UTC, datetime

from kammerton.store.rows import micros


def wall() -> datetime:
    """Return what the computer's clock says now, aware, UTC."""
    return datetime.now(UTC)


def stamp() -> int:
    """Return what it says now as it is stored, in microseconds."""
    return micros(wall())
