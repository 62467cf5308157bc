"""A gain that slopes, seen or not, is in what a resonance tells.

One that is too small to be believed draws a wide line aside by some of its errors: of a notch that
fills a third of its window, a slope of 2 % at an SNR of 100. So where a fit is accepted for what
it is, its numbers are those of the law whose gain slopes, 1 + s t, and s has its part in the
errors. A slope of the phase is a longer delay, and moves nothing: it must still be seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.poles import ALONE, fit_poles
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import CERTAIN, Solution, replaced, variance_of_rows
from kammerton.estimation.resonances.plane import STEEP, Plane, bounds
from kammerton.estimation.verdict.evidence import delta_cost

Array = NDArray[np.float64]

TWISTED = 2.0  # gain in chi-square for which a slope of the phase is believed, too


def over_a_slope(plane: Plane) -> Solution:
    """Return the fits with a slope of the background's size left open."""
    batch, fit = plane.turned, plane.fit
    angle = np.arctan2(fit.theta[:, 4], fit.theta[:, 3])
    level = _rotated(batch, -angle)
    steepest = STEEP * np.maximum(np.hypot(fit.theta[:, 3], fit.theta[:, 4]), 1e-150)
    open_, closed = variance_of_rows(batch, fit) / steepest**2, CERTAIN * (batch.w**2).sum(axis=1)
    ridge = np.column_stack([open_, closed])
    sloped = _back(
        fit_poles(ALONE, level, fit.p, *bounds(batch), slope=True, ridge=ridge)[0], angle
    )
    gain = delta_cost(batch, sloped, fit)
    return replaced(
        sloped, np.arange(batch.traces), fit, (fit.free > sloped.free) & (gain > TWISTED)
    )


def _rotated(batch: Batch, angle: Array) -> Batch:
    """Turn every trace by an angle (N,)."""
    return batch.with_y(_turned(batch.y, angle))


def _turned(rows: Array, angle: Array) -> Array:
    """Turn the first half of the rows (N, 2 M), the real parts, and the second by an angle (N,)."""
    re, im = np.split(rows, 2, axis=1)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.hstack([cos * re - sin * im, cos * im + sin * re])


def _back(fit: Solution, angle: Array) -> Solution:
    """Turn the coefficients by an angle (N,)."""
    size = fit.theta.shape[1]
    turn = np.zeros((len(angle), size, size))
    turn[:, np.arange(3), np.arange(3)] = 1.0
    for k in range(3, size, 2):
        turn[:, k, k] = turn[:, k + 1, k + 1] = np.cos(angle)
        turn[:, k + 1, k] = np.sin(angle)
        turn[:, k, k + 1] = -np.sin(angle)
    theta = np.einsum("nij,nj->ni", turn, fit.theta)
    cov = turn @ fit.cov @ turn.transpose(0, 2, 1)
    return Solution(fit.law, theta, cov, fit.cost, _turned(fit.residual, angle), fit.free)
