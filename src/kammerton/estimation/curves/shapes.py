"""One line of a pure shape, and the ranges that the parameters of lines have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import CERTAIN, Solution, merged, solve

Array = NDArray[np.float64]

MIXED = 0.9  # prior spread of a shape's share of the height: within 0 ... 1, but for noise
LORENTZIAN, GAUSSIAN = (1.0, 0.0), (0.0, 1.0)


def pure(batch: Batch, start: Array) -> Solution:
    """Fit a Lorentzian or a Gaussian, whichever fits better, from start (N, 2)."""
    return of_either(kernels.LINE, batch, start, *bounds(batch, 1))


def of_either(law: int, batch: Batch, start: Array, low: Array, high: Array) -> Solution:
    """Fit lines that are all Lorentzians or all Gaussians, whichever fit better."""
    n, ends = len(start), start.shape[1]
    prior = np.zeros((2 * n, 2, ends + 2))
    prior[:n, 0, 1:ends:2] = prior[n:, 0, 0:ends:2] = _forbidden(batch)[:, None]
    both = solve(law, batch, np.concatenate([start, start]), low, high, prior)
    lorentz, gauss = both.take(slice(n)), both.take(slice(n, None))
    return merged(lorentz, gauss, gauss.cost < lorentz.cost)


def shaped(batch: Batch, start: Array, shape: tuple[float, float]) -> Solution:
    """Fit one line of one shape from start (N, 2): centre and half width."""
    return solve(kernels.LINE, batch, start, *bounds(batch, 1), only(batch, shape, 1))


def bounds(batch: Batch, count: int) -> tuple[Array, Array]:
    """Return the ends of centres and half widths of so many lines."""
    low, high = [-0.3, 0.3 / batch.points] * count, [1.3, 2.0] * count
    return np.array(low), np.array(high)


def only(batch: Batch, shape: tuple[float, float], count: int) -> Array:
    """Forbid the other shape: a prior that its height is 0."""
    prior = np.zeros((batch.traces, 2, 2 * count + 2))
    prior[:, 0, (0 if shape == GAUSSIAN else 1) : 2 * count : 2] = _forbidden(batch)[:, None]
    return prior


def _forbidden(batch: Batch) -> Array:
    """Return the weight (N,) of a prior that forbids a shape."""
    return np.asarray(CERTAIN * (batch.w**2).sum(axis=1))


def half_each(batch: Batch, one: Solution) -> Array:
    """Return a prior that each shape makes half of the height, give or take MIXED of it.

    Few noisy points would otherwise be fitted by the difference of two large lines.
    """
    return halves(batch, one, (one.c[:, 0] + one.c[:, 1])[None])


def halves(batch: Batch, fit: Solution, heights: Array) -> Array:
    """Return the same prior of lines of so many heights (L, N)."""
    noise = fit.cost / np.maximum(batch.rows - fit.free, 1)
    least = 1e-3 / batch.w.max(axis=1)
    prior = np.zeros((batch.traces, 2, 2 * len(heights) + 2))
    for k, height in enumerate(heights):
        own = slice(2 * k, 2 * k + 2)
        prior[:, 0, own] = (noise / (MIXED * np.maximum(np.abs(height), least)) ** 2)[:, None]
        prior[:, 1, own] = 0.5 * height[:, None]
    return prior
