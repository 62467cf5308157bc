"""How far the numbers would move if clouds were oval, unequal, or moved between preparations.

Hum and drift smear clouds along one direction, an amplifier that saturates flattens those far from
its zero, and a slow drift moves what was prepared later. Each changes how many shots fall where, to
first order, by a known pattern; whether any is there is asked by Rao's score test (Proc. Cambridge
Phil. Soc. 44, 50, 1948), which needs no other fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from kammerton.estimation.clouds.cell_kernels import fill_squares, fill_sums
from kammerton.estimation.clouds.cloud_kernels import fill_told
from kammerton.estimation.clouds.fit import Clouds, physical

Array = NDArray[np.float64]

SEEN = 1e-3  # chance from which on patterns are taken for there
CLEAR = 3.0  # of its own errors, from which on one pattern is
DEGENERATE = 1e-6  # part of a pattern that no change of theta explains, below which it says nothing
LEAST = 1.0  # shots expected in a cell, below which a stray one would decide


def unsure(clouds: Clouds) -> Array:
    """Return the covariance (T, T) that patterns which are there add to theta's."""
    off, chance = shift(clouds)
    return np.outer(off, off) if chance < SEEN else np.zeros((off.size, off.size))


def shift(clouds: Clouds) -> tuple[Array, float]:
    """Return how far theta (T,) is off by the patterns seen, and the chance that none is there.

    Patterns are taken apart into independent ones; those that do not stand out move nothing, since
    shapes that look much like decays would move everything by their noise alone.
    """
    told, expected = _told(clouds)
    rest, scores = (clouds.shots.counts - expected)[:, None], clouds.scores
    both, own = np.empty((scores.shape[1], told.shape[1])), np.empty((told.shape[1],) * 2)
    fill_sums(scores, expected, told, both)
    fill_squares(told, expected, own)
    pull, push = ((each @ rest.swapaxes(1, 2)).sum(axis=0)[:, 0] for each in (told, scores))
    carried = clouds.covariance @ both
    size = np.sqrt(np.maximum(np.diag(own), 1e-300))
    known, turn = np.linalg.eigh((own - both.T @ carried) / np.outer(size, size))
    kept = known > DEGENERATE
    known, turn = known[kept], turn[:, kept]
    seen = turn.T @ ((pull - carried.T @ push) / size) / np.sqrt(known)
    strength = turn @ (np.where(np.abs(seen) > CLEAR, seen, 0.0) / np.sqrt(known)) / size
    result: Array = -carried @ strength
    return result, float(chdtrc(seen.size, seen @ seen))


def _told(clouds: Clouds) -> tuple[Array, Array]:
    """Return the derivatives of the log probabilities by the patterns (P, V, C), and the shots.

    Patterns: of each state the variance along I and Q (that of 0 along Q is the width's own) and
    the covariance of both; of each preparation but the first the place of all of its clouds.
    Without fractions below 0, as the scores are: where these leave hardly any probability, a
    pattern would seem to change it by any factor.
    """
    layout, p = clouds.layout, clouds.likely
    shots, later = clouds.shots.counts.sum(axis=1), 2 * (layout.preparations - 1)
    told = np.empty((layout.preparations, 3 * layout.states - 1 + later, p.shape[1]))
    fill_told(physical(layout, clouds.theta), clouds.ways.arrays, clouds.sides, p, clouds.scores,
              LEAST / shots, told)  # fmt: skip
    return told, p * shots[:, None]
