"""Energy relaxation and Hahn echo: A exp(-(t/T)^n) + C."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, named
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import CERTAIN, Solution, merged, solve
from kammerton.estimation.verdict.evidence import Evidence, propagate, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    STEADY,
    Findings,
    drift_asked,
    imprecise,
    judge_doubt,
    judge_signal,
    percent,
)
from kammerton.estimation.verdict.kind import Kind, Known, sweep
from kammerton.estimation.verdict.nulls import Nulls, simple_laws
from kammerton.estimation.verdict.outcome import Outcome, per_trace, significance
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]

SLOWEST = -1.0  # rates may be slightly negative, so that errors of a long T stay Gaussian
FASTEST = 4.0  # in rates per point
LAW = "an exponential decay"
DRIFT, DRIFT_OF_TWO = 20.0, 25.0  # delta-BIC over a random walk, for one law and for two
BENT = 16.0  # delta-BIC over a straight line
FEWEST = 4  # points within three T: on an even axis T is longer than a step
EXPONENTIAL_ODDS = 3.0  # before the data: an echo that decays exponentially is the usual case


def t1(batch: Batch, known: Known) -> Outcome:
    """Fit an exponential; `offset` and `contrast` may be known from the readout calibration."""
    prior = _prior(batch, known)
    fit = _fit(batch, 0.0, "decays", prior)
    nulls, curve = simple_laws(batch), fit.curve(batch)
    evidence = weigh(batch, fit, curve, nulls)
    span = batch.column(batch.span)
    found = propagate(lambda theta: _numbers("t1", theta, span, batch.level), fit, evidence)
    drift = drift_asked(batch, known, DRIFT if prior is None else STEADY)  # no walk knows levels
    findings = _judge(batch, fit, evidence, nulls, found, "t1", drift)
    findings.accept("a clear exponential decay")
    units = {"t1": "s", "amplitude": "", "offset": ""}
    return Outcome(found, units, curve, evidence.chi2_reduced, findings)


def _numbers(name: str, theta: Array, span: Array, level: Array) -> dict[str, Array]:
    return {name: span / theta[..., 0], "amplitude": theta[..., 2], "offset": theta[..., 3] + level}


def t2_echo(batch: Batch, known: Known) -> Outcome:
    """Fit a Hahn echo; x is the whole time between the two pi/2 pulses."""
    return _of_either_law(batch, known, "t2_echo", "a clear echo decay")


def cpmg(batch: Batch, known: Known) -> Outcome:
    """Fit a decay under refocusing pulses; x is the whole time, the number of pulses fixed."""
    return _of_either_law(batch, known, "t2_cpmg", "a clear decay under refocusing pulses")


def _of_either_law(batch: Batch, known: Known, name: str, said: str) -> Outcome:
    """Fit exp(-t/T) and exp(-(t/T)^2); T is their mean, weighted by the evidence for each.

    The error holds each law's own and how far the laws disagree (Buckland et al. 1997, model
    averaging), so that it stays honest where the data cannot tell them apart.
    """
    prior = _prior(batch, known)
    laws = [_fit(batch, 0.0, "decays", prior), _fit(batch, 1.0, "gaussian decays", prior)]
    fit = merged(laws[0], laws[1], laws[1].cost < laws[0].cost)
    nulls, curve = simple_laws(batch), fit.curve(batch)
    evidence = weigh(batch, fit, curve, nulls)
    span = batch.column(batch.span)
    found = [
        propagate(lambda theta: _numbers(name, theta, span, batch.level), law, evidence)
        for law in laws
    ]
    mixed = _averaged(found, _share_of_gaussian(batch, laws, evidence))
    findings = _judge(
        batch, fit, evidence, nulls, mixed, name, drift_asked(batch, known, DRIFT_OF_TWO)
    )
    findings.accept(said)
    units = {name: "s", "amplitude": "", "offset": ""}
    return Outcome(mixed, units, curve, evidence.chi2_reduced, findings)


def _fit(batch: Batch, shape: float, kind: str, prior: Array | None) -> Solution:
    seed = search(batch, kind, 1)
    start = np.column_stack([seed[:, 0], np.full(batch.traces, shape)])
    high = np.array([FASTEST * batch.points, shape])
    return solve(kernels.DECAY, batch, start, np.array([SLOWEST, shape]), high, prior)


def _prior(batch: Batch, known: Known) -> Array | None:
    if known.get("offset") is None and known.get("contrast") is None:
        return None
    if not batch.begins_at_zero:
        raise TraceError(
            "x is far from zero, where known levels are: farther than the sweep is long"
        )
    prior = np.zeros((batch.traces, 2, 2))
    weight = CERTAIN * (batch.w**2).sum(axis=1)
    for column, name in enumerate(("contrast", "offset")):
        value = per_trace(known, name, batch)
        if value is not None:
            prior[:, 0, column] = weight
            prior[:, 1, column] = value - (batch.level if name == "offset" else 0.0)
    return prior


def _share_of_gaussian(batch: Batch, laws: list[Solution], evidence: Evidence) -> Array:
    log_odds = 0.5 * (laws[1].cost - laws[0].cost) / np.maximum(evidence.noise, 1e-300)
    result: Array = 1.0 / (1.0 + EXPONENTIAL_ODDS * np.exp(np.clip(log_odds, -50.0, 50.0)))
    return result


def _averaged(found: list[Derived], share: Array) -> Derived:
    """Mix the two laws' numbers; the error holds each law's own and how far they disagree."""
    gaussian = np.where(share < 1e-3, 0.0, np.where(share > 0.999, 1.0, share))
    weights = [1.0 - gaussian, gaussian]
    names = list(found[0].values)
    stacked = [_stacked(each) for each in found]
    mean = sum(
        w[:, None] * np.where(w[:, None] > 0, value, 0.0)
        for w, (value, _) in zip(weights, stacked, strict=True)
    )
    covariance = np.zeros((len(share), len(names), len(names)))
    for w, (value, cov) in zip(weights, stacked, strict=True):
        apart = value - mean
        own = cov + apart[:, :, None] * apart[:, None, :]
        covariance += w[:, None, None] * np.where(w[:, None, None] > 0, own, 0.0)
    return named(names, np.asarray(mean), covariance)


def _stacked(found: Derived) -> tuple[Array, Array]:
    error = np.stack(list(found.stderr.values()), axis=1)
    covariance = found.correlation * error[:, :, None] * error[:, None, :]
    return np.stack(list(found.values.values()), axis=1), covariance


def _judge(
    batch: Batch, fit: Solution, evidence: Evidence, nulls: Nulls, found: Derived, name: str,
    drift: float,
) -> Findings:  # fmt: skip
    """Object to decays that are absent, of another law, or badly placed in their window."""
    findings = Findings(batch.traces)
    time, error = found.values[name], found.stderr[name]
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_signal(findings, batch, evidence, snr, LAW)
    with np.errstate(divide="ignore"):
        rate = batch.column(batch.span) / time
    poor = imprecise(time, error)
    findings.insufficient(
        (_seen(batch, rate) < FEWEST) | (poor & (rate > 8.0)), "window too long",
        "the decay is over within the first points: sampling too coarse",
        lambda n: Advice(window_times=float(np.clip(4.0 / rate[n], 0.02, 0.5))),
    )  # fmt: skip
    findings.insufficient(
        (rate < 0.3) | (poor & (rate < 1.2)) | ((evidence.gain_line < BENT) & (rate < 1.2)),
        "range too narrow", "the window ends before the decay bends: only a slope is seen",
        lambda n: Advice(window_times=float(np.clip(3.0 / max(rate[n], 0.1), 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        evidence.gain_line < BENT, "signal too weak",
        "the decay cannot be told from a straight line", Advice(shots_times=4.0),
    )  # fmt: skip
    findings.insufficient(
        poor, "error too large",
        lambda n: f"the time is known only to {percent(time[n], error[n])}",
        Advice(shots_times=4.0),
    )  # fmt: skip
    judge_doubt(findings, evidence, LAW, CLEAR, drift)
    return findings


def _seen(batch: Batch, rate: Array) -> NDArray[np.intp]:
    """Return how many points lie within three T, where the decay is seen (N,)."""
    there = (batch.w > 0) & (batch.x * rate[:, None] < 3.0)
    return np.asarray(np.count_nonzero(there, axis=1))


KINDS: dict[str, Kind] = {
    "t1": sweep(t1, 4, from_zero=True, known=("offset", "contrast")),
    "t2_echo": sweep(t2_echo, 5, from_zero=True, known=("offset", "contrast")),
    "cpmg": sweep(cpmg, 5, from_zero=True, known=("offset", "contrast")),
}
