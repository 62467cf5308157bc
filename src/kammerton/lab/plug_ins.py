"""Calibrations that are installed and not ours: found by what is installed, with nobody's code."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

CALIBRATIONS = "kammerton.calibrations"
OURS = "kammerton"


def is_ours(point: EntryPoint) -> bool:
    """Say whether an entry point is of this distribution, not of a plug-in."""
    return point.dist is not None and point.dist.name == OURS


def plug_ins() -> list[EntryPoint]:
    """Return the calibrations of other distributions."""
    return [point for point in entry_points(group=CALIBRATIONS) if not is_ours(point)]
