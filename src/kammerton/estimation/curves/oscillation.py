"""Ramsey fringes: an oscillation under an envelope that may be exponential, Gaussian or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, Formulas
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import ITERATIONS, Solution, replaced, solve, weighed_anew
from kammerton.estimation.verdict.evidence import (
    Evidence,
    Mask,
    delta_bic,
    delta_cost,
    propagate,
    structured,
    weigh,
    with_part,
)
from kammerton.estimation.verdict.findings import (
    Findings,
    drift_asked,
    imprecise,
    judge_doubt,
    judge_signal,
    judge_stray,
    percent,
)
from kammerton.estimation.verdict.kind import Kind, sweep
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome, significance
from kammerton.model import Advice

Array = NDArray[np.float64]

SHAPE = (-0.5, 1.5)  # 0 exponential, 1 Gaussian; beyond them only so that errors stay Gaussian
RATE = (-1.0, 2.0)  # the upper one per point
SEARCHED = 20.0  # delta-BIC that pays for a search over frequencies and envelopes
LAW = "a decaying oscillation"
DRIFT = 28.0  # delta-BIC over a random walk
SLOW, SURE = 0.7, 0.15  # a decay slower than the window must be known so well: it may be none
# Turns of two frequencies from that of a single one, and the shape of their envelope
CLOSE = ((-0.4, 0.4, 1.0), (-0.8, 0.8, 1.0), (0.0, 1.2, 0.0), (-1.2, 0.0, 0.0), (-0.6, 0.6, 0.0))
FEW_BEATS, APART, SHAPES = 2.5, (1.0, 1.5), (0.0, 1.0)  # turns and shapes from which to start anew
BRIEF, HOPE = 4, 6.0  # iterations, and what chi-square gains in them where there is a beat
SLOWEST_TURN = 0.3  # rad in the window
UNITS = {
    "frequency": "Hz", "t2_star": "s", "amplitude": "", "phase": "rad", "offset": "",
    "frequency_splitting": "Hz",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Beats:
    """The traces (B,) in which two frequencies were found, and their fit."""

    which: NDArray[np.intp]
    fit: Solution


def ramsey(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit fringes; the 1/e time comes with the envelope's shape free, so its error is honest.

    exp(-(1 - q) s t - q (s t)^2) is Markovian dephasing for q = 0, slow noise for q = 1, and
    both in between; at t = 1/s it is 1/e whatever q, so s is fitted directly.
    """
    first = one_frequency(batch)
    batch, fit, curve = weighed_anew(
        batch, first, lambda part, which: _single_from(part, first.p[which])
    )
    batch, beats = _weighed_by_beats(batch, two_frequencies(batch, fit))
    nulls = simple_laws(batch)
    evidence = weigh(batch, fit, curve, nulls)
    found = propagate(_single(batch, fit.theta), fit, evidence)
    findings = Findings(batch.traces)
    found, evidence = with_part(
        batch, beats.which, beats.fit, lambda part: _double(part, beats.fit.theta), nulls, curve,
        found, evidence,
    )  # fmt: skip
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_signal(findings, batch, evidence, snr, LAW, SEARCHED)
    _judge(findings, batch, evidence, found)
    judge_stray(findings, evidence, findings.is_open())
    judge_doubt(findings, evidence, LAW, SEARCHED, drift_asked(batch, known, DRIFT))
    _mention_beats(findings, beats, batch)
    findings.accept("a clear decaying oscillation")
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def one_frequency(batch: Batch) -> Solution:
    """Fit one oscillation with a free envelope."""
    seed = search(batch, "oscillations", 2)
    return _single_from(batch, np.column_stack([seed[:, 0], np.zeros(batch.traces), seed[:, 1]]))


def _single_from(batch: Batch, start: Array) -> Solution:
    low, high = _bounds(batch, 1)
    return solve(kernels.RAMSEY, batch, start, low, high)


def _bounds(batch: Batch, frequencies: int) -> tuple[Array, Array]:
    nyquist = np.pi * (batch.points - 1)
    low = [RATE[0], SHAPE[0]] + [SLOWEST_TURN] * frequencies
    high = [RATE[1] * batch.points, SHAPE[1]] + [nyquist] * frequencies
    return np.array(low), np.array(high)


