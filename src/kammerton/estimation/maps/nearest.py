"""How far the bright points nearest to a line lie from it, and how well it runs through them.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel

Array = NDArray[np.float64]


@careful_kernel
def fill_near(
    line: Array, f: Array, error: Array, reach: float, most: float, miss: Array, weight: Array
) -> float:  # fmt: skip
    """Fill the miss of the nearest point of each column (B,) and its weight; return the cost.

    f (B, C): the points; error (B, C): infinite where there is none. The cost is robust: a point
    beyond `reach` has no weight, one that is `most` off in the square costs nothing, and one that
    fits is a gain.
    """
    cost = 0.0
    for n in range(line.size):
        best, least = 0, math.inf
        for k in range(f.shape[1]):
            away = abs(f[n, k] - line[n])
            if math.isfinite(error[n, k]) and away < least:
                best, least = k, away
        miss[n], weight[n] = f[n, best] - line[n], 0.0
        far = abs(miss[n]) / reach
        if far < 1.0 and math.isfinite(error[n, best]):
            weight[n] = (1.0 - far * far) / error[n, best]
        if weight[n] > 0.0:
            cost += min((miss[n] * weight[n]) ** 2 - most, 0.0)
    return cost
