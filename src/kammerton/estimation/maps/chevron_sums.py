"""What a chevron's refinement sums over its map: products of the law, its slopes and the data.

Along one row (one amplitude) the law and its six slopes are combinations of five functions of the
length: 1, C, S, late S and late C, where C and S are the damped cosine and sine. So their products
are summed once a row, and combined afterwards; height and level are eliminated then. Compiled in a
file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel, kernel, piece

Array = NDArray[np.float64]

FUNCTIONS = 6  # 1, C, S, late S, late C, y
SUMMED = 9  # six slopes, the law, 1, y
AHEAD = 8  # points: recurrences over so many go side by side
EVEN = 1e-9  # windows by which the points of an even axis may be off
SINGULAR = 1e-15  # determinant, in parts of the square of the trace


@kernel
def sum_up(theta: Array, a: Array, late: Array, y: Array, w: Array, total: Array) -> None:
    """Fill total (9, 9) with weighted products of the slopes by theta, the law, 1 and y.

    theta: gap, place, slope, bend, delay, damping. a (A,), late (B,); y and w = 1/sigma (A, B).
    """
    total[:, :] = 0.0
    cos, sin, step = np.empty(late.size), np.empty(late.size), even(late)
    gram, turn = np.empty((FUNCTIONS, FUNCTIONS)), np.zeros((SUMMED, FUNCTIONS))
    turn[7, 0] = turn[8, 5] = 1.0
    for row in range(a.size):
        away = a[row] - theta[1]
        detuned = theta[2] * away + theta[3] * away * away
        turn_by = 2.0 * math.pi * math.sqrt(theta[0] * theta[0] + detuned * detuned)
        fill_waves(turn_by, theta[5], late, step, cos, sin)
        fill_gram(late, cos, sin, y[row], w[row], gram)
        fill_turn(theta, away, turn)
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


@piece
def even(x: Array) -> float:
    """Return the distance of the points where it is one, else 0."""
    step, off = (x[x.size - 1] - x[0]) / max(x.size - 1, 1), 0.0
    for i in range(x.size):
        off = max(off, abs(x[i] - (x[0] + step * i)))
    return step if off < EVEN else 0.0


@piece
def fill_waves(
    turn: float, fade: float, late: Array, step: float, cos: Array, sin: Array
) -> None:  # fmt: skip
    """Fill the damped cosine and sine (B,); even ones from those AHEAD points before."""
    for i in range(min(AHEAD, late.size) if step > 0.0 else late.size):
        size = math.exp(-fade * late[i])
        cos[i], sin[i] = size * math.cos(turn * late[i]), size * math.sin(turn * late[i])
    if step <= 0.0:
        return
    far, onwards = math.exp(-fade * AHEAD * step), turn * AHEAD * step
    a, b = far * math.cos(onwards), far * math.sin(onwards)
    for i in range(late.size - AHEAD):
        cos[i + AHEAD] = cos[i] * a - sin[i] * b
        sin[i + AHEAD] = cos[i] * b + sin[i] * a


@careful_kernel
def eliminate(total: Array, c: Array, pull: Array, hessian: Array) -> float:
    """Fill height and level c (2,), pull (6,) and hessian (6, 6) of theta; return the cost.

    Where height and level cannot be told apart, with the pseudo-inverse: a matrix of rank 1 by
    the square of its trace.
    """
    a, b, d, whole = total[6, 6], total[6, 7], total[7, 7], total[6, 6] + total[7, 7]
    scale = 1.0 / max(whole * whole, 1e-300)
    first, mixed, second = a * scale, b * scale, d * scale
    if a * d - b * b > SINGULAR * whole * whole:
        scale = 1.0 / (a * d - b * b)
        first, mixed, second = d * scale, -b * scale, a * scale
    c[0] = first * total[6, 8] + mixed * total[7, 8]
    c[1] = mixed * total[6, 8] + second * total[7, 8]
    for i in range(pull.size):
        one, two = total[6, i], total[7, i]
        pull[i] = c[0] * (total[i, 8] - one * c[0] - two * c[1])
        for j in range(i + 1):
            by_law, by_one = first * one + mixed * two, mixed * one + second * two
            rest = total[i, j] - by_law * total[6, j] - by_one * total[7, j]
            hessian[i, j] = hessian[j, i] = c[0] * c[0] * rest
    along = c[0] * total[6, 8] + c[1] * total[7, 8]
    square = c[0] * (a * c[0] + b * c[1]) + c[1] * (b * c[0] + d * c[1])
    return float(total[8, 8] - 2.0 * along + square)


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
