"""Calibrations are found by entry point, ours and anyone's."""

from __future__ import annotations

from importlib.metadata import entry_points

from kammerton.model import Calibration, KammertonError

GROUP = "kammerton.calibrations"


def calibration_names() -> frozenset[str]:
    """Return the names of what is installed; nobody's code is run for that."""
    return frozenset(entry.name for entry in entry_points(group=GROUP))


def load_calibrations() -> tuple[Calibration, ...]:
    """Return every installed calibration, by name.

    Raises
    ------
    KammertonError
        An entry point of group "kammerton.calibrations" is no Calibration.
    """
    found = []
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        value = entry.load()
        if not isinstance(value, Calibration):
            raise KammertonError(f"entry point {entry.name} ({entry.value}) is no Calibration")
        found.append(value)
    return tuple(found)