def two_frequencies(batch: Batch, fit: Solution) -> Beats:
    """Look for a second frequency where the residuals of one are not noise."""
    which = np.flatnonzero(structured(batch, fit) & (batch.rows > 10))
    if len(which) == 0:
        return Beats(which, fit.take(slice(0)))
    part, single = batch.take(which), fit.take(which)
    seed = search(part, "oscillations", 2, np.where(part.w > 0, single.residual, 0.0))
    double = _double_from(part, np.column_stack([single.p, seed[:, 1]]))
    beat = _like_a_beat(part, single)
    for first, second, shape in CLOSE:
        poor = np.flatnonzero(beat & (structured(part, double) | ~_both_there(double)))
        if len(poor) == 0:
            break
        poor, start = _hopeful(part, single, poor, (first, second, shape))
        if len(poor) == 0:
            continue
        other = _double_from(part.take(poor), start)
        old, real = double.take(poor), _both_there(other)
        better = real & ((other.cost < old.cost) | ~_both_there(old))
        double = replaced(double, poor, other, better)
    real = (delta_bic(part, single, double) > SEARCHED) & _both_there(double)
    return Beats(which[real], _of_several(part.take(real), double.take(real)))


def _of_several(batch: Batch, double: Solution) -> Solution:
    """Return the best of several minima: of each envelope, and where a beat is as long as x."""
    turns = double.p[:, 2:]
    every = np.arange(len(turns))
    close = np.flatnonzero(np.abs(turns[:, 0] - turns[:, 1]) < 2 * np.pi * FEW_BEATS)
    mean = turns.mean(axis=1, keepdims=True)
    for shape in SHAPES:
        double = _or_from(batch, double, every, shape, turns)
        for apart in APART:
            double = _or_from(batch, double, close, shape, mean + np.pi * np.array([-apart, apart]))
    return double


def _or_from(
    batch: Batch, double: Solution, which: NDArray[np.intp], shape: float, turns: Array
) -> Solution:
    """Refine the traces `which` from turns (N, 2) too, and keep what is better."""
    if len(which) == 0:
        return double
    rate = np.ones(len(which))
    start = np.column_stack([rate, shape * rate, turns[which]])
    other = _double_from(batch.take(which), start)
    return replaced(double, which, other, other.cost < double.cost[which])


def _weighed_by_beats(batch: Batch, beats: Beats) -> tuple[Batch, Beats]:
    """Weigh anew what two frequencies follow better than one did."""
    if len(beats.which) == 0:
        return batch, beats
    double = beats.fit
    part, fit, _ = weighed_anew(
        batch.take(beats.which), double, lambda some, which: _double_from(some, double.p[which])
    )
    w = batch.w.copy()
    w[beats.which] = part.w
    return batch.with_y(batch.y, w), Beats(beats.which, fit)


def _hopeful(
    batch: Batch, single: Solution, which: NDArray[np.intp], close: tuple[float, float, float]
) -> tuple[NDArray[np.intp], Array]:
    """Return which of the traces a beat may explain, after a few steps, and where those led."""
    part, one = batch.take(which), single.take(which)
    brief = _double_from(part, _close(one, *close), BRIEF)
    hope = delta_cost(part, one, brief) > HOPE
    return which[hope], brief.p[hope]


def _like_a_beat(batch: Batch, single: Solution) -> Mask:
    """Return where a quick decay of several turns follows most of the signal, but not all."""
    whole = ((batch.w * batch.y) ** 2).sum(axis=1)
    quick = (single.p[:, 0] > 1.5) & (single.p[:, 2] > 4 * np.pi)
    return np.asarray(quick & (single.cost < 0.5 * whole))


def _double_from(batch: Batch, start: Array, iterations: int = ITERATIONS) -> Solution:
    low, high = _bounds(batch, 2)
    return solve(kernels.BEAT, batch, start, low, high, iterations=iterations)


def _close(single: Solution, first: float, second: float, shape: float) -> Array:
    """Return a start with frequencies beside a single one: the end of a beat looks like a decay."""
    rate = np.full(len(single.cost), second - first)
    turns = single.p[:, 2:] + 2 * np.pi * np.array([first, second])
    return np.column_stack([rate, np.full_like(rate, shape), turns])


def _both_there(double: Solution) -> Mask:
    first, second = _amplitudes(double.theta)
    turns = double.p[:, 2:]
    apart = (np.abs(turns[:, 0] - turns[:, 1]) > 0.5) & (turns.min(axis=1) > 2 * np.pi)
    result: Mask = (np.minimum(first, second) > 0.05 * np.maximum(first, second)) & apart
    return result


def _amplitudes(theta: Array) -> tuple[Array, Array]:
    return np.hypot(theta[..., 4], theta[..., 5]), np.hypot(theta[..., 6], theta[..., 7])


