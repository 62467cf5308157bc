"""How the rate of a decay is looked for and refined: A exp(-(1 - q) s t - q (s t)^2) + C.

q is the shape, from exponential to Gaussian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.levels import known_levels
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.rates import exponentials
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, replaced, solve
from kammerton.estimation.verdict.kind import Known
from kammerton.model import TraceError

Array = NDArray[np.float64]

SLOWEST = -1.0  # rates may be slightly negative, so that errors of a long T stay Gaussian
FASTEST = 4.0  # in rates per point
FAST, SLOW = 3.0, 0.5  # rates: above one a decay may be one of noise; the other is tried then
UNSEEN = 9.0  # gain in chi-square below which it is
ENDS = (0.0, "decays"), (1.0, "gaussian decays")  # shapes, and how they are looked for


def fitted(batch: Batch, shape: float, kind: str, prior: Array | None) -> Solution:
    """Return the best decay of a held shape; kind: how it is looked for, see `ENDS`."""
    return refined(batch, _start(batch, shape, kind), prior)


def _start(batch: Batch, shape: float, kind: str) -> Array:
    start = np.empty((batch.traces, 2))
    start[:, 0], start[:, 1] = search(batch, kind, 1)[:, 0], shape
    return start


def refined(
    batch: Batch, start: Array, prior: Array | None, shapes: tuple[float, float] | None = None
) -> Solution:
    """Refine rates from start (N, 2), and shapes within `shapes`; one for all is held without."""
    least, most = (start[0, 1], start[0, 1]) if shapes is None else shapes
    low, high = np.array([SLOWEST, least]), np.array([FASTEST * batch.points, most])
    if prior is None and shapes is None and start[0, 1] == 0.0:
        return exponentials(batch, start, low, high)
    return solve(kernels.DECAY, batch, start, low, high, prior)


def slow_unless_seen(batch: Batch, fit: Solution, prior: Array | None) -> Solution:
    """Return the slow decay where a fast one gains next to nothing on it.

    Where there is no signal some decay within the first points follows their noise a little better
    than any slow one; but that is a single time, and slow are all beyond the window (Occam).
    """
    fast = np.flatnonzero(fit.theta[:, 0] > FAST)
    if len(fast) == 0:
        return fit
    start = np.column_stack([np.full(len(fast), SLOW), fit.theta[fast, 1]])
    part = refined(batch.take(fast), start, None if prior is None else prior[fast])
    noise = fit.cost[fast] / np.maximum(batch.rows[fast] - fit.free[fast], 1)
    less = (part.cost < fit.cost[fast] + UNSEEN * noise) & (part.theta[:, 0] < FAST)
    return replaced(fit, fast, part, less)


def prior_of(batch: Batch, known: Known) -> Array | None:
    """Return what is known of contrast and offset, None where nothing is.

    Raises
    ------
    TraceError
        The sweep does not begin near zero, where the contrast is what is known.
    """
    prior = known_levels(batch, known)
    if prior is not None and not batch.begins_at_zero:
        raise TraceError(
            "x is far from zero, where known levels are: farther than the sweep is long"
        )
    return prior


def numbers(name: str, theta: Array, span: Array, level: Array) -> dict[str, Array]:
    """Return the time called `name` (s), the amplitude and the offset of fitted parameters."""
    return {name: span / theta[..., 0], "amplitude": theta[..., 2], "offset": theta[..., 3] + level}


def relaxation(batch: Batch) -> Array:
    """Return what the better of an exponential and a Gaussian decay of each trace costs (N,)."""
    costs = [fitted(batch, *end, None).cost for end in ENDS]
    return np.minimum(*costs)
