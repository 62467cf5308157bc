"""Two lines in one scan: a second one beside the first, or both in the place of a broad one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import CERTAIN, Solution, merged, replaced, solve
from kammerton.estimation.verdict.evidence import Mask, delta_bic, structured

Array = NDArray[np.float64]

SEARCHED = 16.0  # delta-BIC that pays for a search over the whole window
HOPE = 16.0  # what a second line gains in chi-square where it is first seen, but for its best point
ALONE = 6  # fewest points for each parameter before a second line is looked for
LORENTZIAN, GAUSSIAN = (1.0, 0.0), (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The traces (B,) in which two lines were found, and their fit.

    narrow: (N,) of all traces, those that show two, but narrower than the distance of two points.
    """

    which: NDArray[np.intp]
    fit: Solution
    narrow: Mask


def two_lines(batch: Batch, fit: Solution) -> Pairs:
    """Look for a second line where the residuals of one are not noise, or hold a line."""
    seed = search(batch, "lines", 1, np.where(batch.w > 0, fit.residual, 0.0))
    asked = structured(batch, fit) | (_promised(batch, fit, seed) > HOPE)
    which = np.flatnonzero(asked & (batch.rows > 8 * ALONE))
    part, single = batch.take(which), fit.take(which)
    narrow = np.zeros(batch.traces, dtype=bool)
    if len(which) == 0:
        return Pairs(which, single, narrow)
    double = _pair(part, np.hstack([single.p, seed[which]]))
    rest = np.flatnonzero(structured(part, as_one(double)))
    if len(rest):
        few = part.take(rest)
        split = _pair(few, _halved(single.p[rest]))
        better = (split.cost < double.cost[rest]) & _separate(split)
        double = replaced(double, rest, split, better)
    two = (delta_bic(part, single, double) > SEARCHED) & _separate(double)
    wide = double.p[:, 1::2] > 1.0 / (part.points - 1)
    narrow[which[two & ~wide.any(axis=1) & ~structured(part, as_one(double))]] = True
    real = two & wide.all(axis=1)
    return Pairs(which[real], double.take(real), narrow)


def _promised(batch: Batch, fit: Solution, seed: Array) -> Array:
    """Return what a line at its seed (N, 2) gains at least in chi-square, beside the first (N,).

    Without the point that speaks most for it: a tone is one point, and no line.
    """
    u = (batch.x - seed[:, :1]) / seed[:, 1:]
    line = batch.w / (1.0 + u * u)
    along, n = line * fit.residual, np.arange(batch.traces)
    best = np.abs(along).argmax(axis=1)
    rest = (line * line).sum(axis=1) - line[n, best] ** 2
    gain = (along.sum(axis=1) - along[n, best]) ** 2 / np.maximum(rest, 1e-300)
    noise = fit.cost / np.maximum(batch.rows - fit.free, 1)
    return np.asarray(gain / np.where(noise > 0, noise, np.inf))


def _pair(batch: Batch, start: Array) -> Solution:
    """Fit two Lorentzians or two Gaussians, whichever fits better."""
    low, high = bounds(batch, 2)
    pair = [
        solve(kernels.TWO_LINES, batch, start, low, high, only(batch, shape, 2))
        for shape in (LORENTZIAN, GAUSSIAN)
    ]
    return merged(pair[0], pair[1], pair[1].cost < pair[0].cost)


def _halved(p: Array) -> Array:
    """Return two lines (N, 4) in the place of one broad one (N, 2): a doublet looks like one."""
    centre, half = p.T
    return np.stack([centre - 0.6 * half, 0.3 * half, centre + 0.6 * half, 0.3 * half], axis=1)


def _separate(double: Solution) -> Mask:
    """Return where both are lines: inside the window, apart, no background, not a ripple."""
    p = double.p
    centres, halves = p[:, 0::2], p[:, 1::2]
    apart = np.abs(centres[:, 0] - centres[:, 1]) > 0.7 * halves.sum(axis=1)
    inside = ((centres > 0) & (centres < 1)).all(axis=1)
    result: Mask = apart & inside & (halves < 0.3).all(axis=1)
    heights = np.abs(_heights(double.theta))
    result &= heights.min(axis=1) > 0.05 * heights.max(axis=1)
    return result


def _heights(theta: Array) -> Array:
    return np.stack([theta[:, 4] + theta[:, 5], theta[:, 6] + theta[:, 7]], axis=1)


def best_of(fit: Solution, pairs: Pairs) -> Solution:
    """Return what one line leaves, or two where they were found."""
    every = np.ones(len(pairs.which), dtype=bool)
    return replaced(fit, pairs.which, as_one(pairs.fit), every)


def as_one(pair: Solution) -> Solution:
    """Return what two lines leave, in the shape of one line's solution."""
    size = kernels.NONLINEAR[kernels.LINE] + kernels.LINEAR[kernels.LINE]
    return Solution(
        kernels.LINE, pair.theta[:, :size], pair.cov[:, :size, :size], pair.cost, pair.residual,
        pair.free,
    )  # fmt: skip


def bounds(batch: Batch, count: int) -> tuple[Array, Array]:
    """Return the ends of centres and half widths of so many lines."""
    low, high = [-0.3, 0.3 / batch.points] * count, [1.3, 2.0] * count
    return np.array(low), np.array(high)


def only(batch: Batch, shape: tuple[float, float], count: int) -> Array:
    """Forbid the other shape: a prior that its height is 0."""
    prior = np.zeros((batch.traces, 2, 2 * count + 2))
    forbidden = CERTAIN * (batch.w**2).sum(axis=1)
    for k in range(count):
        prior[:, 0, 2 * k + (0 if shape == GAUSSIAN else 1)] = forbidden
    return prior
