"""A population of 0 by its name, for kinds whose sign hangs on that of 1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kammerton.estimation.curves.fine_amplitude import OTHERWISE
from kammerton.estimation.files.columns import Chosen
from kammerton.estimation.files.grid import Grid
from kammerton.model import Fit, Trace

RISING = {
    "fine_amplitude": ("contrast", "offset"), "drag": ("extremum",),
    "drag_repetitions": ("extremum",),
}  # fmt: skip
"""Kinds that take y for a signal that rises with 1, unless these are known."""

LARGEST = 1.5
"""No population is larger, however noisy: these may be counts."""

_P = r"(p|pop|prob|probability|population|occupation)"
_OF = rf"{_P}( ?of)?( the)?( state)?"
_UNIT = r"( ?[\[(]?(%|percent|a\.u\.)[\])]?)?"
_GROUND = re.compile(
    rf"{_OF} ?(0|g|ground)( state)?{_UNIT}|ground( state)?( {_P})?{_UNIT}"
    rf"|survival( {_P}| rate)?{_UNIT}"
)
_EXCITED = re.compile(
    rf"{_OF} ?(1|e|excited)( state)?{_UNIT}|excited( state)?( {_P})?{_UNIT}"
    r"|(n ?1|ones|counts? ?1)(/.*)?"
)
_STATE = re.compile(r"\(\s*\|?\s*(\w+)\s*[>⟩]?\s*\)|\|\s*(\w)\s*[>⟩]")
_KET = re.compile(r"\|\s*(0|g)\s*[>⟩]")


def named_ground(name: str) -> bool:
    """Return whether a column holds the population of 0 by its whole name: P0, P(g), survival.

    A name that says more (P0 corrected, 1 - P0, background) may mean anything.
    """
    return bool(_GROUND.fullmatch(_plain(name)) or _KET.fullmatch(name.strip().casefold()))


def named_excited(name: str) -> bool:
    """Return whether a column holds the population of 1 by its whole name."""
    return bool(_EXCITED.fullmatch(_plain(name)))


def _plain(name: str) -> str:
    """Return a name in small letters without brackets around a single state."""
    name = _STATE.sub(r" \1\2 ", name.casefold())
    return " ".join(re.sub(r"_|(?<=[a-z])-(?=[a-z])|(?<=prob)\.", " ", name).split())


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


def settled(fit: Fit, trace: Trace | Grid, name: str) -> Fit:
    """Return a fit whose reason leaves no sign open where the name of y says which state it is of.

    name: of y in the file, before it was turned.
    """
    turned = trace.y_name != name
    if turned or named_excited(name):
        return replace(fit, reason=fit.reason.replace(OTHERWISE, ""))
    return fit


def _said(
    chosen: Chosen[Trace] | Chosen[Grid], called: str, known: Mapping[str, object]
) -> Chosen[Trace] | Chosen[Grid]:
    """Say where a contrast that is known has the other sign."""
    contrast = known.get("contrast")
    if not isinstance(contrast, (int, float)) or contrast < 0:
        return chosen
    note = f"{called}, whose contrast is negative: with a positive one errors have the other sign"
    return replace(chosen, notes=(*chosen.notes, note))
