"""Error bars of means whose errors nobody gave, and which may scatter more at some lengths.

Sequences of middle lengths differ most, and where lengths grow by factors few of these tell of the
decay: a scatter that is taken for alike everywhere makes bars a third too short.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel
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
    freedom = np.maximum(batch.rows - fit.free, 1).astype(np.float64)
    cov = np.empty_like(fit.cov)
    fill_wider(fit.cov, rows, batch.w, fit.residual, fit.cost / freedom, cov)
    return cov


@careful_kernel
def fill_wider(
    cov: Array, rows: Array, w: Array, residual: Array, noise: Array, out: Array
) -> None:
    """Fill out (N, P, P) with cov, whose errors are larger where the points' own misses say so."""
    count, size, points = rows.shape
    pull, own, wider = np.empty(size), np.empty(size), np.empty(size)
    for n in range(count):
        own[:] = 0.0
        for i in range(points):
            taken = 0.0
            for a in range(size):
                pull[a] = 0.0
                for b in range(size):
                    pull[a] += cov[n, a, b] * rows[n, b, i] * w[n, i]
                taken += pull[a] * rows[n, a, i] * w[n, i]
            missed = residual[n, i] / max(1.0 - taken, LEAST)
            for a in range(size):
                own[a] += (pull[a] * missed) ** 2
        for a in range(size):
            alike = cov[n, a, a] * noise[n]
            wider[a] = math.sqrt(max(own[a] / alike, 1.0)) if alike > 0.0 else 1.0
        for a in range(size):
            for b in range(size):
                out[n, a, b] = cov[n, a, b] * wider[a] * wider[b]
