"""How bright a map is along pairs of branches.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel, careful_piece

Array = NDArray[np.float64]
Limits = tuple[float, float, float]


@careful_kernel
def fill_brightness(
    s: Array, columns: NDArray[np.intp], b: Array, step: float, theta: Array, apart: float,
    limits: Limits, bright: Array,
) -> None:  # fmt: skip
    """Fill how bright the pairs theta (T, 5) of `crossing_law` are in s (B, A), (T,).

    columns: those of s that judge, at biases b (B,). step: of frequency, in windows. apart: where
    branches are nearer than that, they are one line, which counts once. limits: see `counted`.
    """
    for t in range(theta.shape[0]):
        total = 0.0
        for k in range(columns.size):
            row, away = s[columns[k]], b[columns[k]] - theta[t, 1]
            steep = theta[t, 3] * away
            half = math.sqrt(steep * steep + theta[t, 4] * theta[t, 4] + 1e-18)
            centre = theta[t, 0] + theta[t, 2] * away
            total += counted(row, centre + half, step, limits)
            if not (centre + half) - (centre - half) < apart:
                total += counted(row, centre - half, step, limits)
        bright[t] = total


@careful_piece
def counted(row: Array, f: float, step: float, limits: Limits) -> float:
    """Return what a branch at f counts in a column; 0 outside the window.

    limits: brighter counts no more, what noise alone shows, and the least that a column counts.
    """
    most, dull, least = limits
    if not 0.0 <= f <= 1.0:
        return 0.0
    point = min(int(np.rint(f / step)), row.size - 1)
    return float(max(min(row[point], most) - dull, least))
