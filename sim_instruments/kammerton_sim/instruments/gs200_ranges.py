"""Ranges of a Yokogawa GS200: span, the 120 % it reaches, resolution.

The spans are those of the upstream driver, the 120 % are PyMeasure's. From memory: 100,000 steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.settings import Number, Value


@dataclass(frozen=True)
class Range:
    """A range up to `span`, which reaches `most`, in steps of `step`; all in V or A."""

    span: float
    most: float
    step: float

    @property
    def exponent(self) -> int:
        """Of an answer: 0 or -3."""
        return 0 if self.span >= 1 else -3

    @property
    def decimals(self) -> int:
        """Digits behind the point of an answer."""
        return round(self.exponent - math.log10(self.step))

    def show(self, level: float) -> str:
        """Return a level as the box answers it."""
        return engineering(self.rounded(level), self.decimals, self.exponent)

    def rounded(self, level: float) -> float:
        """Return the nearest level that this range resolves."""
        return round(round(level / self.step) * self.step, 9)


class Limiter(Number):
    """What a limiter is set to; answered as the manual has it: +30E+0, +1E-3."""

    def show(self, value: Value) -> str:
        """Return whole volts, or whole milliamperes."""
        return engineering(float(value), 0, 0 if self.step >= 1 else -3)


VOLTAGE = (
    Range(10e-3, 12e-3, 100e-9),
    Range(100e-3, 120e-3, 1e-6),
    Range(1.0, 1.2, 10e-6),
    Range(10.0, 12.0, 100e-6),
    Range(30.0, 32.0, 1e-3),
)
CURRENT = (
    Range(1e-3, 1.2e-3, 10e-9),
    Range(10e-3, 12e-3, 100e-9),
    Range(100e-3, 120e-3, 1e-6),
    Range(200e-3, 200e-3, 1e-6),
)


def fitting(ranges: tuple[Range, ...], span: float) -> Range:
    """Return the smallest range that holds `span`."""
    for candidate in ranges:
        if span <= candidate.span * (1 + 1e-9):
            return candidate
    raise ScpiError(-222, f"{span:g} is more than the largest range")


def engineering(value: float, decimals: int, exponent: int = 0) -> str:
    """Return a number as the box writes it: +1.00000E+0, +12.0000E-3."""
    return f"{value / 10.0**exponent:+.{decimals}f}E{exponent:+d}"
