"""Ramsey fringes between known levels: a contrast's half high, about the middle of both.

Pulses of pi/2 that are good prepare and read the whole contrast, so that the envelope begins at
half of it, and relaxation leaves the middle where it is: the last pulse turns what has relaxed out
of sight. Of one frequency that is fitted; with two, their amplitudes add up to it, which is one
condition on several parameters: the fit moves there along its own covariance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import TURNS, Beats, amplitudes
from kammerton.estimation.curves.falling import least_shape
from kammerton.estimation.curves.fringes import bounds
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import CERTAIN, Solution, solve
from kammerton.estimation.verdict.evidence import delta_cost
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Known
from kammerton.estimation.verdict.outcome import per_trace
from kammerton.model import TraceError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRAYING = 16.0  # chi-square that known levels may cost: by chance in 3 of 10,000
MIDDLE = 8  # their constant, one phase or two


@dataclass(frozen=True, eq=False)
class Levels:
    """Half of the contrast (N,), and the middle of both levels, NaN where it is not known."""

    half: Array
    middle: Array

    def take(self, which: NDArray[np.intp]) -> Levels:
        """Return those of some traces."""
        return Levels(self.half[which], self.middle[which])


def fringe_levels(batch: Batch, known: Known) -> Levels | None:
    """Return what is known of the levels, None where nothing is.

    Raises
    ------
    TraceError
        The offset is known, but not the contrast; or the sweep does not begin near zero.
    """
    contrast, offset = (per_trace(known, name, batch) for name in ("contrast", "offset"))
    if contrast is None:
        if offset is not None:
            raise TraceError("offset is known, but not contrast: the law takes both, or contrast")
        return None
    if not batch.begins_at_zero:
        raise TraceError(
            "x is far from zero, where known levels are: farther than the sweep is long"
        )
    none = np.full(batch.traces, np.nan)
    middle = none if offset is None else offset + 0.5 * contrast - batch.level
    return Levels(0.5 * np.abs(contrast), middle)


def beats_between(batch: Batch, levels: Levels, beats: Beats) -> Beats:
    """Return two frequencies between the levels."""
    fit, joint = (
        _conditioned(batch.take(which), levels.take(which), each)
        for which, each in ((beats.which, beats.fit), (beats.joint, beats.joint_fit))
    )
    return replace(beats, fit=fit, joint_fit=joint)


def _conditioned(batch: Batch, levels: Levels, fit: Solution) -> Solution:
    """Move a fit of two frequencies to where both amplitudes add up, and to the middle."""
    if len(fit.cost) == 0:
        return fit
    moved = _held(fit, levels, fit)
    moved.theta[:, fit.p.shape[1] : MIDDLE] *= (levels.half / _height(moved)[0])[:, None]  # exactly
    rest = _at_rest(batch, moved, np.minimum(fit.p[:, 1], least_shape(fit.p[:, 0])))
    at = _held(replace(fit, theta=rest.theta), levels, rest)
    return replace(rest, cov=at.cov, free=at.free)


def _held(fit: Solution, levels: Levels, at: Solution) -> Solution:
    """Return a fit moved to the levels as they depend on what is fitted at another."""
    height, along = _height(at)
    fit = _moved(fit, levels.half - height, along, np.ones(len(height), dtype=bool))
    known, middle = np.isfinite(levels.middle), np.zeros_like(fit.theta)
    middle[:, MIDDLE] = 1.0
    return _moved(fit, np.nan_to_num(levels.middle) - fit.theta[:, MIDDLE], middle, known)


def _at_rest(batch: Batch, fit: Solution, least: Array) -> Solution:
    """Return such fits with rates and turns where they are best for these amplitudes.

    What is not linear has moved along a line, and its minimum along a bend. least (N,): of the
    shapes, so that an envelope goes on to fall to the end.
    """
    low, high = (np.tile(ends, (batch.traces, 1)) for ends in bounds(batch, 2))
    if fit.law == kernels.IN_PHASE:
        turns, origin = np.full(batch.traces, TURNS), fit.p[:, 5]
        low, high = np.column_stack([low, -turns, origin]), np.column_stack([high, turns, origin])
    low[:, 1] = least if batch.shape is None else batch.shape
    sure = np.broadcast_to(CERTAIN * (batch.w**2).sum(axis=1)[:, None], fit.c.shape)
    rest = solve(
        fit.law, batch, np.clip(fit.p, low, high), low, high, np.stack([sure, fit.c], axis=1)
    )
    return replace(fit, theta=rest.theta, cost=rest.cost, residual=rest.residual)


def _height(fit: Solution) -> tuple[Array, Array]:
    """Return the sum of both amplitudes (N,), and how it depends on theta."""
    along = np.zeros_like(fit.theta)
    if fit.law == kernels.IN_PHASE:
        along[:, 6:MIDDLE] = 1.0
        return fit.theta[:, 6:MIDDLE].sum(axis=1), along
    sizes = np.column_stack(amplitudes(fit.theta))
    along[:, 4:MIDDLE] = fit.theta[:, 4:MIDDLE] / np.repeat(np.maximum(sizes, 1e-300), 2, axis=1)
    return sizes.sum(axis=1), along


def _moved(fit: Solution, miss: Array, along: Array, known: Mask) -> Solution:
    """Return the fits for which a number, that depends on theta so (N, P), is known to be off."""
    reach = np.einsum("nij,nj->ni", fit.cov, along)
    gain = known / np.maximum(np.einsum("ni,ni->n", along, reach), 1e-300)
    theta = fit.theta + (gain * miss)[:, None] * reach
    cov = fit.cov - gain[:, None, None] * reach[:, :, None] * reach[:, None, :]
    return replace(fit, theta=theta, cov=cov, free=fit.free - known)


def judge_levels(
    findings: Findings, batch: Batch, free: Solution, held: Solution, beats: tuple[Beats, Beats]
) -> None:
    """Object to fringes that are not between the levels; beats: free, and between them."""
    lost = delta_cost(batch, held, free)
    one, two = beats
    for which, loose, tight in (
        (one.which, one.fit, two.fit), (one.joint, one.joint_fit, two.joint_fit)
    ):  # fmt: skip
        if len(which):
            lost[which] = delta_cost(batch.take(which), tight, loose)
    findings.rejected(
        lost > STRAYING, "model does not fit",
        "the fringes do not fill the known contrast, or not about its middle",
    )  # fmt: skip
