"""Whether what a law leaves follows one thing more that is likely to be there.

A chi-square of many points hides a misfit of one kind: 25 in it are as nothing among 60 points, but
five standard errors of the one parameter that explains them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

from kammerton.estimation.numeric.kernels import kernel, piece
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import SMALL_KNOWN, UNLIKELY, Mask

Array = NDArray[np.float64]

NONE = 1e-6  # of a column, that is not told from the columns before it
ENOUGH = 0.5  # of a column, of which that is told well at once
LAW, NEW, USED, ASKED = range(4)  # squares along the law's and the new columns, and their numbers


def more_is_seen(
    batch: Batch, residual: Array, curve: Array, slopes: Array, more: Array
) -> Mask:  # fmt: skip
    """Return in which traces (N,) `more` explains what a law leaves, and not by chance.

    residual, curve: (N, R), the first weighted. slopes: the law's by its free parameters, where it
    fits (N, K, R), 0 of those a trace does not have; more (N, L, R). What is less than 1.5 % of the
    curve's extent passes, and all that leaves no point over to tell the noise.
    """
    columns = np.concatenate([slopes, more], axis=1) * batch.w[:, None, :]
    sums = np.empty((batch.traces, 4))
    fill_sums(columns, np.ascontiguousarray(residual), slopes.shape[1], sums)
    law, gain, used, asked = sums.T
    freedom = batch.rows - used - asked
    noise = (np.square(residual).sum(axis=1) - law - gain) / np.maximum(freedom, 1.0)
    large = gain > (SMALL_KNOWN * np.ptp(curve, axis=1)) ** 2 * np.square(batch.w).sum(axis=1)
    chance = chance_of(gain, asked, noise, np.maximum(freedom, 1.0), batch.known_noise)
    return np.asarray(large & (freedom > 0) & (chance < UNLIKELY))


@kernel
def fill_sums(columns: Array, residual: Array, law: int, out: Array) -> None:
    """Fill out (N, 4) with what residuals (N, R) are along columns (N, C, R), the first of a law.

    The columns become orthonormal in their order (Gram and Schmidt, twice where little is left); 0
    where those before have it all, as those have that are as many as the points.
    """
    for n in range(columns.shape[0]):
        out[n, :] = 0.0
        for c in range(columns.shape[1]):
            if not made_orthonormal(columns[n], c):
                continue
            along = 0.0
            for i in range(residual.shape[1]):
                along += columns[n, c, i] * residual[n, i]
            out[n, LAW if c < law else NEW] += along * along
            out[n, USED if c < law else ASKED] += 1.0


@piece
def made_orthonormal(columns: Array, c: int) -> bool:
    """Make column c orthonormal to those before it; 0, and False, where nothing is left of it."""
    if scaled(columns, c, 0.0) == 0.0:
        return False
    for _ in range(2):
        for k in range(c):
            along = 0.0
            for i in range(columns.shape[1]):
                along += columns[k, i] * columns[c, i]
            for i in range(columns.shape[1]):
                columns[c, i] -= along * columns[k, i]
        left = scaled(columns, c, NONE)
        if left == 0.0:
            return False
        if left > ENOUGH:
            break
    return True


@piece
def scaled(columns: Array, c: int, least: float) -> float:
    """Give column c a length of 1, and return what it was; 0 where it was no more than `least`."""
    square = 0.0
    for i in range(columns.shape[1]):
        square += columns[c, i] * columns[c, i]
    length = math.sqrt(square)
    if not length > least:
        length = 0.0
    part = 1.0 / length if length > 0.0 else 0.0
    for i in range(columns.shape[1]):
        columns[c, i] *= part
    return length


def chance_of(gain: Array, asked: Array, noise: Array, freedom: Array, known: bool) -> Array:
    """Return how often noise gains so much: that of its sigma, and that of the scatter."""
    asked, gain = np.maximum(asked, 1), np.maximum(gain, 0.0)
    ratio = fdtrc(asked, freedom, gain / asked / np.maximum(noise, 1e-300))
    return np.asarray(np.maximum(ratio, chdtrc(asked, gain)) if known else ratio)
