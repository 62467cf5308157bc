"""Simpler laws that a trace may follow instead: nothing, a line, a jump, a random walk.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel
from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]
Cost = tuple[Array, int]

FLAT, LINE, STEP, WALK = range(4)
ALIKE = 0.03  # weights that differ by less have the same filter
PACES = (0.002, 0.015, 0.1, 0.6, 4.0)
"""Variances of a step of the walk, in parts of the noise's variance: an octave each way or so."""
COUNT = len(PACES)
PACE, LEVEL, SPREAD, GAIN, INVERSE, RATIO, PRODUCT, SQUARES, LOGS = range(9)  # of a filter's state


@dataclass(frozen=True, eq=False)
class Nulls:
    """Costs (N,) of simpler laws and their numbers of parameters."""

    flat: Cost
    line: Cost
    step: Cost
    walk: Cost

    def take(self, which: NDArray[Any]) -> Nulls:
        """Return those of some traces only."""
        laws = (self.flat, self.line, self.step, self.walk)
        return Nulls(*((cost[which], k) for cost, k in laws))

    def replaced(self, which: NDArray[Any], part: Nulls) -> Nulls:
        """Return these nulls with those of the traces `which` from `part`."""
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
    state = np.empty((9, COUNT))
    m = y.shape[1] // parts
    for n in range(y.shape[0]):
        k = n if x.shape[0] > 1 else 0
        out[n, :] = 0.0
        for part in range(parts):
            straight(x[k], y[n, part * m : (part + 1) * m], w[n, part * m : (part + 1) * m], out[n])
        out[n, 3] = walk(y[n], w[n], parts, known, out[n, 0], state)


@kernel
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
def walk(y: Array, w: Array, parts: int, known: bool, flat: float, state: Array) -> float:
    """Return the cost of a random walk in noise, at the best of some paces."""
    mean_w, count = 0.0, 0
    for i in range(w.size):
        if w[i] > 0.0:
            mean_w += w[i]
            count += 1
    if count <= parts:
        return flat
    typical, best = (count / mean_w) ** 2, math.inf
    for k in range(COUNT):
        state[PACE, k] = PACES[k] * typical
    filtered(y, w, parts, state)
    for k in range(COUNT):
        squares, logs = state[SQUARES, k], state[LOGS, k]
        cost = squares + logs if known else squares * math.exp(logs / (count - parts))
        best = min(best, cost)
    return best


@kernel
def filtered(y: Array, w: Array, parts: int, state: Array) -> None:
    """Sum squared innovations, and their log variances relative to the noise, for every pace.

    The paces go side by side: one filter is a chain of operations that wait for each other.
    Where the noise does not change, the filter soon does not either, and is not computed again.
    """
    m = y.size // parts
    state[SQUARES, :], state[LOGS, :] = 0.0, 0.0
    for part in range(parts):
        seen, settled, last = False, False, 0.0
        state[PRODUCT, :] = 1.0
        for i in range(part * m, (part + 1) * m):
            if w[i] == 0.0:
                settled = False
                for k in range(COUNT):
                    state[SPREAD, k] += state[PACE, k]
                continue
            if not seen:
                seen, last = True, w[i]
                state[LEVEL, :], state[SPREAD, :] = y[i], 1.0 / (w[i] * w[i])
                continue
            if not settled or abs(w[i] - last) > ALIKE * last:
                settled = update(w[i], abs(w[i] - last) <= ALIKE * last, state)
                last = w[i]
            for k in range(COUNT):
                away = y[i] - state[LEVEL, k]
                state[SQUARES, k] += away * away * state[INVERSE, k]
                state[LEVEL, k] += state[GAIN, k] * away
                state[PRODUCT, k] *= state[RATIO, k]
            if state[PRODUCT, COUNT - 1] > 1e200:  # the largest: of the quickest walk
                store_logs(state)
        store_logs(state)


@kernel
def update(w: float, alike: bool, state: Array) -> bool:
    """Take the filters one point on; return whether they no longer change."""
    noise, settled = 1.0 / (w * w), alike
    for k in range(COUNT):
        whole = state[SPREAD, k] + state[PACE, k] + noise
        inverse = 1.0 / whole
        gain = 1.0 - noise * inverse
        settled = settled and abs(gain * noise - state[SPREAD, k]) < 1e-3 * state[SPREAD, k]
        state[SPREAD, k], state[GAIN, k], state[INVERSE, k] = gain * noise, gain, inverse
        state[RATIO, k] = whole * w * w
    return settled


@kernel
def store_logs(state: Array) -> None:
    """Move the products of the variances into the sums of their logarithms."""
    for k in range(COUNT):
        state[LOGS, k] += math.log(state[PRODUCT, k])
        state[PRODUCT, k] = 1.0
