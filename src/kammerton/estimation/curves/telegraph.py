"""A trace that jumps to another level and back: a two-level defect, which looks like a line.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import gain_over

Array = NDArray[np.float64]

ROUNDS = 4  # times that levels and place of the box are found in turn
TILTS = 3  # times that box and slope are found in turn
PARAMETERS = 4  # two levels, two jumps


def over_a_box(batch: Batch, fit: Solution, centre: Array, half: Array) -> Array:
    """Return the delta-BIC (N,) of a law over a box: one level, another for a while, the first.

    Over the better of two: of levels that stay, and of levels that both drift alike. centre, half:
    in windows, where the box is looked for first; it may reach to an end of the window, and is a
    step then.
    """
    costs = np.empty((2, batch.traces))
    fill_boxes(batch.x, batch.y, batch.w, centre, half, ROUNDS, TILTS, costs)
    level, sloping = (gain_over(batch, fit, costs[k], PARAMETERS + k) for k in (0, 1))
    return np.minimum(level, sloping)


@kernel
def fill_boxes(
    x: Array, y: Array, w: Array, centre: Array, half: Array, rounds: int, tilts: int, costs: Array
) -> None:
    """Fill costs (2, N) with the smallest sums of squares of boxes: on a level, and on a slope."""
    m = y.shape[1]
    for n in range(y.shape[0]):
        t = x[n if x.shape[0] > 1 else 0]
        first, last = 0, m - 1
        while first < m - 1 and t[first] < centre[n] - half[n]:
            first += 1
        while last > first and t[last] > centre[n] + half[n]:
            last -= 1
        first, last, costs[0, n] = boxed(y[n], w[n], first, last, rounds)
        costs[1, n] = costs[0, n]
        for _ in range(tilts):
            level = y[n] - tilt(t, y[n], w[n], first, last) * t
            first, last, rest = boxed(level, w[n], first, last, rounds)
            costs[1, n] = min(costs[1, n], rest)


@kernel
def boxed(y: Array, w: Array, first: int, last: int, rounds: int) -> tuple[int, int, float]:
    """Return the box that is reached from first ... last, and its sum of squares."""
    best = math.inf
    for _ in range(rounds):
        inside, outside, rest = levels(y, w, first, last)
        if rest >= best:
            break
        best = rest
        first, last = interval(y, w, inside, outside)
    return first, last, best


@kernel
def tilt(x: Array, y: Array, w: Array, first: int, last: int) -> float:
    """Return the slope that is left when first ... last has a level of its own."""
    sums = np.zeros((2, 3))  # outside and inside: of weights, x, y
    for i in range(y.size):
        v, k = w[i] * w[i], int(first <= i <= last)
        sums[k, 0], sums[k, 1] = sums[k, 0] + v, sums[k, 1] + v * x[i]
        sums[k, 2] += v * y[i]
    across = along = 0.0
    for i in range(y.size):
        v, k = w[i] * w[i], int(first <= i <= last)
        away = x[i] - sums[k, 1] / max(sums[k, 0], 1e-300)
        across, along = across + v * away * y[i], along + v * away * away
    return across / along if along > 0.0 else 0.0


@kernel
def levels(y: Array, w: Array, first: int, last: int) -> tuple[float, float, float]:
    """Return the means inside and outside of first ... last, and the cost of both."""
    si = so = wi = wo = square = 0.0
    for i in range(y.size):
        v = w[i] * w[i]
        square += v * y[i] * y[i]
        if first <= i <= last:
            si, wi = si + v * y[i], wi + v
        else:
            so, wo = so + v * y[i], wo + v
    inside, outside = si / wi if wi > 0.0 else 0.0, so / wo if wo > 0.0 else 0.0
    return inside, outside, square - inside * si - outside * so


@kernel
def interval(y: Array, w: Array, inside: float, outside: float) -> tuple[int, int]:
    """Return the points in a row that gain most by the inner level (Kadane's algorithm)."""
    best, total, start, first, last = -math.inf, 0.0, 0, 0, 0
    for i in range(y.size):
        total += w[i] * w[i] * ((y[i] - outside) ** 2 - (y[i] - inside) ** 2)
        if total > best:
            best, first, last = total, start, i
        if total < 0.0:
            total, start = 0.0, i + 1
    return first, last
