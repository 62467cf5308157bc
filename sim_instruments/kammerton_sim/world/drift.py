"""Slow wander of a parameter: a fixed path on the laboratory clock.

The path is a sum of cosines whose frequencies are drawn from the Lorentzian spectrum of an
Ornstein-Uhlenbeck process (spectral representation of a stationary process), so its covariance
is amplitude^2 exp(-|t - t'| / time) over seeds, and any instant can be asked in any order.
That f01 and T1 wander by such sizes: Burnett et al. 2019, arXiv:1901.04417; the representation
after Shinozuka, Deodatis 1991 (from memory).
"""

from __future__ import annotations

import math

import numpy as np

from kammerton_sim.chip import Drift

_TERMS = 128


class Path:
    """Zero-mean wander with the given standard deviation and correlation time."""

    def __init__(self, drift: Drift, *seed: int) -> None:
        rng = np.random.default_rng(seed)
        quantiles = (np.arange(_TERMS) + rng.uniform(size=_TERMS)) / _TERMS
        self._rates = np.tan(math.pi * (quantiles - 0.5)) / drift.time
        self._phases = rng.uniform(0, 2 * math.pi, _TERMS)
        self._scale = drift.amplitude * math.sqrt(2 / _TERMS)

    def __call__(self, at: float) -> float:
        """The deviation at a unix time in s."""
        return float(self._scale * np.cos(self._rates * at + self._phases).sum())
