"""Does the law describe what was read? A chi-square over pooled readings.

Readings are pooled by the slope of the law (rising, falling), by their expected value and by
early and late rounds, until each pool holds enough shots; the pools' sums are compared with what
the posterior expects (in the manner of Hosmer and Lemeshow, Commun. Stat. 9, 1043 (1980)). A
flat trace contradicts pools of different expectation; a parameter that jumped, early and late.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import chdtrc

from kammerton.estimation.design.levels import Conditional, conditional
from kammerton.estimation.design.posterior import Posterior, fractions, shot_variance
from kammerton.estimation.design.words import Array

PARTS = 3  # by expected value, in each half of the rounds and on each slope
ENOUGH = 1.2  # variance of a count, below which it is not near enough to Gaussian
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


def chi_square(r: Readings, n: int, expected: Array, pools: list[np.ndarray]) -> tuple[float, int]:
    """Return chi-square of target n against expected readings (D,), and the number of pools."""
    total = 0.0
    for pool in pools:
        w = 1.0 / r.variance[n, pool]
        total += (w * (r.y[n, pool] - expected[pool])).sum() ** 2 / w.sum()
    return total, len(pools)


def flat(r: Readings, n: int) -> Array:
    """Return the constant that describes target n best, (D,)."""
    weight = np.where(r.present[n], 1.0 / r.variance[n], 0.0)
    return np.full(r.y.shape[1], (weight * r.y[n]).sum() / weight.sum())


def remaining(posterior: Posterior, r: Readings, n: int) -> float:
    """Return the mean reading of target n as a part of its contrast, by the believed levels."""
    levels = posterior.levels
    return float((flat(r, n)[0] - levels.offset[n]) / levels.contrast[n])


def gained(r: Readings, n: int) -> float:
    """Return by how much the law lowers chi-square below that of a constant."""
    weight = np.where(r.present[n], 1.0 / r.variance[n], 0.0)
    away = [(weight * (r.y[n] - p) ** 2).sum() for p in (flat(r, n), r.expected[n])]
    return float(away[0] - away[1])


def no_drift(r: Readings, n: int) -> float:
    """Return the chance that early and late rounds disagree so much, for the worst division.

    A score test: at the common fit both parts pull theta by the same amount, in opposite
    directions; the pull has variance I_early I_late / (I_early + I_late).
    """
    weight = np.where(r.present[n], 1.0 / r.variance[n], 0.0)
    pull = weight * r.slope[n] * (r.y[n] - r.expected[n])
    information = weight * r.slope[n] ** 2
    worst, divisions = 0.0, 0
    for first in range(1, int(r.round.max()) + 1):
        late = r.round >= first
        early_part, late_part = information[~late].sum(), information[late].sum()
        if min(early_part, late_part) > 0.02 * information.sum():
            apart = late_part * pull[~late].sum() - early_part * pull[late].sum()
            total = early_part + late_part
            worst = max(worst, apart**2 / (early_part * late_part * total))
            divisions += 1
    return min(1.0, divisions * chance(worst, 1.0)) if divisions else 1.0


def coarse(r: Readings, n: int) -> list[np.ndarray]:
    """Return pools of target n by slope, half of the run and expected value."""
    pools = []
    for rising in (True, False):
        for early in (True, False):
            which = np.flatnonzero(
                ((r.slope[n] > 0) == rising) & (r.early[n] == early) & r.present[n]
            )
            order = which[np.argsort(r.expected[n, which], kind="stable")]
            pools += _parts(order, 1.0 / r.variance[n, order])
    return pools


def fine(r: Readings, n: int) -> list[np.ndarray]:
    """Return pools of single readings; those of few shots are put together in turn."""
    which = np.flatnonzero(r.present[n])
    few = r.enough[n, which] < ENOUGH
    pools = [np.array([d]) for d in which[~few]]
    rest = which[few]
    if rest.size == 0:
        return pools
    group = np.floor(np.cumsum(r.enough[n, rest]) / ENOUGH)
    return pools + [rest[group == g] for g in np.unique(group)]


def _parts(order: np.ndarray, weight: Array) -> list[np.ndarray]:
    """Cut sorted readings into up to PARTS of like information."""
    if order.size == 0:
        return []
    share = np.cumsum(weight) / weight.sum()
    cuts = np.searchsorted(share, np.arange(1, PARTS) / PARTS) + 1
    edges = np.unique(np.concatenate([[0], np.minimum(cuts, order.size), [order.size]]))
    return [order[a:b] for a, b in pairwise(edges)]


def chance(chi2: float, freedom: float) -> float:
    """Return how often chi-square is as large by chance."""
    return float(chdtrc(max(freedom, 1.0), chi2))
