"""A population of 0 by its name, for kinds whose sign hangs on that of 1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kammerton.estimation.files.columns import Chosen
from kammerton.estimation.files.grid import Grid
from kammerton.model import Trace

RISING = {
    "fine_amplitude": ("contrast", "offset"), "drag": ("extremum",),
    "drag_repetitions": ("extremum",),
}  # fmt: skip
"""Kinds that take y for a signal that rises with 1, unless these are known."""

LARGEST = 1.5
"""No population is larger, however noisy: these may be counts."""

_GROUND = re.compile(
    r"(?<![a-z])p(rob|robability|op|opulation)?[ _]*(of |in )?(state )?[(\[|]*(0|g)(?![a-z\d.])"
    r"|ground|survival"
)


def named_ground(name: str) -> bool:
    """Return whether a column holds the population of 0 by its name: P0, P(g), survival."""
    return bool(_GROUND.search(name.casefold()))


def risen(
    chosen: Chosen[Trace] | Chosen[Grid], kind: str, known: Mapping[str, object]
) -> Chosen[Trace] | Chosen[Grid]:
    """Return a trace that rises with 1 where its kind needs that and the user says nothing."""
    trace = chosen.trace
    called = f"y, {trace.y_name!r}, is a population of 0 by its name"
    if kind not in RISING or trace.y_unit or not named_ground(trace.y_name):
        return chosen
    if any(known.get(name) is not None for name in RISING[kind]):
        return _said(chosen, called, known)
    if np.nanmax(np.abs(trace.y)) > LARGEST:
        return replace(chosen, notes=(*chosen.notes, f"{called}, and is taken as it stands"))
    turned: Any = replace(trace, y=1.0 - trace.y, y_name=f"1 - {trace.y_name}")
    note = f"{called}: 1 - y, that of 1, is fitted"
    return replace(chosen, trace=turned, notes=(*chosen.notes, note))


def _said(
    chosen: Chosen[Trace] | Chosen[Grid], called: str, known: Mapping[str, object]
) -> Chosen[Trace] | Chosen[Grid]:
    """Say where a contrast that is known has the other sign."""
    contrast = known.get("contrast")
    if not isinstance(contrast, (int, float)) or contrast < 0:
        return chosen
    note = f"{called}, whose contrast is negative: with a positive one errors have the other sign"
    return replace(chosen, notes=(*chosen.notes, note))
