"""Variable projection for short sweeps of unusual laws: the face of projection_kernels.py.

A law here is known by a code, and by what it needs to know of each point. Same conventions as
solver.py: y = sum_l c_l phi_l(p).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import projection_kernels as kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, other_law

Array = NDArray[np.float64]

ITERATIONS = 12


@dataclass(frozen=True, eq=False)
class Law:
    """A law of projection_kernels. given: (K, D, M) with K = 1 or N; linear: its columns."""

    code: int
    given: Array
    linear: int = 2

    def take(self, which: NDArray[Any]) -> Law:
        """Return the law of some traces only."""
        if len(self.given) == 1:
            return self
        return replace(self, given=np.ascontiguousarray(self.given[which]))

    def curve(self, theta: Array) -> Array:
        """Return the law (N, R) at theta = [p, c] (N, P + L)."""
        rows = self.given.shape[2]
        if self.code == kernels.ALIKE:
            rows *= kernels.TRACES
        out = np.empty((len(theta), rows))
        p, c = np.hsplit(theta, [theta.shape[1] - self.linear])
        kernels.evaluate(
            self.code, self.given, np.ascontiguousarray(p), np.ascontiguousarray(c), out
        )
        return out


def refine(
    law: Law, batch: Batch, start: Array, low: Array, high: Array,
    prior: Array | None = None, pull: Array | None = None,
) -> Solution:  # fmt: skip
    """Levenberg-Marquardt from start (N, P) within low and high ((P,) or (N, P)).

    prior (N, 2, L): weight and value of what is already known of each linear parameter.
    pull (N, P): weight that draws a nonlinear parameter to 0.
    """
    n, linear, size = batch.traces, law.linear, law.linear + start.shape[1]
    (lo, hi), (lo[:], hi[:]) = np.empty((2, *start.shape)), (low, high)
    p = np.array(np.minimum(np.maximum(start, lo), hi), order="C")
    drawn = np.zeros_like(p) if pull is None else np.ascontiguousarray(pull)
    known = np.zeros((n, 2, linear)) if prior is None else np.ascontiguousarray(prior)
    c, cov, cost, r = np.empty((n, linear)), np.empty((n, size, size)), np.empty(n), batch.y.copy()
    kernels.solve(
        law.code, law.given, batch.y * batch.w, batch.w, known, drawn, p, lo, hi, ITERATIONS,
        c, cov, r, cost,
    )  # fmt: skip
    free = np.count_nonzero(lo < hi, axis=1) - np.count_nonzero(known[:, 0], axis=1)
    return Solution(other_law(p.shape[1]), np.hstack([p, c]), cov, cost, r, linear + free)


def linear(columns: Array, batch: Batch, prior: Array | None = None) -> Solution:
    """Solve for the coefficients of columns (L, M) or (K, L, M) alone."""
    given = np.ascontiguousarray(columns.reshape(-1, *columns.shape[-2:]))
    none = np.zeros((batch.traces, 0))
    law = Law(kernels.COLUMNS, given, given.shape[1])
    return refine(law, batch, none, np.zeros(0), np.zeros(0), prior)
