"""Calibrations are found by entry point, ours and anyone's."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import entry_points

from kammerton.estimation.files.layouts import OTHER_NAMES
from kammerton.lab.nearest import hint
from kammerton.model import Calibration, KammertonError

GROUP = "kammerton.calibrations"


def calibration_names() -> frozenset[str]:
    """Return the names of what is installed; nobody's code is run for that."""
    return frozenset(entry.name for entry in entry_points(group=GROUP))


def no_calibration(name: str, known: Collection[str]) -> str:
    """Say that there is none of this name, and which are meant or known.

    >>> no_calibration("T2", {"t1", "t2_echo", "ramsey"})
    'there is no calibration T2; did you mean "t2_echo" or "ramsey"?'
    """
    usual = [f'"{each}"' for each in OTHER_NAMES.get(name.casefold(), ()) if each in known]
    meant = f"; did you mean {' or '.join(usual)}?" if usual else hint(name, known)
    return f"there is no calibration {name}{meant}"


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
