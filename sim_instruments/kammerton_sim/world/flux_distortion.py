"""A flux line that settles slowly: what arrives at the chip of what the generator holds.

Step response s(t) = 1 + sum of a_i exp(-t / tau_i): every step of the volts is followed by
exponentials, each one pole (Rol et al. 2020, arXiv:1907.04818, who correct such a response by
inverse filters; the form from memory).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kammerton_sim.chip.imperfections import Settling
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.timeline import Fingerprint, IntArray, Track

_LEFT = 1e-4


def settled(volts: FloatArray, step: float, terms: Sequence[Settling]) -> FloatArray:
    """What arrives in every sample of `step` s (as it begins), after long silence."""
    amplitudes = np.array([term.amplitude for term in terms])
    losses = np.exp([-step / term.time for term in terms])
    out = np.empty(volts.size)
    _settle(np.asarray(volts, np.float64), amplitudes, losses, out)
    return out


@dataclass(frozen=True, eq=False)
class Pulses:
    """Pulses of one flux channel as they reach a loop.

    per_volt: quanta per volt. terms: how the line settles; what is left of a step after `tail`
    samples, less than 1e-4 of it, is taken as nothing. step: s per sample.
    """

    track: Track
    per_volt: float
    terms: Sequence[Settling]
    step: float

    @property
    def starts(self) -> IntArray:
        """First samples of the pulses."""
        return self.track.starts

    @property
    def stops(self) -> IntArray:
        """Samples after the last of them and of their tails."""
        return self.track.stops + self.tail

    @property
    def tail(self) -> int:
        """Samples for which a step is followed by its exponentials."""
        lasts = (t.time * math.log(max(abs(t.amplitude) / _LEFT, 1.0)) for t in self.terms)
        return math.ceil(max(lasts, default=0.0) / self.step)

    def fingerprint(self, start: int, stop: int) -> Fingerprint:
        """What tells one content of [start, stop) from another."""
        return self.track.fingerprint(start - self.tail, stop)

    def quanta(self, start: int, stop: int) -> FloatArray:
        """Flux in every sample."""
        volts = self.track.volts(start - self.tail, stop)
        arrived = settled(volts, self.step, self.terms) if self.terms else volts
        return self.per_volt * arrived[self.tail :]


@kernel
def _settle(volts: FloatArray, amplitudes: FloatArray, losses: FloatArray, out: FloatArray) -> None:
    held = np.zeros(amplitudes.size)
    last = 0.0
    for n in range(volts.size):
        total = volts[n]
        for i in range(amplitudes.size):
            held[i] = held[i] * losses[i] + amplitudes[i] * (volts[n] - last)
            total += held[i]
        last = volts[n]
        out[n] = total
