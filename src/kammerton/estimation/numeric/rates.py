"""One decay whose shape is held and whose levels are free: a search for its rate alone.

The least squares of `kernels.DECAY` with one nonlinear parameter, where all small matrices are
numbers: a third of the time of the general solver, and the same minimum. Compiled in a file of its
own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import DECAY, kernel, piece
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import ITERATIONS, Solution, replaced, solve

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Sums = tuple[float, ...]

LEAST = 1e-9  # part that must be left of a sum of squares: with less, rounding would tell
ENOUGH = 2e-6  # relative gain at which an iteration is the last: 1e-4 of chi-square
SMALL = 0.1  # damping below which what a step promises is what is left to gain
AHEAD = 8  # points: recurrences over so many go side by side
E, EE, SLOPE, SLOPE_E, SQUARE, EY, SLOPE_Y = range(7)  # sums of one rate


def exponentials(batch: Batch, start: Array, low: Array, high: Array) -> Solution:
    """Refine decays of shape 0 from `start` (N, 2) within low and high (2,), as `solve` does.

    Where rounding would hide what the sums are to tell, `solve` does it.
    """
    n = batch.traces
    theta, cov, residual = np.empty((n, 4)), np.empty((n, 4, 4)), np.empty_like(batch.y)
    cost, done = np.empty(n), np.empty(n, dtype=np.bool_)
    theta[:, :2] = start
    fill_rates(
        batch.x, batch.step, batch.y, batch.w, low[0], high[0], ITERATIONS, theta, cov, residual,
        cost, done,
    )  # fmt: skip
    found = Solution(DECAY, theta, cov, cost, residual, np.full(n, 3, dtype=np.intp))
    which = np.flatnonzero(~done)
    if len(which) == 0:
        return found
    part = solve(DECAY, batch.take(which), start[which], low, high)
    return replaced(found, which, part, np.ones(len(which), dtype=np.bool_))


@piece
def envelope(rate: float, x: Array, step: float, out: Array) -> None:
    """Write exp(-rate x); where x is uniform, each from the one AHEAD points before.

    Its like stands in kernels.py, for the reason that is given there.
    """
    if step <= 0.0:
        for i in range(x.size):
            out[i] = math.exp(-rate * x[i])
        return
    value, next_ = math.exp(-rate * x[0]), math.exp(-rate * step)
    for i in range(min(AHEAD, x.size)):
        out[i] = value
        value *= next_
    far = next_**AHEAD
    for i in range(x.size - AHEAD):
        out[i + AHEAD] = out[i] * far


@piece
def summed(rate: float, x: Array, step: float, y: Array, v: Array, room: Array) -> Sums:
    """Return the weighted sums of e, e^2, xe, xe e, (xe)^2, ey and xe y."""
    envelope(rate, x, step, room)
    e = ee = slope = slope_e = square = ey = slope_y = 0.0
    for i in range(x.size):
        own = v[i] * room[i]
        far = x[i] * own
        e, ee, ey = e + own, ee + own * room[i], ey + own * y[i]
        slope, slope_e, slope_y = slope + far, slope_e + far * room[i], slope_y + far * y[i]
        square += far * x[i] * room[i]
    return e, ee, slope, slope_e, square, ey, slope_y


@piece
def centred(s: Sums, total: float, mean: float) -> Sums:
    """Return the amplitude, (e, e), (xe, e) and (xe, xe) of what is no constant, and (xe, rest).

    s: see `summed`; total: of the weights; mean: of y.
    """
    ee = s[EE] - s[E] * s[E] / total
    both, far = s[SLOPE_E] - s[SLOPE] * s[E] / total, s[SQUARE] - s[SLOPE] * s[SLOPE] / total
    size = (s[EY] - s[E] * mean) / ee
    return size, ee, both, far, s[SLOPE_Y] - s[SLOPE] * mean - size * both


@piece
def told(s: Sums, c: Sums) -> bool:
    """Return whether amplitude, level and rate can be told apart with the sums."""
    return c[1] > LEAST * s[EE] and c[3] * c[1] - c[2] * c[2] > LEAST * c[1] * c[3]


@piece
def descended(
    x: Array, step: float, y: Array, v: Array, rate: float, low: float, high: float,
    iterations: int, total: float, mean: float, square: float, room: Array,
) -> tuple[float, bool]:  # fmt: skip
    """Return the best rate by Levenberg-Marquardt's steps, and whether the sums tell it.

    square: of y less its mean.
    """
    s = summed(rate, x, step, y, v, room)
    c, lam = centred(s, total, mean), 1e-2
    cost = square - c[0] * c[0] * c[1]
    for _ in range(iterations):
        if not told(s, c):
            return rate, False
        fall, own = -c[0] * c[4], c[0] * c[0] * (c[3] - c[2] * c[2] / c[1])
        before, lower, tried = cost, False, rate
        for failed in range(8):
            move = fall / (own * (1.0 + lam) + 1e-14)
            if failed == 0 and lam < SMALL and fall * move <= ENOUGH * before:
                return rate, True
            tried = min(max(rate + move, low), high)
            s = summed(tried, x, step, y, v, room)
            c = centred(s, total, mean)
            cost = square - c[0] * c[0] * c[1]
            lower = cost <= before
            if lower:
                break
            lam *= 10.0
        if not lower:
            return rate, True
        rate, lam = tried, lam * 0.1
        if before - cost <= ENOUGH * before:
            break
    return rate, True


@kernel
def fill_rates(
    x: Array, step: Array, y: Array, w: Array, low: float, high: float, iterations: int,
    theta: Array, cov: Array, r: Array, cost: Array, done: Mask,
) -> None:  # fmt: skip
    """Refine the rates theta[:, 0] of traces (N, M), and fill amplitude and level (columns 2, 3).

    cov (N, 4, 4), r (N, M) and cost (N,) as of `kernels.solve`. done (N,): False where rounding
    would hide what is to be told; nothing is filled there that counts.
    """
    v, room = np.empty(y.shape[1]), np.empty(y.shape[1])
    for n in range(y.shape[0]):
        k = n if x.shape[0] > 1 else 0
        total = mean = square = 0.0
        for i in range(v.size):
            v[i] = w[n, i] * w[n, i]
            total += v[i]
            mean += v[i] * y[n, i]
        mean /= max(total, 1e-300)
        for i in range(v.size):
            square += v[i] * (y[n, i] - mean) * (y[n, i] - mean)
        rate, done[n] = descended(
            x[k], step[k], y[n], v, min(max(theta[n, 0], low), high), low, high, iterations,
            total, mean, square, room,
        )  # fmt: skip
        s = summed(rate, x[k], step[k], y[n], v, room)
        c = centred(s, total, mean)
        size = c[0]
        done[n] = done[n] and total > 0.0 and told(s, c) and size * size * c[1] > LEAST * square
        if not done[n]:
            continue
        level = mean - size * s[E] / total
        theta[n, 0], theta[n, 2], theta[n, 3], cost[n] = rate, size, level, 0.0
        for i in range(v.size):
            r[n, i] = w[n, i] * (y[n, i] - size * room[i] - level)
            cost[n] += r[n, i] * r[n, i]
        fill_covariance(size, s[E] / total, -size * s[SLOPE] / total, 1.0 / total, c, cov[n])


@piece
def fill_covariance(size: float, e: float, slope: float, unit: float, c: Sums, cov: Array) -> None:
    """Fill the unit-weight covariance (4, 4) of rate, shape (held), amplitude and level.

    e, slope: means of the decay and of its slope by the rate; unit: variance of a mean.
    """
    cov[:, :] = 0.0
    left = c[3] * c[1] - c[2] * c[2]
    rate, both, own = c[1] / (size * size * left), c[2] / (size * left), c[3] / left
    by_rate, by_size = -(e * both + slope * rate), -(e * own + slope * both)
    cov[0, 0], cov[2, 2] = rate, own
    cov[0, 2] = cov[2, 0] = both
    cov[0, 3] = cov[3, 0] = by_rate
    cov[2, 3] = cov[3, 2] = by_size
    cov[3, 3] = unit - e * by_size - slope * by_rate
