"""Calibrations are found by entry point, ours and anyone's."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import entry_points

from kammerton.estimation.files.layouts import OTHER_NAMES
from kammerton.lab.nearest import hint
from kammerton.lab.plug_ins import CALIBRATIONS as GROUP
from kammerton.loop.declared import mistakes
from kammerton.loop.plug_in import Loaded, loaded
from kammerton.model import Calibration, PlugInError


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
    PlugInError
        With every mistake: of what cannot be imported, or declares what there is not.
    """
    found, problems, failure = list[Loaded](), list[str](), None
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        try:
            found.append(loaded(entry))
        except PlugInError as error:
            problems += error.problems
            failure = failure or error.failure
    problems += mistakes(found, whole=not problems)
    if problems:
        raise PlugInError(problems, failure)
    return tuple(each.calibration for each in found)
