"""1/f noise of the flux through a loop: one-sided spectrum A^2 / f, A in quanta at 1 Hz.

Below 1 Hz it is a path on the laboratory's clock: f01 follows it, in truth and from record to
record. Above, it dephases within a shot. With D the slope of f01 and L = 2 pi D A, the squared
phase of a Ramsey is (L t)^2 (3/2 - gamma - ln(2 pi t 1 Hz)), of an echo (L t)^2 ln 2 (filter
functions of Ithier et al. 2005, arXiv:cond-mat/0508588, integrated over the spectrum; frequency
noise only). A qubit of the laboratory knows a Markovian rate and a detuning that is frozen within
a shot: they are chosen so that the 1/e times of both are exact. The shape of the echo's decay is
then exponential instead of Gaussian.
"""

from __future__ import annotations

import math

import numpy as np

from kammerton_sim.world.events import FloatArray

_SLOWEST, _SPLIT = 1e-6, 1.0  # Hz
_TERMS = 160
_NOTHING = 10.0  # 1/s: dephasing in a tenth of a second is nothing beside all else
_RAMSEY = 1.5 - 0.5772156649015329 - math.log(2 * math.pi * _SPLIT)


class FluxPath:
    """The slow part: a sum of cosines at frequencies spread evenly in their logarithm."""

    def __init__(self, amplitude: float, *seed: int) -> None:
        rng = np.random.default_rng(seed)
        places = (np.arange(_TERMS) + rng.uniform(size=_TERMS)) / _TERMS
        self._rates = 2 * math.pi * _SLOWEST * (_SPLIT / _SLOWEST) ** places
        self._phases = rng.uniform(0, 2 * math.pi, _TERMS)
        self._scale = amplitude * math.sqrt(2 * math.log(_SPLIT / _SLOWEST) / _TERMS)

    def __call__(self, times: FloatArray) -> FloatArray:
        """Quanta at unix times."""
        total = np.zeros(times.shape)
        for rate, phase in zip(self._rates.tolist(), self._phases.tolist(), strict=True):
            total += np.cos(rate * times + phase)
        return self._scale * total


def dephasing(slope: float, amplitude: float) -> tuple[float, float]:
    """The fast part: Markovian rate in 1/s, and Hz of the detuning frozen within a shot.

    slope: of f01, in Hz per quantum. amplitude: quanta at 1 Hz.
    """
    strength = 2 * math.pi * abs(slope) * amplitude
    if strength < _NOTHING:
        return 0.0, 0.0
    ramsey = 1 / strength
    for _ in range(20):
        ramsey = math.sqrt(2 / (_RAMSEY - math.log(ramsey))) / strength
    rate = strength * math.sqrt(math.log(2) / 2)
    return rate, math.sqrt(2 * (1 - rate * ramsey)) / (2 * math.pi * ramsey)
