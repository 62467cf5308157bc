"""Error bars of means whose errors nobody gave, and which may scatter more at some lengths.

Sequences of middle lengths differ most, and where lengths grow by factors few of these tell of the
decay: a scatter that is taken for alike everywhere makes bars a third too short.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution

Array = NDArray[np.float64]

LEAST = 0.05  # part of a point's variance that the law leaves; with less, it says nothing


def by_own_misses(batch: Batch, fit: Solution, rows: Array) -> Array:
    """Return the covariance of a fit in parts of its noise (N, 4, 4), each error the larger of two.

    One is that of a scatter alike everywhere; for the other each mean tells its own, by how it
    misses the fit to all others (HC3: MacKinnon and White, J. Econometrics 29, 305 (1985)).
    rows: how parameters move the curve (N, 4, M).
    """
    moves = rows * batch.w[:, None, :]
    taken = (moves * (fit.cov @ moves)).sum(axis=1)
    missed = fit.residual / np.maximum(1.0 - taken, LEAST)
    noise = fit.cost / np.maximum(batch.rows - fit.free, 1)
    pulls = fit.cov @ (moves * missed[:, None, :])
    alike = np.einsum("nii->ni", fit.cov) * noise[:, None]
    told = alike > 0.0
    ratio = np.where(told, (pulls**2).sum(axis=2) / np.where(told, alike, 1.0), 1.0)
    wider = np.sqrt(np.maximum(ratio, 1.0))
    return np.asarray(fit.cov * wider[:, :, None] * wider[:, None, :])
