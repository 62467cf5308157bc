"""What a map's fit leaves that is not noise, and what that costs in precision.

A hum, or a law that bends a little otherwise, is alike at many points, and so tells the fit far
less, or misleads it far more, than as much noise would. How many points are alike, the
autocorrelation of the residuals r says: a part s of their power that is alike at V points each
counts as V times as much noise, and

    sum over all lags of r^2 = s^2 V

so that variances grow by (1 - s) + s V = 1 - s + (sum of r^2) / s (effective number of independent
points: Bayley and Hammersley, J. R. Stat. Soc. B 8, 184 (1946)). The largest r stands for s, which
is a little less than s: variances are too large rather than too small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

Array = NDArray[np.float64]

FAR = 4  # parts of a map's side up to which points are compared
DISPROVED = 0.01
NEAR = 3  # lags that are asked alone, too
CHANCE = 5.0  # sigmas of the sum that are no noise


def alike(residual: NDArray[Any]) -> float:
    """Return by what variances grow, for weighted residuals (A, B), 0 where there are none.

    Neighbours alone are asked, too: what is alike at few points hides among many lags.
    """
    count = int(np.count_nonzero(residual)) * (2 if np.iscomplexobj(residual) else 1)
    lags, near = _autocorrelation(residual)
    return max(_grown(lags, count), _grown(lags[near], count))


def _grown(lags: Array, count: int) -> float:
    power = float((lags**2).sum())
    if power * count < lags.size + CHANCE * np.sqrt(2.0 * lags.size):
        return 1.0
    part = float(np.abs(lags).max())
    both_ways = 2.0 * (power - lags.size / count)
    return max(1.0, 1.0 - part + both_ways / part)


def excess(reduced: float, freedom: int) -> float:
    """Return a reduced chi-square that is not chance (p < 0.01); else 1."""
    return reduced if chdtrc(max(1, freedom), reduced * freedom) < DISPROVED else 1.0


def _autocorrelation(residual: NDArray[Any]) -> tuple[Array, NDArray[np.bool_]]:
    """Return the autocorrelation at half of the lags, all that there is, and which are near."""
    rows, columns = residual.shape
    a, b = max(2, rows // FAR), max(2, columns // FAR)
    spectrum = np.abs(np.fft.fft2(residual, (rows + a, columns + b))) ** 2
    sums = np.fft.ifft2(spectrum).real
    along = np.arange(1 - b, b)
    half = sums[:a, along] / max(float(sums[0, 0]), 1e-300)
    near = np.broadcast_to(np.abs(along) < NEAR, half.shape) & (np.arange(a) < NEAR)[:, None]
    ahead = (np.arange(a)[:, None] > 0) | (along > 0)
    return half[ahead], near[ahead]
