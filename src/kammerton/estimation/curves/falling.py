"""Fringes whose envelope falls to the end of the window.

Where little is left of them, an envelope that grows again, or lasts, follows noise, and the
frequency with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.fringes import SHAPE, bounds
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, replaced, solve
from kammerton.estimation.verdict.evidence import Mask, delta_cost, limits

Array = NDArray[np.float64]

AS_GAUSSIAN = 0.7, 1.0  # times the rate of what seems quick, and shape, to start from
NEAR = 0.5, 2.0  # parts of a rate between which to start from a prediction
DEAR = 3.0  # chi-square from which there may be a better minimum elsewhere
ALIKE = 0.5  # chi-square that falling to the end may cost where it is the same minimum
USUAL = 0.16  # chance of a larger chi-square, of those from which nothing is doubted
PLAIN = (
    (0.5, 1.0),
    (1.0, 1.0),
    (2.0, 1.0),
    (1.0, 0.4),
    (2.0, 0.4),
)  # rates and times the turns: none of it is known


def least_shape(rate: Array) -> Array:
    """Return the least shape with which nothing but noise is followed in a long window.

    An envelope exp(-(1 - q) s t - q (s t)^2) grows again where q < -1/(2 s - 1), and lasts at the
    bottom where it hardly falls. No noise of a qubit makes it so.
    """
    least = -1.0 / np.square(2.0 * np.maximum(rate, 1.0) - 1.0)
    return np.maximum(least, SHAPE[0])


def falling(batch: Batch, fit: Solution, curve: Array) -> tuple[Solution, Array]:
    """Refine again what does not fall to the end; return fit and curve.

    To be done when beats have been looked for: what grows again may be one, and leads to it.
    """
    which = np.flatnonzero(fit.p[:, 1] < least_shape(fit.p[:, 0]))
    if len(which) == 0:
        return fit, curve
    part, old = batch.take(which), fit.take(which)
    least = least_shape(old.p[:, 0])
    other = _best(part, _along(old, least), least)
    other = _or_better(part, other, _doubtful(part, other, old), _quick(old.p))
    other = _or_better(part, other, delta_cost(part, other, old) > DEAR, _plain(old.p))
    curve = curve.copy()
    curve[which] = other.curve(part)
    return replaced(fit, which, other, np.ones(len(which), dtype=bool)), curve


def _along(free: Solution, shape: Array) -> Array:
    """Return starts (N, P) where a fit with that shape (N,) is best, if cost is quadratic."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = free.cov[:, : free.p.shape[1], 1] / free.cov[:, 1:2, 1]
    start = free.p + np.nan_to_num(slope, posinf=0.0, neginf=0.0) * (shape - free.p[:, 1])[:, None]
    start[:, 0] = np.clip(start[:, 0], *(part * free.p[:, 0] for part in NEAR))
    return start


def _doubtful(batch: Batch, fit: Solution, free: Solution) -> Mask:
    """Return which fits (N,) cost more than one that may grow again, or more than noise does.

    The free one may have been at a minimum that is none of the whole.
    """
    if not batch.known_noise:
        return np.ones(batch.traces, dtype=bool)
    much = fit.cost > limits(np.maximum(batch.rows - fit.free, 1), USUAL)
    return np.asarray(much | (delta_cost(batch, fit, free) > ALIKE))


def _or_better(
    batch: Batch, fit: Solution, doubtful: Mask, starts: tuple[Array, Array]
) -> Solution:  # fmt: skip
    """Return fits, those that are doubtful (N,) the best of others, too; starts (S N, P)."""
    which = np.flatnonzero(doubtful)
    if len(which) == 0:
        return fit
    rows = np.concatenate([first + which for first in range(0, len(starts[1]), batch.traces)])
    again = _best(batch.take(which), starts[0][rows], starts[1][rows])
    return replaced(fit, which, again, again.cost < fit.cost[which])


def _best(batch: Batch, starts: Array, least: Array) -> Solution:
    """Return the best fits from starts (S N, P), with shapes of `least` (S N,) or more."""
    low, high = bounds(batch, 1)
    lowest = np.tile(low, (len(starts), 1))
    lowest[:, 1] = least
    found = solve(kernels.RAMSEY, batch, np.clip(starts, lowest, high), lowest, high)
    each = np.arange(len(starts)).reshape(-1, batch.traces)
    return found.take(each[found.cost[each].argmin(axis=0), np.arange(batch.traces)])


def _quick(p: Array) -> tuple[Array, Array]:
    """Return starts at the rates that were found, nearly as a Gaussian."""
    quick, shape = AS_GAUSSIAN
    one = np.ones(len(p))
    return np.column_stack([quick * p[:, 0], shape * one, p[:, 2]]), 0.0 * one


def _plain(p: Array) -> tuple[Array, Array]:
    """Return exponentials of usual rates, for rates that were those of noise."""
    one = np.ones(len(p))
    starts = [np.column_stack([rate * one, 0.0 * one, turns * p[:, 2]]) for rate, turns in PLAIN]
    return np.concatenate(starts), np.zeros(len(PLAIN) * len(p))
