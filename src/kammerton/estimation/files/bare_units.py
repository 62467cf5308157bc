"""An axis without a unit is taken as SI, unless no qubit was ever swept so: then it is asked."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.files.columns import Chosen
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LENGTH
from kammerton.estimation.files.supposed import taken_as
from kammerton.model import Trace, TraceError
from kammerton.model.quantity import show
from kammerton.model.trace import FloatArray

ENDLESS = 0.1
"""s: qubits of milliseconds are swept over some ten of these."""

LOWEST, NARROWEST = 1e4, 1e3
"""Hz: no line lies lower; no sweep of detunings about one is narrower."""

NARROW = 0.5
"""Of its end: a sweep of frequencies that begins beyond it is about a line, not its detunings."""

GIGAHERTZ = 50.0
"""No line lies at more of them."""


def refuse_bare(source: str, read: Chosen[Trace] | Chosen[Grid]) -> None:
    """Raise TraceError where an axis that names no unit cannot be in the SI unit it is taken in.

    The fit would be good, and its value wrong by a power of ten. What merely is not usual is fitted
    with a note (`suspicion`), and so is any unit that the file or the user names.
    """
    trace = read.trace
    if isinstance(trace, Grid):
        axes = list(zip(trace.names, trace.units, trace.x, strict=True))
    else:
        axes = [(trace.x_name, trace.x_unit, trace.x)]
    for name, unit, x in axes:
        if taken_as(name, unit) not in read.notes:
            continue
        why, usual = _no_time(name, x) if unit == "s" else _no_frequency(x)
        if why and unit in ("s", "Hz"):
            raise TraceError(
                f"{source}: x, column {name!r}, names no unit, and in {unit} it goes to"
                f" {show(float(np.abs(x).max()), unit)}, {why}: say its unit, as in"
                f" --x-unit {usual} (or --x-unit {unit}, where that is true)"
            )


def _no_time(name: str, x: FloatArray) -> tuple[str, str]:
    """Return why x cannot be in s, or "", and which unit it may be in."""
    largest, pulse = float(np.abs(x).max()), name.casefold() in LENGTH.all_words
    if largest < ENDLESS:
        return "", ""
    return "longer than any sweep of a qubit", "us" if largest <= (1 if pulse else 1000) else "ns"


def _no_frequency(x: FloatArray) -> tuple[str, str]:
    """Return why x cannot be in Hz, or "", and which unit it may be in."""
    largest = float(np.abs(x).max())
    if x.min() > NARROW * largest:
        usual = "GHz" if largest < GIGAHERTZ else "MHz"
        return ("lower than any line" if largest < LOWEST else ""), usual
    return ("narrower than any line" if largest < NARROWEST else ""), "MHz"
