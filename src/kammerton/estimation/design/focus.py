"""Grids that follow their posteriors: narrowed as they sharpen, widened when they were wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kammerton.estimation.design.levels import empty
from kammerton.estimation.design.posterior import NODES, Posterior, absorb, nodes, weighed
from kammerton.estimation.design.words import Array, Entry, Rows

COARSE = 0.4  # weight of one node above which the grid is too coarse for its peak
BEYOND = 1e-4  # weight at an end of the grid at which it is widened again
OUTSIDE = (1e-9, 1e-7, 1e-5, 1e-3)  # node weights that may be left out, the least that helps


def refocused(posterior: Posterior) -> Posterior:
    """Narrow grids that have become coarse; widen those whose posterior runs over an end."""
    for _ in range(3):
        low, high = _limits(posterior)
        rows = np.flatnonzero(
            (low != posterior.theta[:, 0]) | (high != posterior.theta[:, -1])
        )  # fmt: skip
        if rows.size == 0:
            return posterior
        posterior = _regridded(posterior, rows, nodes(low[rows], high[rows]))
    return posterior


def _limits(posterior: Posterior) -> tuple[Array, Array]:
    """Return the ends that the grids should have (N,)."""
    theta, prior = posterior.theta, posterior.prior
    low, high = theta[:, 0].copy(), theta[:, -1].copy()
    each = posterior.weights.sum(axis=1)
    over = np.maximum(each[:, :2].sum(axis=1), each[:, -2:].sum(axis=1)) > BEYOND
    coarse = each.max(axis=1) > COARSE
    for n in np.flatnonzero(over | coarse):
        if over[n]:
            low[n], high[n] = prior.low[n], prior.high[n]
        else:
            low[n], high[n] = _window(theta[n], each[n])
    return low, high


def _window(theta: Array, weights: Array) -> tuple[float, float]:
    """Return the narrowest part of a grid (G,) that leaves out next to nothing."""
    step = theta[1] - theta[0]
    for outside in OUTSIDE:
        inside = np.flatnonzero(weights > outside)
        low, high = theta[inside[0]] - step, theta[inside[-1]] + step
        if high - low < 0.5 * (theta[-1] - theta[0]):
            break
    return max(low, theta[0]), min(high, theta[-1])


def _regridded(posterior: Posterior, rows: Rows, theta: Array) -> Posterior:
    """Put some targets on other nodes; all that was measured is counted anew there."""
    part = recounted(posterior, rows, theta, posterior.history)
    whole = {name: getattr(posterior, name).copy() for name in ("theta", "weights", "mean", "sd")}
    for name, values in whole.items():
        values[rows] = getattr(part, name)
    sums = posterior.sums.copy()
    sums[:, rows] = part.sums
    return replace(posterior, sums=sums, **whole)


def recounted(
    posterior: Posterior, rows: Rows, theta: Array, entries: Sequence[Entry]
) -> Posterior:
    """Return the posterior of some targets on other nodes, from some of what was measured."""
    levels, prior = posterior.levels, posterior.prior.take(rows)
    sums = empty(levels.take(rows), prior.hidden.shape[1], NODES)
    part = Posterior(posterior.law, levels.take(rows), prior, theta, sums)
    history = tuple(entry.take(rows) for entry in entries)
    for entry in history:
        absorb(part, sums, entry)
    return weighed(replace(part, history=history))
