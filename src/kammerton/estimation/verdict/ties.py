"""Counts that share the largest or the smallest value by chance, as those of a cut readout do not.

Counts of n shots at a population p lie at one value with a chance of 1/sqrt(2 pi n p (1 - p)) at
most, and at exactly 0 or 1 with certainty: so no count there is a fault.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtri

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.weights import LEAST_COUNT

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RAILED = 3  # points of exactly the same extreme value that are not chance, unless they are counts
CHANCE = 1e-4
REACH = 4.0  # sigmas from the extreme value within which a count may be there too


def beyond_chance(batch: Batch, railed: Array) -> Array:
    """Return how many points lie at one extreme (N,); 0 where counts do that by chance.

    railed: the same of any trace. Without shots nothing is known of counts.
    """
    if batch.shots is None:
        return railed
    which = (railed >= RAILED).nonzero()[0]
    if len(which) == 0:
        return railed
    y = batch.y[which] + batch.level[which, None]
    there, shots = batch.w[which] > 0, batch.shots[which]
    result = railed.copy()
    result[which] = np.maximum(*(_unlikely(sign * y, there, shots) for sign in (1, -1)))
    return result


def _unlikely(y: Array, there: Mask, shots: Array) -> Array:
    """Return how many points have exactly the largest y (N,); 0 where that may be chance."""
    top = np.where(there, y, -np.inf).max(axis=1, keepdims=True)
    at = there & (y == top)
    many = np.count_nonzero(at, axis=1)
    fewest = np.where(at, shots, np.inf).min(axis=1, keepdims=True)
    variance = np.abs(top) * (1.0 - np.abs(top)) * fewest  # of the counts; y may be turned round
    variance = np.maximum(variance, 0.5 / np.pi)
    near = there & (top - y <= REACH * np.sqrt(variance) / fewest)
    tie = 1.0 / np.sqrt(2.0 * np.pi * variance[:, 0])
    chance = _at_least(many - 1.0, np.count_nonzero(near, axis=1) - 1.0, np.minimum(tie, 1.0))
    return np.where((many >= RAILED) & (chance < CHANCE), many, 0).astype(np.float64)


def sigmas_of_counts(y: Array, p: Array, shots: Array) -> Array:
    """Return in how many sigmas Gaussian noise would be as far from p as counts y are, any shape.

    Counts of little p have a long tail: 8 of 200 shots at 0.01 are 4.3 of their sigmas off, but no
    rarer than 3.1 of a Gaussian's.
    """
    p = np.clip(p, LEAST_COUNT / shots, 1.0 - LEAST_COUNT / shots)
    above = y > p
    counts = np.rint(np.where(above, y, 1.0 - y) * shots)
    chance = _at_least(counts, shots, np.where(above, p, 1.0 - p))
    return np.asarray(-ndtri(np.maximum(chance, 1e-300)))


def _at_least(counts: Array, shots: Array, p: Array) -> Array:
    """Return the chance of 1 or more counts, or of more of them, among shots at populations p."""
    counts = np.maximum(counts, 1.0)
    return np.asarray(betainc(counts, np.maximum(shots - counts, 0.0) + 1.0, p))