def _single(batch: Batch, at: Array) -> Formulas:
    """Numbers of one frequency; theta = rate, shape, w, cosine, sine, constant."""
    span, level = batch.column(batch.span), batch.level
    start = np.arctan2(-at[:, 4], at[:, 3])

    def numbers(theta: Array) -> dict[str, Array]:
        cos, sin = theta[..., 3], theta[..., 4]
        return {
            "frequency": theta[..., 2] / (2 * np.pi * span), "t2_star": span / theta[..., 0],
            "amplitude": np.hypot(cos, sin), "phase": near(np.arctan2(-sin, cos), start),
            "offset": theta[..., 5] + level,
            "frequency_splitting": np.full(theta.shape[:-1], np.nan),
        }  # fmt: skip

    return numbers


def _double(batch: Batch, at: Array) -> Formulas:
    """The mean frequency, weighted by amplitude: what a switching charge parity leaves."""
    span, level = batch.column(batch.span), batch.level
    n, main = np.arange(len(at)), 4 + 2 * (np.argmax(_amplitudes(at), axis=0))
    start = np.arctan2(-at[n, main + 1], at[n, main])

    def numbers(theta: Array) -> dict[str, Array]:
        first, second = _amplitudes(theta)
        both = np.maximum(first + second, 1e-300)
        mean = (first * theta[..., 2] + second * theta[..., 3]) / both
        return {
            "frequency": mean / (2 * np.pi * span), "t2_star": span / theta[..., 0],
            "amplitude": first + second,
            "phase": near(np.arctan2(-theta[..., n, main + 1], theta[..., n, main]), start),
            "offset": theta[..., 8] + level,
            "frequency_splitting": np.abs(theta[..., 2] - theta[..., 3]) / (2 * np.pi * span),
        }  # fmt: skip

    return numbers


def near(angle: Array, start: Array) -> Array:
    """Return an angle on the branch within half a turn of `start`, so that it can be varied."""
    result: Array = start + np.angle(np.exp(1j * (angle - start)))
    return result


def _judge(findings: Findings, batch: Batch, evidence: Evidence, found: Derived) -> None:
    """Object to fringes that are badly placed in their window."""
    values, stderr = found.values, found.stderr
    span = batch.column(batch.span)
    periods = values["frequency"] * span
    with np.errstate(divide="ignore"):
        rate = span / values["t2_star"]
    findings.rejected(
        (rate > 4 * periods) & (rate <= batch.points / 3) & (rate > 2), "model does not fit",
        "the signal decays within a quarter of a period: no oscillation is seen",
    )  # fmt: skip
    findings.insufficient(
        (periods < 0.7) | ((evidence.gain_line < SEARCHED) & (periods < 2)), "range too narrow",
        lambda n: f"only {periods[n]:.2f} periods were swept",
        lambda n: Advice(window_times=float(np.clip(3 / periods[n], 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        periods > 0.48 * (batch.points - 1), "sampling too coarse",
        "the oscillation is as fast as half the sampling: its frequency may be an alias",
        Advice(window_times=0.5),
    )  # fmt: skip
    poor = imprecise(values["t2_star"], stderr["t2_star"])
    poor |= rate <= 0
    poor |= (rate < SLOW) & imprecise(values["t2_star"], stderr["t2_star"], SURE)
    findings.insufficient(
        (rate > batch.points / 3) | (poor & (rate > 8)), "window too long",
        "the fringes are gone within the first points: sampling too coarse",
        lambda n: Advice(window_times=float(np.clip(3.0 / rate[n], 0.05, 0.5))),
    )  # fmt: skip
    findings.insufficient(
        poor & (rate < 1.0), "range too narrow",
        "the window ends before the fringes decay: T2* is not seen",
        lambda n: Advice(window_times=float(np.clip(2.0 / max(rate[n], 0.1), 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        poor | imprecise(values["frequency"], stderr["frequency"], 0.2), "error too large",
        lambda n: "T2* is known only to " + percent(values["t2_star"][n], stderr["t2_star"][n]),
        Advice(shots_times=4.0),
    )  # fmt: skip


def _mention_beats(findings: Findings, beats: Beats, batch: Batch) -> None:
    """Accept beating with its own status: the mean frequency is still a frequency."""
    if len(beats.which) == 0:
        return
    which = np.zeros(batch.traces, dtype=bool)
    which[beats.which] = True
    span = batch.column(batch.span)
    turns = np.zeros((batch.traces, 2))
    turns[which] = beats.fit.p[:, 2:] / (2 * np.pi * span[which, None])
    findings.object_to(
        which, "accepted", "beating",
        lambda n: f"two frequencies, {turns[n].min():.6g} and {turns[n].max():.6g} Hz; "
        "their mean is given",
    )  # fmt: skip


KINDS: dict[str, Kind] = {"ramsey": sweep(ramsey, 7, from_zero=True, weighs=True)}
