"""Linear powers in files, by unit and by name: a resonator is fitted to their root."""

from __future__ import annotations

import re

import numpy as np

from kammerton.estimation.files.table import Heading
from kammerton.estimation.files.units import si
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

MILLIWATT = 1e-3
"""W, of 0 dBm."""

_NAMED = re.compile(
    r"(?<![a-z])(powers?|pow|pwr|(sq|sqr|square|abs2|mag2)(?!\d))(?![a-z])|squared"
    r"|(\^|\*\*) ?2(?!\d)|²"
)
_SQUARE = re.compile(r"[munµ]?V ?(\^|\*\*)? ?(2|²)|[munµ]?V²")


def has_base(unit: str | None, base: str) -> bool:
    """Return whether a unit as written is `base` with any prefix."""
    try:
        return si(unit or "")[0] == base
    except ValueError:
        return False


def in_power(unit: str | None) -> bool:
    """Return whether a unit as written is one of a power: W with any prefix, or V^2."""
    return has_base(unit, "W") or bool(_SQUARE.fullmatch((unit or "").strip()))


def named_power(title: Heading) -> bool:
    """Return whether a column holds a power by its name: transmitted power, |S21|^2."""
    return any(_NAMED.search(text.lower()) for text in (title.name, title.text))


def root_name(title: Heading) -> str:
    """Return what the root of a power is."""
    return "voltage over that of 0 dBm" if has_base(title.unit, "W") else "square root"


def refuse_negative(power: FloatArray, called: str) -> None:
    """Raise TraceError where a power is below zero; called: file and column, in words."""
    finite = power[np.isfinite(power)]
    if finite.size and finite.min() < 0:
        raise TraceError(
            f"{called} goes from {finite.min():.4g} to {finite.max():.4g}, but no power is"
            " negative: --y-unit dB says that it is a level, --y-unit V that it is no power"
        )


def root(power: FloatArray, errors: FloatArray, unit: str) -> tuple[FloatArray, FloatArray]:
    """Return the root of a power (any shape) and its error; of a power in W over that of 0 dBm.

    A power smaller than its error has a root as uncertain as that of its error.
    """
    scale = MILLIWATT if unit == "W" else 1.0
    power, errors = power / scale, errors / scale
    return np.sqrt(power), errors / (2.0 * np.sqrt(np.fmax(np.fmax(power, errors), 1e-300)))
