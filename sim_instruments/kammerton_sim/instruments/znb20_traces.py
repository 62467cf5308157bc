"""Traces of a network analyzer: names, the running mean of their sweeps, their formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.wire.errors import ScpiError

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

PAIRS = ("POL", "SMIT", "ISM", "COMP")
"""Formats that answer real and imaginary part of each point."""


@dataclass
class Trace:
    """What is measured in a channel, and the mean of its last sweeps."""

    name: str
    channel: int
    parameter: str
    mean: Complex | None = None
    sweeps: int = 0

    def add(self, sweep: Complex, averages: int) -> None:
        """Take a sweep into the mean of the last `averages` ones."""
        if self.mean is None or self.mean.size != sweep.size or averages == 1:
            self.mean, self.sweeps = sweep, 1
            return
        self.sweeps = min(self.sweeps + 1, averages)
        self.mean = self.mean + (sweep - self.mean) / self.sweeps

    def clear(self) -> None:
        """Begin the mean anew."""
        self.sweeps = 0
        self.mean = None


def _decibel(s: Complex) -> Real:
    return np.asarray(20 * np.log10(np.maximum(abs(s), 1e-20)), np.float64)


def _standing_wave(s: Complex) -> Real:
    size = np.minimum(abs(s), 1 - 1e-9)
    return np.asarray((1 + size) / (1 - size), np.float64)


_FORMATS: Mapping[str, Callable[[Complex], Real]] = {
    "MLOG": _decibel,
    "MLIN": lambda s: np.asarray(abs(s), np.float64),
    "PHAS": lambda s: np.asarray(np.degrees(np.angle(s)), np.float64),
    "UPH": lambda s: np.asarray(np.degrees(np.unwrap(np.angle(s))), np.float64),
    "SWR": _standing_wave,
    "REAL": lambda s: s.real,
    "IMAG": lambda s: s.imag,
}


def formatted(s: Complex, form: str, hertz: Real) -> Real:
    """Return what is shown of a trace; (N,), or (2 N,) in one of `PAIRS`."""
    if form in PAIRS:
        return s.view(np.float64)
    if form == "GDEL":
        if s.size < 2 or not np.ptp(hertz):
            raise ScpiError(-221, "a delay needs a sweep of the frequency")
        return np.asarray(-np.gradient(np.unwrap(np.angle(s)), 2 * np.pi * hertz), np.float64)
    return _FORMATS[form](s)


def ascii_of(values: Real) -> str:
    """Return numbers as the analyzer writes them."""
    return ",".join(f"{value:.11E}" for value in values.tolist())
