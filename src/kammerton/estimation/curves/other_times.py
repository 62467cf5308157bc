"""Decays in short windows: the times that other shapes would have, and what these cost.

A window of one to 2.5 T tells the fall within it, and little of how much of that is exponential.
Where noise bends the trace, one shape seems sure and its time well known; the true one may cost
ten in chi-square and be five of such bars away. So the bar is no shorter than the way to each
other time, with the best shape there, over the root of what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, solve

Array = NDArray[np.float64]

SHORT = 3.5  # T in the window, below which a shape is not seen to its end
BARS, LEAST = (-5.0, 3.0, 5.0), 0.3  # away, where other times are tried; parts of T at least
BEYOND = 1.4  # times the bar: less is the skewness of any likelihood
ALLOWED = 4.0  # in chi-square: two bars hold what costs less, or is free


def of_other_times(
    batch: Batch, laws: list[Solution], found: Derived, name: str, noise: Array,
    prior: Array | None,
) -> Derived:  # fmt: skip
    """Return the numbers with a time, called `name`, whose bar holds other ones that cost little.

    noise (N,): variance of a row of weight 1. prior: what is known of contrast and offset.
    """
    time, error = np.abs(found.values[name]), found.stderr[name]
    rate = batch.column(batch.span) / found.values[name]
    best = np.minimum.reduce([law.cost for law in laws])

    def cost(which: NDArray[np.intp], rates: Array) -> Array:
        held = None if prior is None else prior[which]
        return _at(batch.take(which), rates, laws[0].theta[which, 1], held).cost

    with np.errstate(invalid="ignore"):  # of a trace that does not decay
        least = least_error((rate, error / time), best, noise, cost) * time
    error = np.fmax(error, np.where(least > 0.0, least, 0.0))
    return replace(found, stderr=found.stderr | {name: error})


def least_error(
    found: tuple[Array, Array], best: Array, noise: Array,
    cost: Callable[[NDArray[np.intp], Array], Array], allowed: float = ALLOWED,
) -> Array:  # fmt: skip
    """Return the least relative error of the times (N,), 0 where the window is long enough.

    found: windows of T, and T's relative error (N,); best: what the fit leaves. noise (N,):
    variance of a row of weight 1. cost(which, rates): what other rates leave in some traces (B,).
    allowed: in chi-square, what costs no less, of which its root in errors is enough.
    """
    rate, error = found
    result = np.zeros(len(rate))
    which = np.flatnonzero((rate > 0.0) & (rate < SHORT) & (error < 1.0))
    if len(which) == 0:
        return result
    for bars in BARS:
        times = np.maximum(1.0 + bars * error[which], LEAST)
        dear = cost(which, rate[which] / times) - best[which]
        dear = np.maximum(dear / np.maximum(noise[which], 1e-300), allowed)
        result[which] = np.fmax(result[which], np.abs(times - 1.0) / np.sqrt(dear))
    return np.where(result > BEYOND * error, result, 0.0)


def _at(batch: Batch, rate: Array, shape: Array, prior: Array | None) -> Solution:
    """Return decays of given rates (N,), whose shape is the best."""
    start = np.column_stack([rate, np.clip(shape, 0.05, 0.95)])
    low, high = start.copy(), start.copy()
    low[:, 1], high[:, 1] = 0.0, 1.0
    return solve(kernels.DECAY, batch, start, low, high, prior)
