"""Slow noise: a Gaussian detuning frozen within a shot, as Gauss-Hermite nodes.

Quasi-static noise, exp(-(2 pi sigma t)^2 / 2) of a Ramsey: Ithier et al. 2005,
arXiv:cond-mat/0508588; the quadrature and its error: Abramowitz, Stegun 25.4.46 (from memory).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

_SIZES = (1, 3, 5, 7, 9, 11, 13, 15, 18, 21, 25, 31)
_TOLERANCE = 1e-6


def nodes(
    sigma: float, coherent_time: float, most: int = _SIZES[-1]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Detunings in rad/s and their weights.

    sigma: Hz, standard deviation. coherent_time: s, the longest time for which a phase can
    build up. The smallest set is taken whose quadrature error of the mean of exp(j x t), at
    most s^(2n) n!/(2n)! with s = 2 pi sigma t, stays below 1e-6 (`most` nodes at most).
    """
    spread = 2 * math.pi * sigma * coherent_time
    size = next(n for n in _SIZES if n == most or _error(n, spread) < _TOLERANCE)
    x, weights = _hermite(size)
    return 2 * math.pi * sigma * x, weights / weights.sum()


@cache
def _hermite(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.polynomial.hermite_e.hermegauss(size)


def _error(size: int, spread: float) -> float:
    if spread == 0:
        return 0.0
    log = 2 * size * math.log(spread) + math.lgamma(size + 1) - math.lgamma(2 * size + 1)
    return math.exp(min(log, 700.0))
