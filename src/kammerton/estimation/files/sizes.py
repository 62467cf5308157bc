"""What is said to be known against what was swept: a number that lacks its unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS
from kammerton.model import Trace, TraceError
from kammerton.model.quantity import PREFIXES, show
from kammerton.model.trace import FloatArray

ORDERS = 100.0
"""So many times beyond what was swept, nothing can be meant."""

FINER = 1e-4
"""Of a step of the sweep: nobody knows a place so well who sweeps in such steps."""

LEAST = 1e4
"""Hz: no anharmonicity is smaller."""

USUAL = 2e8
"""Hz, of a transmon's."""

TURNS = 4 * math.pi


@dataclass(frozen=True)
class Bounds:
    """Between which sizes a known quantity can be, a usual one, its SI unit, and why."""

    least: float
    most: float
    usual: float
    unit: str
    why: str


def check_sizes(kind: str, known: Mapping[str, object], trace: Trace | Grid) -> None:
    """Refuse what is known where it is beyond what was swept by orders of magnitude.

    Raises
    ------
    TraceError
        Says the value as it was taken, what was swept, and which unit is expected.
    """
    for name, value in known.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value != 0:
            for bounds in _bounds(kind, name, trace):
                if not bounds.least <= abs(value) <= bounds.most:
                    raise TraceError(_words(name, float(value), bounds))


def _words(name: str, value: float, bounds: Bounds) -> str:
    if bounds.unit == "Hz" and abs(value) > bounds.most:  # nobody means mHz: of another axis
        said = show(value, bounds.unit)
        return f"{name} is {said}, but {bounds.why}: it is to be on the axis that was swept"
    off = {p: abs(math.log(abs(value) * f / bounds.usual)) for p, f in PREFIXES.items()}
    unit = min(off, key=lambda prefix: off[prefix]) + bounds.unit
    meant = "deg" if bounds.unit == "rad" else unit
    return (
        f"{name} is {show(value, bounds.unit)}, but {bounds.why}: a number without a unit is in "
        f"{bounds.unit or 'the unit of x'}"
        + (f"; write the unit, as in {name}={value:g}{meant}" if bounds.unit else "")
    )


def _bounds(kind: str, name: str, trace: Trace | Grid) -> Iterator[Bounds]:
    if name in ("angle", "phase"):
        yield Bounds(0.0, TURNS, TURNS, "rad", "no gate turns by more than two turns")
    if name == "anharmonicity":
        yield Bounds(LEAST, math.inf, USUAL, "Hz", "no transmon has so small a one")
    axis = _axis(kind, name, trace)
    if axis is None:
        return
    x, unit, title = axis
    low, high = float(np.min(np.abs(x))), float(np.max(np.abs(x)))
    span, step = float(np.ptp(x)), float(np.ptp(x)) / max(np.unique(x).size - 1, 1)
    swept = f"{title!r} goes from {show(float(x.min()), unit)} to {show(float(x.max()), unit)}"
    least = low / ORDERS
    if name == "within":
        yield Bounds(FINER * step, ORDERS * span, step, unit, swept)
    elif name == "period":
        yield Bounds(span / ORDERS, ORDERS * span, span, unit, swept)
    elif name == "expected":
        yield Bounds(least if unit == "Hz" else 0.0, ORDERS * high, high, unit, swept)
    else:  # of another line than the one in the window: that may be swept by its detuning
        yield Bounds(least, math.inf, high, unit, swept)


def _axis(kind: str, name: str, trace: Trace | Grid) -> tuple[FloatArray, str, str] | None:
    """Return the values, the unit and the title of the axis that a known quantity lies on."""
    if name not in ("expected", "within", "period", "bare_frequency", "qubit_frequency"):
        return None
    if isinstance(trace, Trace):
        return trace.x, trace.x_unit, trace.x_name
    wanted = None if name == "period" else "Hz"
    places = [k for k, axis in enumerate(LAYOUTS[kind].axes) if axis.unit == wanted]
    at = places[0] if places else 1
    return trace.x[at], trace.units[at], trace.names[at]
