"""Echoes in short windows: the times that other shapes would have, and what these cost.

A window of one to 2.5 T tells the fall within it, and little of how much of that is exponential.
Where noise bends the trace, one shape seems sure and its time well known; the true one may cost
ten in chi-square and be five of such bars away. So the bar is no shorter than the way to each
other time, with the best shape there, over the root of what that costs.
"""

from __future__ import annotations

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
    with np.errstate(invalid="ignore"):  # of a trace that does not decay
        least = _least_error(batch, laws, (rate, error / time), noise, prior) * time
    error = np.fmax(error, np.where(least > 0.0, least, 0.0))
    return replace(found, stderr=found.stderr | {name: error})


def _least_error(
    batch: Batch, laws: list[Solution], found: tuple[Array, Array], noise: Array,
    prior: Array | None,
) -> Array:  # fmt: skip
    """Return the least relative error of the times (N,), 0 where the window is long enough.

    found: windows of T, and T's relative error (N,). noise (N,): variance of a row of weight 1.
    """
    (rate, error), best = found, np.minimum.reduce([law.cost for law in laws])
    result = np.zeros(len(rate))
    which = np.flatnonzero((rate > 0.0) & (rate < SHORT) & (error < 1.0))
    if len(which) == 0:
        return result
    part, held = batch.take(which), None if prior is None else prior[which]
    for bars in BARS:
        times = np.maximum(1.0 + bars * error[which], LEAST)
        cost = _at(part, rate[which] / times, laws[0].theta[which, 1], held).cost
        dear = (cost - best[which]) / np.maximum(noise[which], 1e-300)
        away = np.abs(times - 1.0) / np.sqrt(np.maximum(dear, ALLOWED))
        result[which] = np.fmax(result[which], away)
    return np.where(result > BEYOND * error, result, 0.0)


def _at(batch: Batch, rate: Array, shape: Array, prior: Array | None) -> Solution:
    """Return decays of given rates (N,), whose shape is the best."""
    start = np.column_stack([rate, np.clip(shape, 0.05, 0.95)])
    low, high = start.copy(), start.copy()
    low[:, 1], high[:, 1] = 0.0, 1.0
    return solve(kernels.DECAY, batch, start, low, high, prior)
