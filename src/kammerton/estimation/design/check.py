"""Does the law describe what was read? A chi-square over pooled readings.

Readings are pooled by the slope of the law (rising, falling), by their expected value and by
early and late rounds, until each pool holds enough shots; the pools' sums are compared with what
the posterior expects (in the manner of Hosmer and Lemeshow, Commun. Stat. 9, 1043 (1980)). A
flat trace contradicts pools of different expectation; a parameter that jumped, early and late.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from kammerton.estimation.design.levels import Conditional, conditional
from kammerton.estimation.design.posterior import Posterior, fractions, shot_variance
from kammerton.estimation.design.words import Array

Pools = NDArray[np.intp]
"""(N, D): the number of the pool that each reading belongs to; NO_POOL of what was not read."""

NO_POOL = -1
PARTS = 3  # by expected value, in each half of the rounds and on each slope
ENOUGH = 1.2  # variance of a count, below which it is not near enough to Gaussian
LEAST = 0.02  # of the information: less of it, early or late, says nothing of a drift
TINY, ROUNDING = 1e-300, 1e-9
SETTLED = 0.5  # of its prior sigma, below which a level counts as fitted


@dataclass(frozen=True, eq=False)
class Readings:
    """All readings of N targets (N, D).

    y, expected, variance: value, what the posterior expects of it, and about that. slope: of the
    expectation, against theta. early: read before half of the shots. present: read at all.
    enough: variance of the count, infinite for populations. round (D,): of each reading.
    fitted (N,): how many parameters the readings have fixed.
    """

    y: Array
    expected: Array
    variance: Array
    slope: Array
    round: np.ndarray
    early: np.ndarray
    present: np.ndarray
    enough: Array
    fitted: Array


def readings(posterior: Posterior) -> Readings:
    """Return what was read beside what the posterior expects of it."""
    at = conditional(posterior.levels, posterior.sums)
    away = posterior.theta[:, None, :] - posterior.mean[:, None, None]
    expected, slope, y, variance = ([], [], [], [])
    for entry in posterior.history:
        p = at.offset + at.contrast * fractions(posterior, entry.delay, entry.phase)
        expected.append((posterior.weights * p).sum(axis=(1, 2)))
        slope.append((posterior.weights * p * away).sum(axis=(1, 2)))
        y.append(entry.mean)
        variance.append(entry.variance)
    shots = np.stack([entry.shots for entry in posterior.history], axis=1)
    wanted = np.stack(expected, axis=1)
    counted = np.array([entry.counted for entry in posterior.history])
    ideal = shot_variance(posterior, wanted) / np.maximum(shots, 1.0)
    return Readings(
        np.stack(y, axis=1), wanted, np.where(counted, ideal, np.stack(variance, axis=1)),
        np.stack(slope, axis=1) / posterior.sd[:, None] ** 2,
        np.array([entry.round for entry in posterior.history]), _early(posterior, shots), shots > 0,
        np.where(counted, np.square(shots) * ideal, np.inf), _fitted(posterior, at),
    )  # fmt: skip


def _early(posterior: Posterior, shots: Array) -> np.ndarray:
    """Return which readings belong to the first half, as whole rounds (N, D)."""
    rounds = np.array([entry.round for entry in posterior.history])
    before = np.stack([shots[:, rounds < r].sum(axis=1) for r in rounds], axis=1)
    result: np.ndarray = before + shots < 0.55 * shots.sum(axis=1, keepdims=True)
    return result


def _fitted(posterior: Posterior, at: Conditional) -> Array:
    """Return how many parameters the readings have fixed (N,)."""
    count = np.ones(len(posterior))
    levels = posterior.levels
    if levels.exact:
        return count
    for prior, spread in (
        (levels.offset_sigma, at.var_offset), (levels.contrast_sigma, at.var_contrast)
    ):  # fmt: skip
        left = (posterior.weights * spread).sum(axis=(1, 2))
        count += left < (SETTLED * prior) ** 2
    return count


def chi_square(r: Readings, expected: Array, pools: Pools) -> tuple[Array, Array]:
    """Return chi-square (N,) against expected readings (N, D), and the number of pools (N,)."""
    n, most = len(r.y), int(pools.max(initial=0)) + 1
    place = (np.maximum(pools, 0) + most * np.arange(n)[:, None]).ravel()
    weight = np.where(pools >= 0, 1.0 / r.variance, 0.0)
    away, known = (
        np.bincount(place, each.ravel(), n * most).reshape(n, most)
        for each in (weight * (r.y - expected), weight)
    )
    filled = known > 0
    each = np.divide(away**2, known, out=np.zeros_like(away), where=filled)
    return each.sum(axis=1), filled.sum(axis=1)


def weights(r: Readings) -> Array:
    """Return what each reading counts for (N, D)."""
    result: Array = np.where(r.present, 1.0 / r.variance, 0.0)
    return result


def constant(r: Readings) -> Array:
    """Return the constant (N, 1) that describes each target best; NaN where nothing was read."""
    weight = weights(r)
    with np.errstate(invalid="ignore"):
        result: Array = ((weight * r.y).sum(axis=1) / weight.sum(axis=1))[:, None]
    return result


def gained(r: Readings) -> Array:
    """Return by how much the law lowers chi-square below that of a constant (N,)."""
    off = [(weights(r) * (r.y - p) ** 2).sum(axis=1) for p in (constant(r), r.expected)]
    return np.asarray(off[0] - off[1])


def no_drift(r: Readings) -> Array:
    """Return the chance (N,) that early and late rounds disagree so much, at the worst division.

    A score test: at the common fit both parts pull theta by the same amount, in opposite
    directions; the pull has variance I_early I_late / (I_early + I_late).
    """
    lean = weights(r) * r.slope
    of_round = r.round[:, None] == np.arange(r.round.max() + 1)
    pull, known = (
        np.cumsum(each @ of_round, axis=1) for each in (lean * (r.y - r.expected), lean * r.slope)
    )
    whole, early = known[:, -1:], known[:, :-1]
    late = whole - early
    apart = whole * pull[:, :-1] - early * pull[:, -1:]
    told = np.minimum(early, late) > LEAST * whole
    spread = np.where(told, early * late * whole, 1.0)
    worst = np.where(told, apart**2 / spread, 0.0).max(axis=1, initial=0.0)
    return np.where(told.any(axis=1), np.minimum(1.0, told.sum(axis=1) * chance(worst, 1.0)), 1.0)


def coarse(r: Readings) -> Pools:
    """Return pools by slope, half of the run and expected value."""
    pools = np.full(r.y.shape, NO_POOL)
    order, quarter = np.argsort(r.expected, axis=1, kind="stable"), 2 * (r.slope > 0) + r.early
    for k in range(4):
        which = (quarter == k) & r.present
        part = _parts(order, np.where(which, 1.0 / r.variance, 0.0))
        pools = np.where(which, PARTS * k + part, pools)
    return pools


def fine(r: Readings) -> Pools:
    """Return pools of single readings; those of few shots are put together in turn."""
    few = r.present & (r.enough < ENOUGH)
    group = np.cumsum(np.where(few, r.enough, 0.0), axis=1) // ENOUGH
    each = np.arange(r.y.shape[1])
    pools = np.where(few, each.size + group.astype(np.intp), each)
    return np.where(r.present, pools, NO_POOL)


def _parts(order: NDArray[np.intp], weight: Array) -> NDArray[np.intp]:
    """Return to which of PARTS of like information each reading (N, D) belongs, in that order."""
    before = np.cumsum(np.take_along_axis(weight, order, 1), axis=1)
    before /= np.maximum(before[:, -1:], TINY)
    before = np.roll(before, 1, axis=1)
    before[:, 0] = 0.0
    part = sum(before > k / PARTS - ROUNDING for k in range(1, PARTS))
    result = np.empty_like(order)
    np.put_along_axis(result, order, part, 1)
    return result


def chance(chi2: Array, freedom: ArrayLike) -> Array:
    """Return how often chi-square is as large by chance."""
    result: Array = chdtrc(np.maximum(freedom, 1.0), chi2)
    return result
