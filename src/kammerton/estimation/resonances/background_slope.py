"""What a slope of the background would gain: Rao's score test, without another fit.

Only a slope of its size: one of its phase is a longer delay, because x L is a sum of 1 and L.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution

Array = NDArray[np.float64]
OWN = 7  # centre, full width, delay; b and a of b + a L, each in two parts


def slope_gain(batch: Batch, fit: Solution) -> Array:
    """Return by how much chi-square would fall (N,) if the background of a resonance sloped.

    fit: of the law RESONANCE with a level background. Exact for small gains (Rao 1948); in
    units of the scatter about the fit where sigma is not known.
    """
    gain = np.empty(batch.traces)
    fill_gain(batch.x, batch.w, fit.residual, fit.theta, fit.cov, gain)
    if batch.known_noise:
        return gain
    return np.asarray(gain * np.maximum(batch.rows - fit.free, 1) / np.maximum(fit.cost, 1e-300))


@kernel
def fill_gain(x: Array, w: Array, r: Array, theta: Array, cov: Array, gain: Array) -> None:
    """Fill gain (N,). x (1 or N, M), w and r (N, 2 M), theta (N, 7), cov (N, 7, 7)."""
    both = np.empty(OWN)
    for n in range(gain.size):
        falls, size = along_slope(x[n if x.shape[0] > 1 else 0], w[n], r[n], theta[n], both)
        own = size
        for i in range(OWN):
            for j in range(OWN):
                own -= both[i] * cov[n, i, j] * both[j]
        gain[n] = falls * falls / own if own > 1e-6 * size else 0.0


@kernel
def along_slope(x: Array, w: Array, r: Array, theta: Array, both: Array) -> tuple[float, float]:
    """Return the slope's products with the residual and itself; fill those with the law's own."""
    m, turn, width = x.size, 2.0 * math.pi * theta[2], theta[1]
    level, height = complex(theta[3], theta[4]), complex(theta[5], theta[6])
    falls, size = complex(0.0, 0.0), 0.0
    one = line = centre = wide = delay = 0.0 * level
    for i in range(m):
        t, w2 = x[i] - 0.5, w[i] * w[i]
        pole = 1.0 / complex(1.0, 2.0 * (x[i] - theta[0]) / width)
        by_u = -2.0j * height * pole * pole / width
        back = complex(math.cos(turn * x[i]), math.sin(turn * x[i]))
        falls += w[i] * t * back * complex(r[i], r[m + i])
        size += w2 * t * t
        one += w2 * t
        line += w2 * t * pole
        centre -= w2 * t * by_u
        wide -= w2 * t * by_u * (x[i] - theta[0]) / width
        delay -= w2 * t * 2.0j * math.pi * x[i] * (level + height * pole)
    columns = (centre, wide, delay, one, 1.0j * one, line, 1.0j * line)
    along = level.conjugate() / max(abs(level), 1e-300)
    for k in range(OWN):
        both[k] = (along * columns[k]).real
    return (along * falls).real, size
