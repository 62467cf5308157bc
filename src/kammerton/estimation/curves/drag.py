"""DRAG coefficient from one train of pulses: extremal population at the right coefficient.

A train such as X and -X, repeated, returns the qubit to where it was only if the pulses gather no
phase; away from the right coefficient the population rises as a parabola, and farther away it
turns around like a cosine, which serves for both: y = A cos(w x) + B sin(w x) + C.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.extremum import Place, expectation, judge_place, sort_of
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, solve
from kammerton.estimation.verdict.evidence import Evidence, Mask, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    STEADY,
    Findings,
    judge_doubt,
    judge_signal,
    judge_stray,
)
from kammerton.estimation.verdict.kind import Kind, sweep
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome, significance
from kammerton.estimation.verdict.said import interleaved
from kammerton.model import Advice

Array = NDArray[np.float64]

SLOWEST = 0.4  # rad in the window: as good as a parabola
FASTEST = 0.4  # periods per point
SEARCHED = 20.0  # delta-BIC that pays for a search over some 100 frequencies
TOLD = 1 / 3  # error, in parts of a value, from which it is none
UNITS = {"drag_coefficient": "", "period": "", "amplitude": "", "offset": ""}
KNOWN = ("extremum", "expected", "interleaved")
DRIFT = 4.0  # delta-BIC over a random walk that is asked, if sigma is known; added to it is:
UNSURE = 12.0  # the same without sigma
PER_PERIOD = 12.0  # for a period in the window; a planned scan has less than one
PER_WINDOW = 25.0  # for a window between the extremum and where it is expected
PER_MISFIT = 8.0  # for a reduced chi-square that is 1 too large
EDGE = 0.1  # windows from an end, where a walk turns as an extremum does


def drag(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit a cosine; the `extremum` nearest to `expected` gives the coefficient.

    extremum: "minimum" unless said; "maximum" or "either". expected: the window's centre unless
    said.
    """
    phase, step = sort_of(known)
    fit = _cosine(batch)
    low, span = batch.column(batch.zero), batch.column(batch.span)
    expected = expectation(known, batch, low, low + span)
    number = np.round(((expected - low) / span * fit.p[:, 2] - _turn(fit.theta) - phase) / step)

    def numbers(theta: Array) -> dict[str, Array]:
        at = (_turn(theta) + phase + step * number) / theta[..., 2]
        return {
            "drag_coefficient": low + span * at, "period": 2 * np.pi * span / theta[..., 2],
            "amplitude": np.hypot(theta[..., 3], theta[..., 4]),
            "offset": theta[..., 5] + batch.level,
        }  # fmt: skip

    curve, nulls = fit.curve(batch), simple_laws(batch)
    evidence = weigh(batch, fit, curve, nulls)
    found = derive(numbers, fit.theta, fit.cov * evidence.noise[:, None, None], fit.p.shape[1])
    _untold(found)
    findings = Findings(batch.traces)
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_signal(findings, batch, evidence, snr, "a parabola or a cosine", SEARCHED)
    at, period = found.values["drag_coefficient"], step * span / fit.p[:, 2]
    _judge(findings, batch, fit, evidence)
    judge_place(findings, Place(
        at, found.stderr["drag_coefficient"], period, expected, low, low + span,
        *_turned(known, at, period, low + span / 2),
    ))  # fmt: skip
    if not interleaved(known):
        _judge_edge(findings, at, np.abs((at - low) / span - 0.5) > 0.5 - EDGE)
        evidence = _unlikely(evidence, fit.p[:, 2] / (2 * np.pi), np.abs(at - expected) / span)
    judge_stray(findings, evidence, findings.is_open())
    judge_doubt(findings, evidence, "a parabola or a cosine", CLEAR, STEADY)
    findings.accept("a clear extremum")
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _untold(found: Derived) -> None:
    """Leave out what a parabola does not tell: how far away it turns around, and how high."""
    values, stderr = found.values, found.stderr
    for name, others in (("period", ("period", "amplitude", "offset")),
                         ("amplitude", ("amplitude", "offset"))):  # fmt: skip
        told = stderr[name] < TOLD * np.abs(values[name])
        for each in others:
            values[each] = np.where(told, values[each], np.nan)
            stderr[each] = np.where(told, stderr[each], np.nan)


def _turned(known: dict[str, object], at: Array, period: Array, middle: Array) -> tuple[Any, ...]:
    """Return which sort is wanted, and where the nearest of the other lies; () of either."""
    sort = str(known.get("extremum") or "minimum")
    if sort == "either":
        return ()
    return sort, at + period * (np.round((middle - at) / period - 0.5) + 0.5)


def _turn(theta: Array) -> Array:
    """Return the phase at which the cosine is largest."""
    return np.arctan2(theta[..., 4], theta[..., 3])


def _cosine(batch: Batch) -> Solution:
    seed = search(batch, "oscillations", 2)
    start = np.column_stack([np.zeros((batch.traces, 2)), seed[:, 1]])
    low, high = np.array([0.0, 0.0, SLOWEST]), np.array([0.0, 0.0, np.pi * (batch.most_places - 1)])
    return solve(kernels.RAMSEY, batch, start, low, high)


def _judge(findings: Findings, batch: Batch, fit: Solution, evidence: Evidence) -> None:
    """Object to a slope without an extremum, and to periods as short as a few points."""
    periods = fit.p[:, 2] / (2 * np.pi)
    findings.insufficient(
        periods > FASTEST * (batch.places - 1), "sampling too coarse",
        lambda n: f"{periods[n]:.0f} periods lie in {batch.places[n]} points: they may be aliases",
        Advice(window_times=0.3),
    )  # fmt: skip
    findings.insufficient(
        evidence.gain_line < CLEAR, "range too narrow",
        "only a slope is seen, no extremum", Advice(window_times=2.0),
    )  # fmt: skip


def _judge_edge(findings: Findings, at: Array, near: Mask) -> None:
    """Object to an extremum at the window's edge, from which the data hardly turn back."""
    findings.insufficient(
        near, "range too narrow",
        lambda n: f"the extremum lies at the window's edge, at {at[n]:.3g}: drift may look like it",
        lambda n: Advice(centre_on=float(at[n])),
    )  # fmt: skip


def _unlikely(evidence: Evidence, periods: Array, away: Array) -> Evidence:
    """Take from the evidence over a walk what is seen in more walks than planned scans.

    Most walks that a cosine follows show a period or two, with the extremum anywhere, and leave
    more than noise. periods, away (N,): in the window, and from where the extremum is expected, in
    windows.
    """
    unsure = np.isnan(evidence.chi2_reduced)
    misfit = np.where(unsure, 0.0, np.maximum(evidence.chi2_reduced - 1.0, 0.0))
    asked = np.where(unsure, UNSURE, DRIFT)
    asked += PER_PERIOD * periods + PER_WINDOW * away + PER_MISFIT * misfit
    more = np.maximum(asked - STEADY, 0.0)
    return replace(evidence, gain_walk=evidence.gain_walk - more)


KINDS: dict[str, Kind] = {"drag": sweep(drag, 6, known=KNOWN)}
