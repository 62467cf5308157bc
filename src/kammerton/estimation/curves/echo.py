"""Hahn echo and CPMG: a decay between exponential and Gaussian."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.averaging import averaged
from kammerton.estimation.curves.decay_fit import (
    ENDS,
    UNSEEN,
    fitted,
    numbers,
    prior_of,
    refined,
    slow_unless_seen,
)
from kammerton.estimation.curves.decay_verdict import FEW, judge, judge_order
from kammerton.estimation.curves.late_start import LATE, first_measured
from kammerton.estimation.curves.levels import LEVELS
from kammerton.estimation.curves.other_times import of_other_times
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, merged
from kammerton.estimation.verdict.evidence import Evidence, propagate, weigh
from kammerton.estimation.verdict.findings import drift_asked
from kammerton.estimation.verdict.kind import DECAYING, Kind, Known, sweep
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome
from kammerton.model import Advice

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

LAW = "a decay between exponential and Gaussian"
DRIFT = 19.0  # delta-BIC over a random walk
SHAPE = (0.0, 1.0)  # exponential to Gaussian: beyond them an envelope would grow, or be a step
SHAPED = {1: SHAPE}  # the shape's place among the parameters
ODDS = np.array([1.0, 1.0, 1.0])  # before the data, of a free shape and of both ends


def t2_echo(batch: Batch, known: Known) -> Outcome:
    """Fit a Hahn echo; x is the whole time between the two pi/2 pulses."""
    return _of_any_envelope(batch, known, "t2_echo", "a clear echo decay")


def cpmg(batch: Batch, known: Known) -> Outcome:
    """Fit a decay under refocusing pulses; x is the whole time, the number of pulses fixed."""
    return _of_any_envelope(batch, known, "t2_cpmg", "a clear decay under refocusing pulses")


def _of_any_envelope(batch: Batch, known: Known, name: str, said: str) -> Outcome:
    """Fit exp(-(1 - q) s t - q (s t)^2) with q free: 1/s is the 1/e time whatever it is.

    Relaxation and white noise make it an exponential, slow noise a Gaussian, and both together
    what is in between. Where little tells q, the time hangs on it, and not by straight lines: so
    1/T is the mean of the free fit's and of those of both ends, weighted by the evidence for each.
    Not T, which is without bound for a law that is nearly straight. The error holds each fit's own
    and how far they disagree (Buckland et al. 1997, model averaging).
    """
    prior = prior_of(batch, known)
    ends = [slow_unless_seen(batch, fitted(batch, *end, prior), prior) for end in ENDS]
    fit, span = _free(batch, ends, prior), batch.column(batch.span)
    laws = [fit, *ends]
    nulls, curve = simple_laws(batch), fit.curve(batch)
    evidence = _as_simple(weigh(batch, fit, curve, nulls), laws, batch.rows)
    found = [
        propagate(lambda theta: numbers(name, theta, span, batch.level), law, evidence, SHAPED)
        for law in laws
    ]
    mean = averaged(found, np.array([law.cost for law in laws]), ODDS, evidence.noise)
    mean = of_other_times(batch, laws, mean, name, evidence.noise, prior)
    drift = drift_asked(batch, known, DRIFT)
    reach = _reach(laws, mean.values[name] / span, evidence.noise)
    if prior is None:
        reach[first_measured(batch) * span > LATE * mean.values[name]] = np.inf
    findings = judge(batch, fit, evidence, nulls, mean, name, LAW, drift, reach=reach)
    judge_order(findings, batch, fit, evidence, known)
    if not batch.known_noise:
        findings.insufficient(
            batch.rows < FEW, "sampling too coarse",
            lambda n: (f"{batch.rows[n]} points without errors tell no scatter beside a shape that "
                       f"is free: sweep {FEW} or more, or give their errors"),
            Advice(shots_times=4.0),
        )  # fmt: skip
    findings.accept(said)
    units = {name: "s", "amplitude": "", "offset": ""}
    return Outcome(mean, units, curve, evidence.chi2_reduced, findings)


def _free(batch: Batch, ends: list[Solution], prior: Array | None) -> Solution:
    """Return the best decay of a free shape, begun at those of both ends."""
    one, other = (refined(batch, end.theta[:, :2], prior, SHAPE) for end in ends)
    return merged(one, other, other.cost < one.cost)


def _as_simple(evidence: Evidence, laws: list[Solution], rows: Codes) -> Evidence:
    """Return the evidence for the law that pays best: a held shape is no parameter.

    Not over a random walk, which follows some shape more easily than one.
    """
    least = np.minimum(laws[1].cost, laws[2].cost) - laws[0].cost
    saved = np.maximum(np.log(rows) - least / np.maximum(evidence.noise, 1e-300), 0.0)
    return replace(
        evidence, gain_flat=evidence.gain_flat + saved, gain_line=evidence.gain_line + saved,
        gain_step=evidence.gain_step + saved,
    )  # fmt: skip


def _reach(laws: list[Solution], time: Array, noise: Array) -> Array:
    """Return how far, in parts of the time, a shape takes it that is not ruled out (N,)."""
    reach = np.zeros(len(noise))
    best = np.minimum.reduce([law.cost for law in laws])
    for law in laws[1:]:
        worse = np.maximum((law.cost - best) / np.maximum(noise, 1e-300), 1e-300)
        apart = np.abs(law.theta[:, 0] * time - 1.0)
        np.maximum(reach, np.where(worse < UNSEEN, apart, 0.0), out=reach)
    return reach


KINDS: dict[str, Kind] = {
    "t2_echo": sweep(t2_echo, 5, from_zero=True, known=LEVELS, swings=DECAYING),
    "cpmg": sweep(cpmg, 5, from_zero=True, known=LEVELS, swings=DECAYING),
}
