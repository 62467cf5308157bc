"""Two lines in one scan: a second one beside the first, or both in the place of a broad one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.shapes import bounds, halves, of_either, pure
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, replaced, solve
from kammerton.estimation.verdict.evidence import Mask, delta_bic, delta_cost, structured

Array = NDArray[np.float64]

SEARCHED = 16.0  # delta-BIC that pays for a search over the whole window
HOPE = 16.0  # what a second line gains in chi-square where it is first seen, but for its best point
WHOLE, REST = 18.0, 5.0  # what a narrow one gains with that point, and without
BY_NOISE = 0.3  # in chi-square, by which noise may feign a line narrower than it can be seen
FAR_WEAKER = 0.3  # of the lower line, which no two photons make so strong
LOBE, NEAR = 0.2, 2.5  # of the height, and widths away: a pi pulse's are 0.11 high, 1.8 away
TONE, CLEARLY = 0.83, 2.5  # half width of the widest tone, in steps, and errors beyond it
NEITHER = 6.0  # in chi-square, what two mixed shapes gain where lines are neither
ALONE = 6  # fewest points for each parameter before a second line is looked for


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
    asked = structured(batch, fit) | _promising(batch, fit, seed)
    which = (asked & (batch.rows > 8 * ALONE)).nonzero()[0]
    part, single = batch.take(which), fit.take(which)
    narrow = np.zeros(batch.traces, dtype=bool)
    if len(which) == 0:
        return Pairs(which, single, narrow)
    double = _pair(part, np.hstack([single.p, seed[which]]))
    rest = structured(part, as_one(double)).nonzero()[0]
    if len(rest):
        few = part.take(rest)
        split = _pair(few, _halved(single.p[rest]))
        better = (split.cost < double.cost[rest]) & _separate(split)
        double = replaced(double, rest, split, better)
    double = _of_a_step(part, double)
    two = _pays(part, single, double) & _separate(double)
    wide = (double.p[:, 1::2] >= _step(part)) | _surely_lines(part, double)
    narrow[which[two & ~wide.any(axis=1) & ~structured(part, as_one(double))]] = True
    real = two & wide.all(axis=1)
    return Pairs(which[real], _of_any_shape(part.take(real), double.take(real)), narrow)


def _of_any_shape(batch: Batch, double: Solution) -> Solution:
    """Let both be mixtures, as a line alone is, where that leaves less than either shape does.

    Two that are neither would seem too narrow or too wide by several of their errors.
    """
    if batch.traces == 0:
        return double
    theta = double.theta
    prior = halves(batch, double, np.stack([theta[:, 4] + theta[:, 5], theta[:, 6] + theta[:, 7]]))
    mixed = solve(kernels.TWO_LINES, batch, double.p, *bounds(batch, 2), prior)
    mixed = mixed.of_free(double.free)
    gains = (delta_cost(batch, double, mixed) > NEITHER) & _separate(mixed)
    return replaced(double, np.arange(batch.traces), mixed, gains)


def _step(batch: Batch) -> float:
    return 1.0 / (batch.points - 1)


def _surely_lines(batch: Batch, double: Solution) -> Mask:
    """Return which of two lines (N, 2) are clearly wider than any tone, though below a step."""
    noise = double.cost / np.maximum(batch.rows - double.free, 1)
    errors = np.sqrt(np.maximum(double.cov[:, (1, 3), (1, 3)], 0.0) * noise[:, None])
    return np.asarray(double.p[:, 1::2] - TONE * _step(batch) > CLEARLY * errors)


def _of_a_step(batch: Batch, double: Solution) -> Solution:
    """Let half widths be a step at least, where one of two lines is narrower only by its noise."""
    thin = double.p[:, 1::2] < _step(batch)
    which = np.flatnonzero(thin.any(axis=1) & ~thin.all(axis=1))
    if len(which) == 0:
        return double
    part, old = batch.take(which), double.take(which)
    other = _pair(part, old.p, _step(batch))
    return replaced(double, which, other, delta_cost(part, other, old) < BY_NOISE)


def _promising(batch: Batch, fit: Solution, seed: Array) -> Mask:
    """Return where a line at its seed (N, 2) gains enough in chi-square, beside the first (N,).

    Much of it without the point that speaks most for it: a tone is one point, and no line.
    """
    u = (batch.x - seed[:, :1]) / seed[:, 1:]
    line = batch.w / (1.0 + u * u)
    along, n = line * fit.residual, np.arange(batch.traces)
    best = np.abs(along).argmax(axis=1)
    total, square = along.sum(axis=1), (line * line).sum(axis=1)
    rest = np.maximum(square - line[n, best] ** 2, 1e-300)
    noise = fit.cost / np.maximum(batch.rows - fit.free, 1)
    noise = np.where(noise > 0, noise, np.inf)
    others = (total - along[n, best]) ** 2 / rest / noise
    whole = total**2 / np.maximum(square, 1e-300) / noise
    return np.asarray((others > HOPE) | ((whole > WHOLE) & (others > REST)))


def _pays(batch: Batch, single: Solution, double: Solution) -> Mask:
    """Return where two lines pay for themselves beside the better account of one.

    That is a mixture of both shapes, whose share is a parameter, or one shape without it. The
    mixture's cost for the parameters of the other is less than either; where it does, that is all.
    """
    pays = delta_bic(batch, single, double) > SEARCHED
    mixed = single.of_free(single.free + 1)
    which = np.flatnonzero(~pays & (delta_bic(batch, mixed, double) > SEARCHED))
    if len(which):
        part, one = batch.take(which), single.take(which)
        pays[which] = delta_bic(part, pure(part, one.p), double.take(which)) > SEARCHED
    return pays


def _pair(batch: Batch, start: Array, narrowest: float = 0.0) -> Solution:
    """Fit two Lorentzians or two Gaussians, whichever fits better."""
    low, high = bounds(batch, 2)
    if narrowest > low[1]:
        low = np.array([low[0], narrowest] * 2)
    return of_either(kernels.TWO_LINES, batch, start, low, high)


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
    heights = sizes(double)
    result &= heights.min(axis=1) > 0.05 * heights.max(axis=1)
    return result


def sizes(double: Solution) -> Array:
    """Return how high both lines are, or how deep (N, 2)."""
    theta = double.theta
    return np.abs(np.stack([theta[:, 4] + theta[:, 5], theta[:, 6] + theta[:, 7]], axis=1))


def main_of(pair: Solution) -> tuple[NDArray[np.intp], Mask]:
    """Return which of two lines is 0-1 (N,), and whether the other may be its two-photon line.

    A transmon's anharmonicity is negative, so its two-photon line lies below 0-1: the upper line
    is 0-1, however strongly the other is driven. But not a far weaker one: that is a side lobe of
    a pulse's spectrum, and so may be what is far weaker and near.
    """
    n, size, centres = np.arange(len(pair.cost)), sizes(pair), pair.p[:, 0::2]
    upper = centres.argmax(axis=1)
    faint = size[n, upper] < FAR_WEAKER * size[n, 1 - upper]
    near = np.abs(centres[:, 0] - centres[:, 1]) < NEAR * 2.0 * pair.p[n, 2 * upper + 1]
    lobe = near & (size[n, 1 - upper] < LOBE * size[n, upper])
    return np.where(faint, 1 - upper, upper), ~(faint | lobe)


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
