"""Whether what a law leaves follows one thing more that is likely to be there.

A chi-square of many points hides a misfit of one kind: 25 in it are as nothing among 60 points, but
five standard errors of the one parameter that explains them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import SMALL_KNOWN, UNLIKELY, Mask

Array = NDArray[np.float64]

NONE = 1e-6  # of a column, that is not told from the columns before it


def more_is_seen(
    batch: Batch, residual: Array, curve: Array, slopes: Array, more: Array
) -> Mask:  # fmt: skip
    """Return in which traces (N,) `more` explains what a law leaves, and not by chance.

    residual, curve: (N, R), the first weighted. slopes: the law's by its free parameters, where it
    fits (N, K, R), 0 of those a trace does not have; more (N, L, R). What is less than 1.5 % of the
    curve's extent passes.
    """
    columns = np.concatenate([slopes, more], axis=1) * batch.w[:, None, :]
    size = np.linalg.norm(columns, axis=2)
    columns /= np.where(size > 0.0, size, 1.0)[:, :, None]
    across, upper = np.linalg.qr(columns.transpose(0, 2, 1))
    told = np.abs(np.einsum("nkk->nk", upper)) > NONE
    along = np.where(told, (residual[:, None, :] @ across)[:, 0], 0.0)
    law, new = np.split(along**2, [slopes.shape[1]], axis=1)
    used, asked = (each.sum(axis=1) for each in np.split(told, [slopes.shape[1]], axis=1))
    gain, freedom = new.sum(axis=1), np.maximum(batch.rows - used - asked, 1)
    noise = (np.square(residual).sum(axis=1) - law.sum(axis=1) - gain) / freedom
    large = gain > (SMALL_KNOWN * np.ptp(curve, axis=1)) ** 2 * np.square(batch.w).sum(axis=1)
    return np.asarray(large & (_chance(gain, asked, noise, freedom, batch.known_noise) < UNLIKELY))


def _chance(gain: Array, asked: Array, noise: Array, freedom: Array, known: bool) -> Array:
    """Return how often noise gains so much: that of its sigma, and that of the scatter."""
    asked, gain = np.maximum(asked, 1), np.maximum(gain, 0.0)
    ratio = fdtrc(asked, freedom, gain / asked / np.maximum(noise, 1e-300))
    return np.asarray(np.maximum(ratio, chdtrc(asked, gain)) if known else ratio)
