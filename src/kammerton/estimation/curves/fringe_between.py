"""One frequency of Ramsey fringes between known levels, by an envelope that falls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import TURNS
from kammerton.estimation.curves.falling import AS_GAUSSIAN, least_shape
from kammerton.estimation.curves.fringe_levels import STRAYING, Levels
from kammerton.estimation.curves.fringes import bounds, mirrored
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import CERTAIN, Solution, replaced, solve
from kammerton.estimation.verdict.evidence import delta_cost

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LONG, SLOW = 0.9, 3 * np.pi  # rates, and rad in the window, of what may have another minimum
AFRESH = ((1.0, 0.0), (0.3, 0.0), (0.5, 1.0))  # rates and shapes from which to look for it
QUICK, QUICKLY = 3.5, ((5.0, 0.0), (4.0, 1.0))
STARTS = tuple(
    (rate, 0.0, turn, phase) for rate in (1.0, 4.0) for turn in (2.5, 4.5, 8.0)
    for phase in (-2.4, -0.8, 0.8, 2.4)
)  # fmt: skip
ALIKE = 0.1  # chi-square that the root of 1/e may cost that is ahead
PHASE = 4  # of the parameters


def between(batch: Batch, levels: Levels, free: Solution) -> Solution:
    """Return the fit of one frequency between the levels, written as the free one is.

    The law is that of two in phase, of which one is not there.
    """
    start = _of_free(free)
    fit = _best(batch, levels, start[None])
    lost = delta_cost(batch, fit, free) > STRAYING
    fit = _or_from(batch, levels, fit, (fit.p[:, 0] < LONG) | lost, AFRESH)
    fit = _or_from(batch, levels, fit, fit.p[:, 0] > QUICK, QUICKLY)
    fit = _or_from(batch, levels, fit, (free.p[:, 2] < SLOW) | lost, STARTS)
    which, ahead = mirrored(fit.p)
    if len(which):
        other = _best(batch.take(which), levels.take(which), ahead[None])
        fit = replaced(fit, which, other, other.cost < fit.cost[which] + ALIKE)
    return _alone(_falling(batch, levels, fit, start))


def _of_free(free: Solution) -> Array:
    """Return a free fit as a start (N, 6) of two frequencies in phase."""
    phase = np.arctan2(-free.c[:, 1], free.c[:, 0])
    return np.column_stack([free.p[:, [0, 1, 2, 2]], phase, np.zeros(len(phase))])


def _falling(batch: Batch, levels: Levels, fit: Solution, free: Array) -> Solution:
    """Refine again what does not fall to the end, from both pure shapes and the free fit (N, 6).

    That one falls, and what lasts at the bottom follows noise between levels as it does without.
    """
    which = np.flatnonzero(fit.p[:, 1] < least_shape(fit.p[:, 0]))
    if batch.shape is not None or len(which) == 0:
        return fit
    (quick, shape), old = AS_GAUSSIAN, fit.p[which]
    starts = np.stack([
        _with(old, (1.0, 0.0), times=old[:, 0]), _with(old, (quick, shape), times=old[:, 0]),
        free[which],
    ])  # fmt: skip
    starts[2, :, 1] = np.maximum(starts[2, :, 1], 0.0)
    none = np.zeros(len(which))
    least = np.concatenate([least_shape(old[:, 0]), none, none])
    other = _best(batch.take(which), levels.take(which), starts, least)
    return replaced(fit, which, other, np.ones(len(which), dtype=bool))


def _or_from(
    batch: Batch, levels: Levels, fit: Solution, doubt: Mask, starts: tuple[tuple[float, ...], ...]
) -> Solution:
    """Return the better fits from other starts, where there may be another minimum (N,)."""
    which = np.flatnonzero(doubt)
    if len(which) == 0:
        return fit
    several = np.stack([_with(fit.p[which], values) for values in starts])
    other = _best(batch.take(which), levels.take(which), several)
    return replaced(fit, which, other, other.cost < fit.cost[which])


def _with(start: Array, values: tuple[float, ...], times: Array | float = 1.0) -> Array:
    """Return starts (N, 6) with another rate, shape, turn and phase, as many as are given.

    times (N,): what the rate is given in.
    """
    other = start.copy()
    for column, value in zip((0, 1, 2, PHASE), values, strict=False):
        other[:, column] = value
    other[:, 0] *= times
    other[:, 3] = other[:, 2]
    return other


def _best(batch: Batch, levels: Levels, starts: Array, least: Array | None = None) -> Solution:
    """Return the best of the fits between the levels from starts (S, N, 6).

    least (S N,): of the shapes, where it is not the usual.
    """
    several, start = len(starts), np.concatenate(starts)
    ends = (
        np.column_stack([np.tile([*each, turns], (len(start), 1)), np.zeros(len(start))])
        for each, turns in zip(bounds(batch, 2), (-TURNS, TURNS), strict=True)
    )
    low, high = ends
    low[:, 3] = high[:, 3] = start[:, 3]
    if least is not None:
        low[:, 1] = least
        start = np.clip(start, low, high)
    prior = np.concatenate([_prior(batch, levels)] * several)
    fit = solve(kernels.IN_PHASE, batch, start, low, high, prior)
    lowest = fit.cost.reshape(several, -1).argmin(axis=0)
    return fit.take(lowest * batch.traces + np.arange(batch.traces))


def _prior(batch: Batch, levels: Levels) -> Array:
    """Return the one amplitude, none of another, and the middle, as the solver wants them."""
    prior = np.zeros((batch.traces, 2, 3))
    sure = CERTAIN * (batch.w**2).sum(axis=1)
    prior[:, 0, :2], prior[:, 1, 0] = sure[:, None], levels.half
    prior[:, 0, 2] = np.where(np.isfinite(levels.middle), sure, 0.0)
    prior[:, 1, 2] = np.nan_to_num(levels.middle)
    return prior


def _alone(fit: Solution) -> Solution:
    """Write one frequency with a phase as one with a cosine and a sine."""
    phase, height = fit.p[:, 4], fit.c[:, 0]
    cos, sin = height * np.cos(phase), -height * np.sin(phase)
    theta = np.column_stack([fit.p[:, :3], cos, sin, fit.c[:, 2]])
    turn = np.zeros((len(phase), 6, fit.theta.shape[1]))
    for row, column in ((0, 0), (1, 1), (2, 2), (5, 8)):
        turn[:, row, column] = 1.0
    turn[:, 3, 4], turn[:, 3, 6] = sin, np.cos(phase)
    turn[:, 4, 4], turn[:, 4, 6] = -cos, -np.sin(phase)
    cov = turn @ fit.cov @ turn.transpose(0, 2, 1)
    return replace(fit, law=kernels.RAMSEY, theta=theta, cov=cov)
