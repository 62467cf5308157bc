"""Calibrations are found by entry point, ours and anyone's."""

from __future__ import annotations

from importlib.metadata import entry_points

from kammerton.model import Calibration, KammertonError


def load_calibrations() -> tuple[Calibration, ...]:
    """Return every installed calibration, by name.

    Raises
    ------
    KammertonError
        An entry point of group "kammerton.calibrations" is no Calibration.
    """
    found = []
    for entry in sorted(entry_points(group="kammerton.calibrations"), key=lambda e: e.name):
        value = entry.load()
        if not isinstance(value, Calibration):
            raise KammertonError(f"entry point {entry.name} ({entry.value}) is no Calibration")
        found.append(value)
    return tuple(found)
