"""The solver's face: one law refined for a whole batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.arrays import all_of
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.reweighing import weighed_again

Array = NDArray[np.float64]
CERTAIN = 1e9  # weight of what is known for certain against the whole trace
ITERATIONS = 40  # bounds the worst case; good data take 4 to 10


def other_law(nonlinear: int) -> int:
    """Return the code of a law that is none of the kernels', with so many nonlinear parameters."""
    return -1 - nonlinear


def _nonlinear(law: int) -> int:
    return kernels.NONLINEAR[law] if law >= 0 else -1 - law


@dataclass(frozen=True, eq=False)
class Solution:
    """A law at its minimum. theta = [p, c] (N, P + L), cov its unit-weight covariance.

    cost (N,): weighted sum of squares. residual (N, R): weighted. free (N,): parameters fitted.
    """

    law: int
    theta: Array
    cov: Array
    cost: Array
    residual: Array
    free: NDArray[np.intp]

    @property
    def p(self) -> Array:
        """Nonlinear parameters (N, P), in units of the window."""
        return self.theta[:, : _nonlinear(self.law)]

    @property
    def c(self) -> Array:
        """Linear parameters (N, L)."""
        return self.theta[:, _nonlinear(self.law) :]

    def curve(self, batch: Batch) -> Array:
        """Return the law (N, R) at every point, missing ones too."""
        curve = np.empty_like(batch.y)
        theta = np.ascontiguousarray(self.theta)
        kernels.evaluate(self.law, kernels.NONLINEAR[self.law], batch.x, batch.step, theta, curve)
        return curve

    def of_free(self, free: NDArray[np.intp]) -> Solution:
        """Return the same with other numbers of parameters that count as fitted (N,)."""
        return Solution(self.law, self.theta, self.cov, self.cost, self.residual, free)

    def take(self, which: NDArray[Any] | slice) -> Solution:
        """Return the solution of some traces only."""
        if all_of(which, len(self.cost)):
            return self
        return Solution(
            self.law, self.theta[which], self.cov[which], self.cost[which],
            self.residual[which], self.free[which],
        )  # fmt: skip


def solve(
    law: int, batch: Batch, start: Array, low: Array, high: Array,
    prior: Array | None = None, more: int = 0, iterations: int = ITERATIONS, errors: bool = True,
) -> Solution:  # fmt: skip
    """Refine `law` from start (N, P) within low and high ((P,) or (N, P)).

    start may hold several starts of every trace, (S N, P), those of all traces before the next
    ones; as many solutions come back. For few traces, a call costs more than a fit.
    prior (N, 2, L): weight and value of what is already known about each linear parameter; of
    several starts (S N, 2, L). With P columns more, of what is usual of each nonlinear one; those
    count as free nevertheless.
    more: further linear parameters of the background. A parameter with low == high is frozen.
    iterations: the most there may be. errors: where no cov is asked for, it has no size.
    """
    n, nonlinear = len(start), kernels.NONLINEAR[law]
    size = nonlinear + kernels.LINEAR[law] + more
    theta, cov = np.empty((n, size)), np.empty((n, size * errors, size * errors))
    residual = np.empty((n, batch.y.shape[1]))
    theta[:, :nonlinear] = start
    cost, free = np.empty(n), np.empty(n, dtype=np.intp)
    lo, hi = (np.ascontiguousarray(b).reshape(-1, nonlinear) for b in (low, high))
    known = np.zeros((1, 2, size - nonlinear)) if prior is None else np.ascontiguousarray(prior)
    kernels.solve(
        law, batch.x, batch.step, batch.y, batch.w, known, theta, lo, hi, cov, residual, cost,
        free, iterations,
    )  # fmt: skip
    return Solution(law, theta, cov, cost, residual, free)


def variance_of_rows(batch: Batch, fit: Solution) -> Array:
    """Return the variance of a row of weight 1 (N,)."""
    if batch.known_noise:
        return np.ones(batch.traces)
    return np.asarray(fit.cost / np.maximum(batch.rows - fit.free, 1))


def weighed_anew(
    batch: Batch, fit: Solution, refit: Callable[[Batch, NDArray[np.intp]], Solution]
) -> tuple[Batch, Solution, Array]:
    """Return batch, fit and its curve, where a curve asks for other weights fitted with those.

    refit: the fit of the traces `which` (B,), whose batch is given too; it takes the place of
    theirs in `fit`, whose arrays are changed.
    """
    curve = fit.curve(batch)
    again = weighed_again(batch, curve)
    if again is None:
        return batch, fit, curve
    which, part = again
    other = refit(part, which)
    if len(which) == batch.traces:
        return part, other, other.curve(part)
    w = batch.w.copy()
    w[which], curve[which] = part.w, other.curve(part)
    for name in ("theta", "cov", "cost", "residual", "free"):
        getattr(fit, name)[which] = getattr(other, name)
    return batch.with_y(batch.y, w), fit, curve


def better(first: Solution, second: Solution) -> Solution:
    """Return, trace by trace, the one of lower cost; both solve the same law."""
    return merged(first, second, second.cost < first.cost)


def merged(first: Solution, second: Solution, take: NDArray[np.bool_]) -> Solution:
    """Return `second` where `take`, else `first`; both solve the same law."""
    if not take.any():
        return first
    one = take[:, None]
    return Solution(
        first.law, np.where(one, second.theta, first.theta),
        np.where(one[:, :, None], second.cov, first.cov),
        np.where(take, second.cost, first.cost),
        np.where(one, second.residual, first.residual), np.where(take, second.free, first.free),
    )  # fmt: skip


def replaced(
    fit: Solution, which: NDArray[np.intp], part: Solution, take: NDArray[np.bool_]
) -> Solution:
    """Return `fit` with the traces `which` replaced by `part` where `take`."""
    rows = which[take]
    if len(rows) == 0:
        return fit
    chosen = part.take(take)
    if all_of(rows, len(fit.cost)):
        return chosen
    new = Solution(
        fit.law, fit.theta.copy(), fit.cov.copy(), fit.cost.copy(), fit.residual.copy(),
        fit.free.copy(),
    )  # fmt: skip
    new.theta[rows], new.cov[rows], new.cost[rows] = chosen.theta, chosen.cov, chosen.cost
    new.residual[rows], new.free[rows] = chosen.residual, chosen.free
    return new
