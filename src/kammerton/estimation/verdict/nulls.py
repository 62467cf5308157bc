"""Simpler laws that a trace may follow instead: nothing, a line, a jump, a random walk.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.arrays import all_of
from kammerton.estimation.numeric.kernels import kernel, piece
from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]
Cost = tuple[Array, int]

FLAT, LINE, STEP, WALK = range(4)
PACES = (0.002, 0.015, 0.1, 0.6, 4.0)
"""Variances of a step of the walk, in parts of the noise's variance: an octave each way or so."""
COUNT = len(PACES)
SIDE = 8  # traces filtered side by side
LARGE = 1e30  # at which a filter's numbers are scaled
PACE, NUMBER, PART, WHOLE, VALUE, WEIGHT = range(6)  # of a filter's state


@dataclass(frozen=True, eq=False)
class Nulls:
    """Costs (N,) of simpler laws and their numbers of parameters."""

    flat: Cost
    line: Cost
    step: Cost
    walk: Cost

    def take(self, which: NDArray[Any]) -> Nulls:
        """Return those of some traces only."""
        if all_of(which, len(self.flat[0])):
            return self
        laws = (self.flat, self.line, self.step, self.walk)
        return Nulls(*((cost[which], k) for cost, k in laws))

    def replaced(self, which: NDArray[Any], part: Nulls) -> Nulls:
        """Return these nulls with those of the traces `which` from `part`."""
        if all_of(which, len(self.flat[0])):
            return part
        laws = zip((self.flat, self.line, self.step, self.walk),
                   (part.flat, part.line, part.step, part.walk), strict=True)  # fmt: skip
        return Nulls(*((_put(old, which, new), k) for (old, k), (new, _) in laws))

    def least(self, other: Nulls) -> Nulls:
        """Return the better of two sets, law by law."""
        pairs = zip((self.flat, self.line, self.step, self.walk),
                    (other.flat, other.line, other.step, other.walk), strict=True)  # fmt: skip
        return Nulls(*((np.minimum(a, b), k) for (a, k), (b, _) in pairs))

    def over_a_slope(self) -> Nulls:
        """Return the nulls of a law that has a sloping background: flat means a line."""
        return Nulls(self.line, self.line, self.step, self.walk)


def _put(old: Array, which: NDArray[Any], new: Array) -> Array:
    result = old.copy()
    result[which] = new
    return result


def simple_laws(batch: Batch) -> Nulls:
    """Fit a constant, a straight line, a single jump and a random walk.

    A constant, a slope and a jump have one value for each part of a complex trace. The cost of
    a walk is twice its negative log likelihood less that of the same noise without a walk, at
    the best of a few step sizes (Kalman filter of the local level model, Durbin and Koopman,
    Time Series Analysis by State Space Methods, ch. 2); without a known sigma, the residual
    scatter takes its place, and the cost is the sum of squares that would give the same.
    """
    costs = np.empty((batch.traces, 4))
    fill_simple(batch.x, batch.y, batch.w, batch.parts, batch.known_noise, costs)
    flat, line, step, walk = np.ascontiguousarray(costs.T)
    parts = batch.parts
    return Nulls((flat, parts), (line, 2 * parts), (step, 3 * parts), (walk, parts + 1))


@kernel
def fill_simple(x: Array, y: Array, w: Array, parts: int, known: bool, out: Array) -> None:
    """Fill out (N, 4) with the costs of the four laws."""
    m = y.shape[1] // parts
    for n in range(y.shape[0]):
        k = n if x.shape[0] > 1 else 0
        out[n, :] = 0.0
        for part in range(parts):
            straight(x[k], y[n, part * m : (part + 1) * m], w[n, part * m : (part + 1) * m], out[n])
    state = np.empty((6, COUNT * SIDE))
    for first in range(0, y.shape[0], SIDE):
        fill_walks(y, w, first, parts, known, state, out)


