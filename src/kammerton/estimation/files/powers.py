"""Linear powers in files, by unit and by name: a resonator is fitted to their root."""

from __future__ import annotations

import re

import numpy as np

from kammerton.estimation.files.titles import Heading
from kammerton.estimation.files.units import si
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

MILLIWATT = 1e-3
"""W, of 0 dBm."""

_POWER = r"(powers?|pow|pwr)"
_THROUGH = (
    r"(transmitted|transmission|reflected|reflection|received|detected|measured|signal|linear|lin"
    r"|normali[sz]ed|relative|s ?[1-4][1-4])"
)
_LENGTH = r"(\|[^|]*\||(abs|mag|magnitude|amplitude)( ?\([^()]*\))?|(abs )?s ?[1-4][1-4]|v|voltage)"
_TWO = r"( ?(\^|\*\*) ?2| ?²| sq| sqr| squared?)"
_NAMED = re.compile(
    rf"({_THROUGH} )*{_POWER}( s ?[1-4][1-4])?|{_LENGTH}{_TWO}|(s ?[1-4][1-4] )?(abs|mag)2"
    rf"|(squared|square of)( the)? {_LENGTH}"
)
_IN_UNIT = re.compile(r"\s*(\[[^\[\]]*\]|\(\s*a\.u\.\s*\))$")
_MAGNITUDE = re.compile(r"mag|amp|abs|\||betrag")
_SAYS_POWER = re.compile(rf"(?<![a-z]){_POWER}(?![a-z])")
_BRACKET = re.compile(r"\(\s*([^()]*?)\s*\)$")  # what is no unit elsewhere stays in the name
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
    """Return whether a column holds a power by its whole name: transmitted power, |S21|^2.

    In a longer name, power may be at which a magnitude was measured: |S21| at low power.
    """
    bracket = _BRACKET.search(title.text)
    squared = bracket is not None and _SQUARE.fullmatch(bracket[1]) is not None
    return squared or any(_NAMED.fullmatch(_plain(text)) for text in (title.name, title.text))


def says_power(title: Heading) -> bool:
    """Return whether the word power is in a name, and nothing of a magnitude."""
    name = _plain(title.text)
    return bool(_SAYS_POWER.search(name)) and not _MAGNITUDE.search(name)


def _plain(text: str) -> str:
    return " ".join(_IN_UNIT.sub("", text.strip().casefold()).replace("_", " ").split())


def root_name(title: Heading) -> str:
    """Return what the root of a power is."""
    return "√(P / 1 mW)" if has_base(title.unit, "W") else "square root"


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
