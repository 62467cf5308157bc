"""One line of a pure shape, and the ranges that the parameters of lines have.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.kernels import careful_kernel, kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import CERTAIN, Solution, merged, solve

Array = NDArray[np.float64]

MIXED = 0.9  # prior spread of a shape's share of the height: within 0 ... 1, but for noise
LORENTZIAN, GAUSSIAN = (1.0, 0.0), (0.0, 1.0)


def pure(batch: Batch, start: Array) -> Solution:
    """Fit a Lorentzian or a Gaussian, whichever fits better, from start (N, 2); no errors."""
    return of_either(kernels.LINE, batch, start, *bounds(batch, 1), errors=False)


def of_either(
    law: int, batch: Batch, start: Array, low: Array, high: Array, *, errors: bool = True
) -> Solution:
    """Fit lines that are all Lorentzians or all Gaussians, whichever fit better.

    errors: as of `solve`.
    """
    n, ends = len(start), start.shape[1]
    prior = np.zeros((2 * n, 2, ends + 2))
    prior[:n, 0, 1:ends:2] = prior[n:, 0, 0:ends:2] = _forbidden(batch)[:, None]
    both = solve(law, batch, np.concatenate([start, start]), low, high, prior, errors=errors)
    lorentz, gauss = both.take(slice(n)), both.take(slice(n, None))
    return merged(lorentz, gauss, gauss.cost < lorentz.cost)


def shaped(
    batch: Batch, start: Array, shape: tuple[float, float], *, errors: bool = True
) -> Solution:
    """Fit one line of one shape from start (N, 2): centre and half width. errors: as of `solve`."""
    prior = only(batch, shape, 1)
    return solve(kernels.LINE, batch, start, *bounds(batch, 1), prior, errors=errors)


def bounds(batch: Batch, count: int) -> tuple[Array, Array]:
    """Return the ends of centres and half widths of so many lines; not to be written to."""
    return _ends(batch.points, count)


@lru_cache(maxsize=16)
def _ends(points: int, count: int) -> tuple[Array, Array]:
    return np.array([-0.3, 0.3 / points] * count), np.array([1.3, 2.0] * count)


def only(batch: Batch, shape: tuple[float, float], count: int) -> Array:
    """Forbid the other shape: a prior that its height is 0."""
    prior = np.zeros((batch.traces, 2, 2 * count + 2))
    prior[:, 0, (0 if shape == GAUSSIAN else 1) : 2 * count : 2] = _forbidden(batch)[:, None]
    return prior


def _forbidden(batch: Batch) -> Array:
    """Return the weight (N,) of a prior that forbids a shape."""
    weight = np.empty(batch.traces)
    fill_forbidden(batch.w, weight)
    return weight


@kernel
def fill_forbidden(w: Array, weight: Array) -> None:
    """Fill weight (N,)."""
    for n in range(w.shape[0]):
        weight[n] = 0.0
        for i in range(w.shape[1]):
            weight[n] += w[n, i] * w[n, i]
        weight[n] *= CERTAIN


def half_each(batch: Batch, one: Solution) -> Array:
    """Return a prior that each shape makes half of the height, give or take MIXED of it.

    Few noisy points would otherwise be fitted by the difference of two large lines.
    """
    return halves(batch, one, (one.c[:, 0] + one.c[:, 1])[None])


def halves(batch: Batch, fit: Solution, heights: Array) -> Array:
    """Return the same prior of lines of so many heights (L, N)."""
    prior = np.zeros((batch.traces, 2, 2 * len(heights) + 2))
    fill_halves(batch.w, fit.cost, batch.rows, fit.free, heights, prior)
    return prior


@careful_kernel
def fill_halves(
    w: Array, cost: Array, rows: NDArray[np.intp], free: NDArray[np.intp], heights: Array,
    prior: Array,
) -> None:  # fmt: skip
    """Fill prior (N, 2, 2 L + 2) but for the background."""
    for n in range(w.shape[0]):
        noise, least = cost[n] / max(rows[n] - free[n], 1), 1e-3 / w[n].max()
        for k in range(heights.shape[0]):
            height = heights[k, n]
            for part in (2 * k, 2 * k + 1):
                prior[n, 0, part] = noise / (MIXED * max(abs(height), least)) ** 2
                prior[n, 1, part] = 0.5 * height