@piece
def straight(x: Array, y: Array, w: Array, out: Array) -> None:
    """Add the costs of a constant, a line and a jump to out."""
    total = mean_x = mean_y = 0.0
    for i in range(x.size):
        v = w[i] * w[i]
        total += v
        mean_x += v * x[i]
        mean_y += v * y[i]
    if total == 0.0:
        return
    mean_x, mean_y = mean_x / total, mean_y / total
    flat = xx = xy = left = moment = jump = 0.0
    for i in range(x.size):
        v, dx, dy = w[i] * w[i], x[i] - mean_x, y[i] - mean_y
        flat += v * dy * dy
        xx += v * dx * dx
        xy += v * dx * dy
        left += v
        moment += v * dy
        right = total - left
        if v > 0.0 and right > 1e-9 * total:
            jump = max(jump, moment * moment * total / (left * right))
    out[0] += flat
    out[1] += flat - (xy * xy / xx if xx > 0.0 else 0.0)
    out[2] += flat - jump


@kernel
def fill_walks(
    y: Array, w: Array, first: int, parts: int, known: bool, state: Array, out: Array
) -> None:
    """Fill the costs of random walks in noise, each at the best pace, of SIDE traces at once.

    Traces and paces go side by side: a filter is a chain of operations that wait for each other.
    """
    m, last = y.shape[1] // parts, y.shape[0] - 1
    count, typical = np.zeros(SIDE), np.empty(SIDE)
    for s in range(SIDE):
        n, mean_w = min(first + s, last), 0.0
        for i in range(parts * m):
            mean_w += w[n, i]
            count[s] += w[n, i] > 0.0
        typical[s] = max((mean_w / max(count[s], 1.0)) ** 2, 1e-300)
    sums = np.zeros((2, COUNT * SIDE))
    for part in range(parts):
        filtered(y, w, first, part * m, m, typical, state, sums)
    for s in range(min(SIDE, y.shape[0] - first)):
        best, freedom = math.inf, count[s] - parts
        for k in range(COUNT):
            squares, logs = sums[0, k * SIDE + s] * typical[s], sums[1, k * SIDE + s]
            cost = squares + logs if known else squares * math.exp(logs / max(freedom, 1.0))
            best = min(best, cost)
        out[first + s, WALK] = best if freedom > 0.0 else out[first + s, FLAT]


@piece
def filtered(
    y: Array, w: Array, first: int, begin: int, m: int, typical: Array, state: Array, sums: Array
) -> None:
    """Add squared innovations, and log variances relative to the noise, to sums (2, lanes).

    With the level's variance as NUMBER over PART, and the level as WHOLE over PART, no point
    waits for a division; the product of the variances is PART at the end over PART at the start.
    """
    last, lanes = y.shape[0] - 1, COUNT * SIDE
    for k in range(lanes):
        state[NUMBER, k], state[PART, k], state[WHOLE, k] = 1.0, 0.0, 0.0  # nothing is known yet
        state[PACE, k] = PACES[k // SIDE]
    for i in range(begin, begin + m):
        for s in range(SIDE):
            n = min(first + s, last)
            value, weight = y[n, i], w[n, i] * w[n, i] / typical[s]
            if state[PART, s] == 0.0 and weight > 0.0:
                begun = math.log(weight)
                for k in range(COUNT):
                    sums[1, k * SIDE + s] -= begun
            for k in range(COUNT):
                state[VALUE, k * SIDE + s], state[WEIGHT, k * SIDE + s] = value, weight
        for k in range(lanes):
            gain, part = state[NUMBER, k] * state[WEIGHT, k], state[PART, k]
            new, away = part + gain, state[VALUE, k] * part - state[WHOLE, k]
            state[WHOLE, k] += gain * state[VALUE, k]
            state[NUMBER, k] += state[PACE, k] * new
            state[PART, k] = new
            sums[0, k] += away * away * state[WEIGHT, k] / max(part * new, 1e-300)
        largest = 0.0
        for k in range(lanes - SIDE, lanes):  # of the quickest walk
            largest = max(largest, state[PART, k])
        if largest > LARGE:
            shrink(state, sums[1])
    for k in range(lanes):
        sums[1, k] += math.log(max(state[PART, k], 1e-300))


@kernel
def shrink(state: Array, logs: Array) -> None:
    """Scale the filters that have become large; logs (lanes,) remember it."""
    for k in range(logs.size):
        if state[PART, k] > LARGE:
            logs[k] += math.log(LARGE)
            for row in (NUMBER, PART, WHOLE):
                state[row, k] *= 1.0 / LARGE
