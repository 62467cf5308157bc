"""What a chevron's refinement sums over its map: products of the law, its slopes and the data.

Along one row (one amplitude) the law and its six slopes are combinations of five functions of the
length: 1, C, S, late S and late C, where C and S are the damped cosine and sine. So their products
are summed once a row, and combined afterwards. Compiled in a file of its own, see
`kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel

Array = NDArray[np.float64]

FUNCTIONS = 6  # 1, C, S, late S, late C, y
SUMMED = 9  # six slopes, the law, 1, y


@kernel
def sum_up(
    theta: Array, a: Array, late: Array, cos: Array, sin: Array, y: Array, w: Array, total: Array
) -> None:
    """Fill total (9, 9) with weighted products of the slopes by theta, the law, 1 and y.

    theta: gap, place, slope, bend, delay, damping. late (B,); cos, sin, y and w = 1/sigma (A, B).
    """
    total[:, :] = 0.0
    gram, turn = np.empty((FUNCTIONS, FUNCTIONS)), np.zeros((SUMMED, FUNCTIONS))
    turn[7, 0] = turn[8, 5] = 1.0
    for row in range(a.size):
        fill_gram(late, cos[row], sin[row], y[row], w[row], gram)
        fill_turn(theta, a[row] - theta[1], turn)
        for i in range(SUMMED):
            for k in range(FUNCTIONS):
                part = 0.0
                for m in range(FUNCTIONS):
                    part += turn[i, m] * gram[m, k]
                for j in range(i + 1):
                    total[i, j] += part * turn[j, k]
    for i in range(SUMMED):
        for j in range(i):
            total[j, i] = total[i, j]


@kernel
def fill_gram(late: Array, cos: Array, sin: Array, y: Array, w: Array, gram: Array) -> None:
    """Fill the weighted products (6, 6) of the functions along one row."""
    n, c, s, e, f, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    cc, cs, ce, cf, ch, ss, se, sf, sh = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    ee, ef, eh, ff, fh, hh = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(late.size):
        v = w[i] * w[i]
        ci, si = v * cos[i], v * sin[i]
        ei, fi, yi = late[i] * sin[i], late[i] * cos[i], y[i]
        n, c, s, e, f, h = n + v, c + ci, s + si, e + v * ei, f + v * fi, h + v * yi
        cc, cs, ce, cf = cc + ci * cos[i], cs + ci * sin[i], ce + ci * ei, cf + ci * fi
        ss, se, sf = ss + si * sin[i], se + si * ei, sf + si * fi
        ch, sh, eh, fh = ch + ci * yi, sh + si * yi, eh + v * ei * yi, fh + v * fi * yi
        ee, ef, ff, hh = ee + v * ei * ei, ef + v * ei * fi, ff + v * fi * fi, hh + v * yi * yi
    rows = ((n, c, s, e, f, h), (c, cc, cs, ce, cf, ch), (s, cs, ss, se, sf, sh),
            (e, ce, se, ee, ef, eh), (f, cf, sf, ef, ff, fh), (h, ch, sh, eh, fh, hh))  # fmt: skip
    for i in range(FUNCTIONS):
        for j in range(FUNCTIONS):
            gram[i, j] = rows[i][j]


@kernel
def fill_turn(theta: Array, away: float, turn: Array) -> None:
    """Fill how the slopes and the law (7, 6) of one row are made of the functions."""
    gap, slope, bend, rate = theta[0], theta[2], theta[3], theta[5]
    d = slope * away + bend * away * away
    square = gap * gap + d * d
    w = math.sqrt(square)
    share = 0.5 * gap * gap / square
    by_w = 2.0 * math.pi * share  # of late S
    turn[6, 0], turn[6, 1] = share, -share
    by_d, more = d / w * by_w, -2.0 * d / square
    by_gap, rest = gap / w * by_w, 2.0 / gap - 2.0 * gap / square
    turn[0, 0], turn[0, 1], turn[0, 3] = rest * share, -rest * share, by_gap
    tilt = -(slope + 2.0 * bend * away)
    put(turn[1], tilt, more * share, by_d)
    put(turn[2], away, more * share, by_d)
    put(turn[3], away * away, more * share, by_d)
    turn[4, 1], turn[4, 2] = -share * rate, -by_w * w
    turn[5, 4] = share


@kernel
def put(turn: Array, part: float, law: float, by_d: float) -> None:
    """Put a part of the law's slope by the detuning."""
    turn[0], turn[1], turn[3] = part * law, -part * law, part * by_d
