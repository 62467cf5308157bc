"""How likely a shot on the line from cloud 0 to cloud 1 is to be of either, in numba."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.compiling import kernel

Array = NDArray[np.float64]
Ways = tuple[NDArray[np.intp], Array, Array, Array, Array]

SQRT_2PI, SQRT_2 = math.sqrt(2 * math.pi), math.sqrt(2)
LEAST_DENSITY, FARTHEST = 1e-300, 700.0  # and the logarithm of the smallest that is looked at


@kernel
def fill_odds(pair: Array, u: Array, ways: Ways, gain: Array, slope: Array) -> None:
    """Fill the logarithm of how much likelier 1 is than 0 on their line at u, and its slope (N,).

    pair: distance, decay and width of the two clouds (3, N); ways: of two states.
    """
    _, share, jumps, times, at = ways
    p, fall = np.empty(2), np.empty(2)
    for n in range(u.size):
        p[:] = fall[:] = 0.0
        apart, decay, width = pair[0, n], pair[1, n], pair[2, n]
        for k in range(share.size):
            b = (u[n] - apart * at[k, 1]) / width
            rate = decay if jumps[k, 0] > 0 else 1.0
            stays = min(decay * times[k, 0] + 0.5 * b * b, FARTHEST)
            own, s = share[k] * rate * math.exp(-stays) / SQRT_2PI, ways[0][k]
            p[s] += own
            fall[s] -= own * b / width
        p[0], p[1] = max(p[0], LEAST_DENSITY), max(p[1], LEAST_DENSITY)
        gain[n] = math.log(p[1]) - math.log(p[0])
        slope[n] = fall[1] / p[1] - fall[0] / p[0]


@kernel
def fill_third(theta: Array, ways: Ways, threshold: float, out: Array) -> None:
    """Fill out (N,): how likely a shot of state 2 is to lie beyond a threshold from 0 to 1.

    theta: (N, T) of three states; ways: of those. Many theta differ from the first in nothing that
    this depends on.
    """
    origin, share, jumps, times, at = ways
    places = np.zeros(3)
    for n in range(out.size):
        own, alike = theta[n], n > 0
        for t in range(9):
            alike = alike and own[t] == theta[0, t]
        if alike:
            out[n] = out[0]
            continue
        line, total = complex(own[1] - own[0], own[4] - own[3]), 0.0
        for c in range(3):
            off = complex(own[c] - own[0], own[3 + c] - own[3])
            places[c] = (off.real * line.real + off.imag * line.imag) / abs(line)
        for k in range(origin.size):
            if origin[k] == 2:
                rate, stays, along = share[k], 0.0, threshold
                for d in range(2):
                    rate *= own[7 + d] if jumps[k, d] > 0 else 1.0
                    stays += own[7 + d] * times[k, d]
                for c in range(3):
                    along -= at[k, c] * places[c]
                total += rate * math.exp(-stays) * math.erfc(along / (SQRT_2 * own[6]))
        out[n] = 0.5 * total
