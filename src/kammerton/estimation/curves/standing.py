"""A standing wave of a cable under the scan, which several lines follow as they please."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

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
OF_A_PAIR, OF_A_LINE, OF_A_SLOPE = 8, 4, 2  # parameters that are fitted


def judge_standing(findings: Findings, batch: Batch, curve: Array, lines: Array) -> None:
    """Object to two or more lines (N,) where a cosine about a level follows the trace as well.

    curve: of all lines (N, R).
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


def over_a_wave(batch: Batch, curve: Array, lines: Array) -> Array:
    """Return the delta-BIC (N,) of two lines or more, whose curve is given, over a cosine."""
    start = np.zeros((batch.traces, 3))
    start[:, 2] = search(batch, "oscillations", 2)[:, 1]
    low, high = np.array([0.0, 0.0, SLOWEST]), np.array([0.0, 0.0, 0.0])
    high[2] = np.pi * (batch.most_places - 1)
    wave = solve(kernels.RAMSEY, batch, start, low, high)
    return delta_bic(batch, wave, _as_fitted(batch, wave, curve, lines))


def _as_fitted(batch: Batch, like: Solution, curve: Array, lines: Array) -> Solution:
    """Return what the lines leave and cost, in the shape of another law's solution."""
    residual = (batch.y - curve) * batch.w
    free = np.where(lines > 2, OF_A_LINE * lines + OF_A_SLOPE, OF_A_PAIR).astype(np.intp)
    return replace(like, cost=(residual**2).sum(axis=1), residual=residual, free=free)
