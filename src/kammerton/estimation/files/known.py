"""What a user knows, from text: NAME=VALUE with a unit, a word, true or false."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kammerton.estimation.files.layouts import LAYOUTS, layout_of
from kammerton.estimation.files.text import nearest
from kammerton.estimation.files.units import si
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.model import TraceError

UNITS = {
    "anharmonicity": "Hz", "bare_frequency": "Hz", "qubit_frequency": "Hz", "angle": "rad",
    "phase": "rad", "shots": "", "qubits": "", "asymmetry": "", "dead": "", "population_0": "",
    "population_1": "", "rise": "s",
}  # fmt: skip
"""Unit of what may be known; what is not here has that of x or y, and any unit will do."""

OF_X = {"expected", "within"}
OF_Y = {"contrast", "offset"}
X_UNITS = {"s", "Hz", "rad", "dBm"}
"""Of what is swept, and never of what is read."""

WORDS: dict[str, object] = {"true": True, "yes": True, "false": False, "no": False}

_QUANTITY = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)")


def known_of(kind: str, texts: Iterable[str]) -> dict[str, object]:
    """Return what is known for a fit of `kind` from texts such as "anharmonicity=-200 MHz".

    Numbers without a unit are SI.

    Raises
    ------
    TraceError
        A text is no NAME=VALUE, a name is there twice or unknown to this kind (all that it takes
        are named), or a unit is no unit or another quantity's.
    """
    layout_of(kind)
    known: dict[str, object] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise TraceError(f"{text!r} is not NAME=VALUE, such as anharmonicity=-200MHz")
        check_known(kind, name)
        if name in known:
            raise TraceError(f"{name} is given twice")
        known[name] = _value(name, value, _unit(kind, name))
    return known


def check_known(kind: str, name: str) -> None:
    """Raise TraceError, naming what there is, unless a fit of `kind` can use `name`."""
    names = list(dict.fromkeys(FIT_KINDS[kind].known))
    if name not in names:
        takes = f"it takes {', '.join(names)}" if names else "it takes nothing"
        raise TraceError(f"a fit of kind {kind} cannot use {name}{nearest(name, names)}; {takes}")


def _unit(kind: str, name: str) -> str | None:
    """Return the unit a known quantity must have; None for any."""
    return LAYOUTS[kind].axes[-1].unit if name in OF_X else UNITS.get(name)


def _value(name: str, text: str, needed: str | None) -> object:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return WORDS.get(text.lower(), text)
    number, written = float(match[1]), match[2]
    if not written:
        return int(number) if number.is_integer() and not needed else number
    try:
        unit, factor = si(written)
    except ValueError as error:
        raise TraceError(f"{name}: {error}") from None
    if needed is not None and unit != needed:
        raise TraceError(
            f"{name}: {text!r} is in {unit or 'no unit'}, but it needs {needed or 'a plain number'}"
        )
    if name in OF_Y and unit in X_UNITS:
        raise TraceError(f"{name}: {text!r} is in {unit}, but it has the unit of y")
    return number * factor
