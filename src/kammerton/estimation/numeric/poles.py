"""Resonances in the complex plane, alone or in pairs that share: the face of pole_kernels.py."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import pole_kernels
from kammerton.estimation.numeric.kernels import RESONANCE
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import ITERATIONS, Solution, other_law

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sharing:
    """What S traces share: where (S, 9) has the place of their own parameters in theta.

    A trace's own: centre, width, delay; level, line and slope of the background, each complex.
    nonlinear: how many come first, and are no coefficients. The slope is last, and may be left out.
    """

    law: int
    nonlinear: int
    where: NDArray[np.intp]

    def places(self, slope: bool) -> NDArray[np.intp]:
        """Return where everything is, -1 for a slope that there is not."""
        return self.where if slope else self._without_slope

    def size(self, slope: bool) -> int:
        """Return how many parameters there are: the slope's two parts are the last."""
        return self._size if slope else self._size - 2

    @cached_property
    def _without_slope(self) -> NDArray[np.intp]:
        where = self.where.copy()
        where[:, pole_kernels.SLOPE :] = -1
        return where

    @cached_property
    def _size(self) -> int:
        return int(self.where.max()) + 1


def _sharing(law: int, nonlinear: int, *where: tuple[int, ...]) -> Sharing:
    return Sharing(law, nonlinear, np.array(where, dtype=np.intp))


ALONE = _sharing(RESONANCE, 3, (0, 1, 2, 3, 4, 5, 6, 7, 8))
ALIKE = _sharing(other_law(4), 4, (0, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 5, 6, 7, 8, 9))
APART = _sharing(other_law(5), 5, (0, 2, 4, 5, 6, 7, 8, 11, 12), (1, 3, 4, 5, 6, 9, 10, 11, 12))


def fit_poles(
    sharing: Sharing, batch: Batch, start: Array, low: Array, high: Array, *,
    slope: bool = False, ridge: float | Array | None = None,
) -> tuple[Solution, Array]:  # fmt: skip
    """Refine N fits from start (N, P) within low and high ((P,) or (N, P)).

    batch: of N fits, whose rows are those of their traces one after the other. ridge ((N,) or
    (N, 2)): weight that draws the slope, or either part of it, to 0. Returned too: by how much
    chi-square would fall (N,) if the background's size sloped; exact for small gains (Rao 1948),
    and in units of the scatter about the fit where sigma is not known.
    """
    where = sharing.places(slope)
    n, size, traces = batch.traces, sharing.size(slope), len(where)
    first, theta, cov = sharing.nonlinear, np.empty((n, size)), np.empty((n, size, size))
    cost, gain, free = np.empty(n), np.empty(n), np.empty(n, dtype=np.intp)
    theta[:, :first], free[:], known = start, size, np.zeros((n, size - first))
    if slope and ridge is not None:
        known[:, -2:] = np.reshape(ridge, (np.size(ridge, 0) if np.ndim(ridge) else 1, -1))
    residual = np.empty_like(batch.y)
    rows = (n, traces, -1)
    y, w, r = batch.y.reshape(rows), batch.w.reshape(rows), residual.reshape(rows)
    lo = np.ascontiguousarray(low).reshape(-1, first)
    hi = np.ascontiguousarray(high).reshape(-1, first)
    pole_kernels.solve(
        where, batch.x, batch.step, y, w, known, theta, lo, hi, cov, r, cost, gain, ITERATIONS
    )
    if slope and ridge is not None:
        free -= (known[:, -2:] != 0.0).sum(axis=1)
    if not batch.known_noise:
        gain *= np.maximum(batch.rows - free, 1) / np.maximum(cost, 1e-300)
    return Solution(sharing.law, theta, cov, cost, residual, free), gain


def curves(sharing: Sharing, batch: Batch, theta: Array, *, slope: bool = False) -> Array:
    """Return the law (N, R) at theta (N, K)."""
    where = sharing.places(slope)
    out = np.empty((len(theta), len(where), 2, batch.points))
    pole_kernels.evaluate(where, batch.x, batch.step, np.ascontiguousarray(theta), out)
    return out.reshape(len(theta), -1)


def mixing(sharing: Sharing, batch: Batch, fit: Solution, *, slope: bool) -> tuple[Array, Array]:
    """Return which part of the last trace's shots, about, shows the first one's resonance (N,).

    And by how much chi-square would fall for it (N,), as `fit_poles` says it of a slope.
    """
    where, n = sharing.places(slope), batch.traces
    part, gain = np.empty((2, n))
    y, w = (each.reshape(n, len(where), -1) for each in (batch.y, batch.w))
    pole_kernels.fill_mixing(where, batch.x, batch.step, y, w, fit.theta, fit.cov, part, gain)
    if not batch.known_noise:
        gain *= np.maximum(batch.rows - fit.free, 1) / np.maximum(fit.cost, 1e-300)
    return part, gain
