"""Numbers of several laws, weighted by the evidence for each.

Buckland, Burnham and Augustin, Biometrics 53, 603 (1997): the error holds each law's own and how
far the laws disagree, so that it stays honest where the data cannot tell them apart.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.derived import Derived, named
from kammerton.estimation.numeric.kernels import careful_kernel

Array = NDArray[np.float64]

NEGLIGIBLE = 1e-3  # weight of a law that is out of the question


def averaged(found: list[Derived], costs: Array, odds: Array, noise: Array) -> Derived:
    """Mix the numbers (L laws) of traces (N,), a time first, of which 1/T is averaged.

    costs: (L, N). odds: (L,) before the data. noise: (N,), what a chi-square of 1 costs.
    """
    names = list(found[0].values)
    told = np.array([[*each.values.values()] for each in found])
    error = np.array([[*each.stderr.values()] for each in found])
    correlation = np.array([each.correlation for each in found])
    mean, covariance = np.empty((len(noise), len(names))), np.empty_like(correlation[0])
    mix(told, error, correlation, costs, odds, noise, mean, covariance)
    return named(names, mean, covariance)


@careful_kernel
def mix(
    told: Array, error: Array, correlation: Array, costs: Array, odds: Array, noise: Array,
    mean: Array, covariance: Array,
) -> None:  # fmt: skip
    """Fill mean (N, K) and covariance (N, K, K) of laws with costs (L, N).

    told, error (L, K, N); correlation (L, N, K, K). The first number is a time, and a law by which
    what decays would grow has that against it.
    """
    laws, size, traces = told.shape
    weight = np.empty(laws)
    for n in range(traces):
        best, total = np.inf, 0.0
        for law in range(laws):
            error[law, 0, n] *= -1.0 / told[law, 0, n] ** 2
            told[law, 0, n] = 1.0 / told[law, 0, n]
            grows = min(told[law, 0, n], 0.0) / error[law, 0, n]
            weight[law] = costs[law, n] / max(noise[n], 1e-300) + grows * grows
            best = min(best, weight[law])
        for law in range(laws):
            weight[law] = odds[law] * math.exp(-min(0.5 * (weight[law] - best), 50.0))
            weight[law] = weight[law] if weight[law] > NEGLIGIBLE else 0.0
            total += weight[law]
        mean[n, :], covariance[n, :, :] = 0.0, 0.0
        for law in range(laws):
            weight[law] /= total
            for i in range(size):
                mean[n, i] += weight[law] * told[law, i, n] if weight[law] > 0.0 else 0.0
        for law in range(laws):
            if weight[law] == 0.0:
                continue
            for i in range(size):
                for j in range(size):
                    own = correlation[law, n, i, j] * error[law, i, n] * error[law, j, n]
                    apart = (told[law, i, n] - mean[n, i]) * (told[law, j, n] - mean[n, j])
                    covariance[n, i, j] += weight[law] * (own + apart)
        mean[n, 0] = 1.0 / mean[n, 0]
        for i in range(size):
            covariance[n, i, 0] *= -(mean[n, 0] ** 2)
            covariance[n, 0, i] *= -(mean[n, 0] ** 2)
