"""A standing wave of a cable under the scan, which several lines follow as they please."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.shapes import bounds, half_each
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, solve
from kammerton.estimation.verdict.evidence import delta_bic
from kammerton.estimation.verdict.findings import Findings
from kammerton.model import Advice

Array = NDArray[np.float64]

SLOWEST = 0.5 * np.pi  # rad in the window: half an arc and less is one broad line, or none
UNLIKE = 6.0  # delta-BIC by which lines must be the better account; of 8000 waves none gained 1
RIPPLE = 12.0  # delta-BIC by which one line over a cosine must be the better account
TURNS = 2  # in which a line and a cosine are fitted, each to what the other leaves
OF_A_WAVE = 3  # parameters
OF_A_PAIR, OF_A_LINE, OF_A_SLOPE = 8, 4, 2  # parameters that are fitted


def judge_standing(
    findings: Findings, batch: Batch, one: Solution, curve: Array, lines: Array
) -> None:  # fmt: skip
    """Object to two or more lines (N,) where a cosine, about one or none, does as well.

    one: the fit of one line; curve: of all (N, R).
    """
    which = np.flatnonzero(findings.is_open() & (lines > 1))
    if len(which) == 0:
        return
    gain = np.full(batch.traces, np.inf)
    gain[which] = over_a_wave(batch.take(which), curve[which], lines[which])
    findings.rejected(
        gain < 0.0, "model does not fit",
        lambda n: f"a standing wave follows the trace better than {lines[n]:.0f} lines",
    )  # fmt: skip
    findings.insufficient(
        gain < UNLIKE, "signal too weak",
        lambda n: f"a standing wave could explain the trace as well as {lines[n]:.0f} lines",
        Advice(shots_times=4.0),
    )  # fmt: skip
    _judge_ripple(findings, batch, one, curve, lines)


def _judge_ripple(
    findings: Findings, batch: Batch, one: Solution, curve: Array, lines: Array
) -> None:  # fmt: skip
    """Object to lines that follow a ripple under one line, piece by piece.

    The spectrum of a short pulse also swings beside its line, and is two lines where the noise is
    what they leave.
    """
    which = np.flatnonzero(findings.is_open() & (lines > (1 if batch.known_noise else 2)))
    if len(which) == 0:
        return
    part, ripple = batch.take(which), np.zeros(batch.traces, dtype=bool)
    wave = line_over_a_wave(part, one.take(which))
    gain = delta_bic(part, wave, _as_fitted(part, wave, curve[which], lines[which]))
    ripple[which] = gain < -RIPPLE
    findings.rejected(
        ripple, "model does not fit",
        lambda n: f"one line over a standing wave follows the trace better than {lines[n]:.0f} "
        "lines",
    )  # fmt: skip


def line_over_a_wave(batch: Batch, one: Solution) -> Solution:
    """Fit a line and a cosine in turn, from the line alone."""
    fit = one
    for _ in range(TURNS):
        wave = _cosine(batch.with_y(batch.y - fit.curve(batch)))
        rest = batch.with_y(batch.y - wave.curve(batch))
        prior = half_each(rest, fit)
        fit = solve(kernels.LINE, rest, fit.p, *bounds(batch, 1), prior, errors=False)
    return fit.of_free(one.free + OF_A_WAVE)


def over_a_wave(batch: Batch, curve: Array, lines: Array) -> Array:
    """Return the delta-BIC (N,) of two lines or more, whose curve is given, over a cosine."""
    wave = _cosine(batch)
    return delta_bic(batch, wave, _as_fitted(batch, wave, curve, lines))


def _cosine(batch: Batch) -> Solution:
    start = np.zeros((batch.traces, 3))
    start[:, 2] = search(batch, "oscillations", 2)[:, 1]
    low, high = np.array([0.0, 0.0, SLOWEST]), np.array([0.0, 0.0, 0.0])
    high[2] = np.pi * (batch.most_places - 1)
    return solve(kernels.RAMSEY, batch, start, low, high, errors=False)


def _as_fitted(batch: Batch, like: Solution, curve: Array, lines: Array) -> Solution:
    """Return what the lines leave and cost, in the shape of another law's solution."""
    residual = (batch.y - curve) * batch.w
    free = np.where(lines > 2, OF_A_LINE * lines + OF_A_SLOPE, OF_A_PAIR).astype(np.intp)
    cost = (residual**2).sum(axis=1)
    return Solution(like.law, like.theta, like.cov, cost, residual, free)
