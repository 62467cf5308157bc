"""Rabi oscillation in the pulse's amplitude: A cos(2 pi a / period) + C, extremal at a = 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import kernels
from kammerton.estimation.evidence import Evidence, delta_bic, propagate, structured, weigh
from kammerton.estimation.findings import (
    CLEAR,
    Findings,
    drift_asked,
    imprecise,
    judge_signal,
    judge_stray,
    percent,
)
from kammerton.estimation.kind import Kind, sweep
from kammerton.estimation.nulls import simple_laws
from kammerton.estimation.outcome import Outcome, significance
from kammerton.estimation.prepare import Batch
from kammerton.estimation.seeds import search
from kammerton.estimation.solver import Solution, replaced, solve
from kammerton.model import Advice

Array = NDArray[np.float64]

MOST_DECAY = 10.0  # per window
TURN_LIMIT = 0.2  # rad by which the extremum may miss amplitude 0
DRIFT = 30.0  # delta-BIC over a random walk
SEARCHED = 22.0  # delta-BIC that pays for a search over some 200 frequencies
UNITS = {"period": "V", "pi_amplitude": "V", "amplitude": "", "offset": ""}


def rabi_amplitude(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit a cosine about zero amplitude; a decay along the sweep only where the data ask for it."""
    fit = _cosine(batch)
    nulls, curve = simple_laws(batch), fit.curve(batch)
    evidence = weigh(batch, fit, curve, nulls)
    span = batch.column(batch.span)
    found = propagate(lambda p: _numbers(p, span, batch.level), fit, evidence)
    findings = Findings(batch.traces)
    turn = _phase(batch, fit)
    findings.rejected(
        np.abs(turn) > TURN_LIMIT, "model does not fit",
        lambda n: f"the extremum misses zero amplitude by {abs(turn[n]):.2f} rad",
    )  # fmt: skip
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_signal(
        findings, batch, evidence, snr, "a cosine about zero amplitude", SEARCHED,
        drift=drift_asked(known, DRIFT),
    )  # fmt: skip
    _judge(findings, batch, fit, evidence, found.values["period"], found.stderr["period"])
    judge_stray(findings, evidence, findings.is_open())
    findings.accept("a clear Rabi oscillation")
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _cosine(batch: Batch) -> Solution:
    seed = search(batch, "cosines", 1)
    start = np.column_stack([np.zeros(batch.traces), seed[:, 0]])
    nyquist = np.pi * (batch.points - 1)
    low, high = np.array([0.0, 0.3]), np.array([0.0, nyquist])
    fit = solve(kernels.RABI, batch, start, low, high)
    which = np.flatnonzero(structured(batch, fit))
    if len(which) == 0:
        return fit
    part, plain = batch.take(which), fit.take(which)
    ends = np.array([-1.0, 0.3]), np.array([MOST_DECAY, nyquist])
    damped = solve(kernels.RABI, part, plain.p + np.array([0.1, 0.0]), *ends)
    wins = (delta_bic(part, plain, damped) > 6.0) & (damped.p[:, 0] > 0)
    return replaced(fit, which, damped, wins)


def _numbers(theta: Array, span: Array, level: Array) -> dict[str, Array]:
    period = 2 * np.pi * span / theta[..., 1]
    return {
        "period": period, "pi_amplitude": period / 2, "amplitude": theta[..., 2],
        "offset": theta[..., 3] + level,
    }  # fmt: skip


def _phase(batch: Batch, fit: Solution) -> Array:
    """Return by how much (rad) the extremum misses amplitude 0; 0 where the fit leaves no doubt."""
    turn = np.zeros(batch.traces)
    which = np.flatnonzero(structured(batch, fit))
    if len(which) == 0:
        return turn
    part, fixed = batch.take(which), fit.take(which)
    start = np.insert(search(part, "oscillations", 2), 1, 0.0, axis=1)
    low = np.array([-1.0, 0.0, 0.3])
    high = np.array([MOST_DECAY, 0.0, np.pi * (batch.points - 1)])
    free = solve(kernels.RAMSEY, part, start, low, high)
    cos, sin = free.c[:, 0], free.c[:, 1]
    missed = np.arctan2(np.where(cos < 0, -sin, sin), np.abs(cos))
    turn[which] = np.where(delta_bic(part, fixed, free) > SEARCHED, missed, 0.0)
    return turn


def _judge(
    findings: Findings, batch: Batch, fit: Solution, evidence: Evidence, period: Array,
    error: Array,
) -> None:  # fmt: skip
    """Object to oscillations that are badly placed in their window."""
    reach = np.abs(batch.x).max(axis=1)
    swept = np.broadcast_to(reach, (batch.traces,)) * fit.p[:, 1] / (2 * np.pi)
    findings.insufficient(
        (swept < 0.35) | ((evidence.gain_line < CLEAR) & (swept < 0.7)), "range too narrow",
        lambda n: f"only {swept[n]:.2f} periods lie between zero and the largest amplitude",
        lambda n: Advice(window_times=float(np.clip(1.0 / max(swept[n], 0.2), 1.5, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        fit.p[:, 1] > 0.48 * 2 * np.pi * (batch.points - 1), "sampling too coarse",
        "the oscillation is as fast as half the sampling: the period may be an alias",
        Advice(window_times=0.5),
    )  # fmt: skip
    findings.insufficient(
        imprecise(period, error, 0.1) | (evidence.gain_line < CLEAR), "error too large",
        lambda n: f"the period is known only to {percent(period[n], error[n])}",
        Advice(shots_times=4.0),
    )  # fmt: skip


KINDS: dict[str, Kind] = {"rabi_amplitude": sweep(rabi_amplitude, 5, from_zero=True)}
