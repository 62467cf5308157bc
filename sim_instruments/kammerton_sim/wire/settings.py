"""Settings of an instrument: a number in a range, a choice, a switch, a text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kammerton_sim.wire.errors import ClippedError, ScpiError
from kammerton_sim.wire.scpi import string

Value = float | int | str | bool
_QUANTITY = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)")
_SCALES = {"G": 1e9, "MA": 1e6, "K": 1e3, "": 1.0, "M": 1e-3, "U": 1e-6, "N": 1e-9}


class Kind(Protocol):
    """How a setting is read from a parameter and shown in an answer."""

    @property
    def default(self) -> Value:
        """The value at power-on."""

    def parse(self, text: str) -> Value:
        """Return the value, or raise ScpiError."""

    def show(self, value: Value) -> str:
        """Return the answer to a query."""


@dataclass(frozen=True)
class Number:
    """A number between two limits, with an optional unit and the words MIN, MAX and DEF.

    step: what the instrument resolves; a value is rounded to it. single: it is kept as a float of
    32 bits. clips: what lies outside is taken as the nearest limit, with an error.
    """

    default: float
    minimum: float
    maximum: float
    unit: str = ""
    whole: bool = False
    form: str = ".10G"
    step: float = 0.0
    single: bool = False
    clips: bool = False

    def parse(self, text: str) -> Value:
        """Return the number in the base unit; outside the limits is -222."""
        value = self._named(text) if text[:1].isalpha() else self._quantity(text)
        if self.clips and not self.minimum <= value <= self.maximum:
            raise ClippedError(value, min(max(value, self.minimum), self.maximum))
        if not self.minimum <= value <= self.maximum:
            raise ScpiError(-222, f"{text[:40]} is not in {self.minimum:g} to {self.maximum:g}")
        return round(value) if self.whole else self._rounded(value)

    def show(self, value: Value) -> str:
        """Return the number as text."""
        return format(value, "d" if self.whole else self.form)

    def _rounded(self, value: float) -> float:
        """Return the nearest value the instrument resolves, without the dust of binary digits."""
        if self.single:
            return float(np.float32(value))
        if not self.step:
            return value
        return round(round(value / self.step) * self.step, 2 - math.floor(math.log10(self.step)))

    def _named(self, text: str) -> float:
        word = text.upper()
        for name, value in (
            ("MINIMUM", self.minimum),
            ("MAXIMUM", self.maximum),
            ("DEFAULT", self.default),
        ):
            if word in (name, name[:3]):
                return value
        raise ScpiError(-104, text[:40])

    def _quantity(self, text: str) -> float:
        found = _QUANTITY.fullmatch(text)
        if found is None:
            raise ScpiError(-104, text[:40])
        digits, written = found.groups()
        return float(digits) * (self._scale(written.upper()) if written else 1.0)

    def _scale(self, written: str) -> float:
        unit = self.unit.upper()
        prefix = written[: -len(unit)] if unit else written
        if unit == "HZ" and prefix == "M":  # SCPI: MHZ is megahertz, MV is millivolts
            prefix = "MA"
        if not unit or not written.endswith(unit) or prefix not in _SCALES:
            raise ScpiError(-131, written[:20])
        return _SCALES[prefix]


@dataclass(frozen=True)
class Choice:
    """One of several words, each written `LONGform`; answered in its short form."""

    options: tuple[str, ...]
    default: str

    def parse(self, text: str) -> Value:
        """Return the short form of the word; anything else is -224."""
        word = text.upper()
        for option in self.options:
            if word in (option.upper(), _short(option)):
                return _short(option)
        raise ScpiError(-224, text[:40])

    def show(self, value: Value) -> str:
        """Return the short form."""
        return str(value)


@dataclass(frozen=True)
class Switch:
    """ON or OFF, 1 or 0."""

    default: bool = False

    def parse(self, text: str) -> Value:
        """Return whether it is on; anything but 0, 1, ON, OFF is -224."""
        word = text.upper()
        if word not in ("0", "1", "ON", "OFF"):
            raise ScpiError(-224, text[:40])
        return word in ("1", "ON")

    def show(self, value: Value) -> str:
        """Return 1 or 0."""
        return "1" if value else "0"


@dataclass(frozen=True)
class Text:
    """A quoted string."""

    default: str = ""

    def parse(self, text: str) -> Value:
        """Return the content of the string."""
        return string(text)

    def show(self, value: Value) -> str:
        """Return it quoted."""
        return f'"{value}"'


@dataclass(frozen=True)
class Setting:
    """One setting and its header.

    ranges: how many there are for each suffix, e.g. (8,) channels, (8, 4) markers of channels.
    output: a change of it changes, or can change, what comes out; goes into the ledger.
    """

    header: str
    kind: Kind
    ranges: tuple[int, ...] = ()
    output: bool = False


def _short(option: str) -> str:
    return "".join(c for c in option if not c.islower())
