"""Energy relaxation and Hahn echo: A exp(-(t/T)^n) + C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.averaging import averaged
from kammerton.estimation.curves.levels import LEVELS, known_levels
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.rates import exponentials
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, merged, replaced, solve, weighed_anew
from kammerton.estimation.verdict.evidence import Evidence, propagate, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    PRECISE,
    STEADY,
    Findings,
    drift_asked,
    interleaved,
    judge_doubt,
    judge_residuals,
    judge_signal,
    percent,
)
from kammerton.estimation.verdict.kind import DECAYING, Kind, Known, sweep
from kammerton.estimation.verdict.nulls import Nulls, simple_laws
from kammerton.estimation.verdict.outcome import Outcome, significance
from kammerton.estimation.verdict.ramp import judge_ramp, over_a_ramp
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

SLOWEST = -1.0  # rates may be slightly negative, so that errors of a long T stay Gaussian
FASTEST = 4.0  # in rates per point
LAW, CLEAR_DECAY = "an exponential decay", "a clear exponential decay"
DRIFT = 19.0  # delta-BIC over a random walk
SHAPE = (0.0, 1.0)  # exponential to Gaussian: beyond them an envelope would grow, or be a step
SHAPED = {1: SHAPE}  # the shape's place among the parameters
ENDS = (0.0, "decays"), (1.0, "gaussian decays")  # shapes, and how they are looked for
ODDS = np.array([1.0, 1.0, 1.0])  # before the data, of a free shape and of both ends
BENT = 16.0  # delta-BIC over a straight line
BENDING = 0.3  # windows of T that are swept at least, where the bend has to be seen
SLOPING = 1.5  # parts of a window of T that an error of the levels is worth, in parts of contrast
FEWEST = 4  # points within three T: on an even axis T is longer than a step
LONG, SHORT, STRAIGHT, POOR, UNTOLD = range(1, 6)  # what may be wrong with a window
FAST, SLOW = 3.0, 0.5  # rates: above one a decay may be one of noise; the other is tried then
LATE, WHOLE = 0.4, 2.5  # T at which a sweep begins and ends that tells a shape
REACH = 0.2  # parts of T that it may hang on the shape
UNSEEN = 9.0  # gain in chi-square below which it is


def t1(batch: Batch, known: Known) -> Outcome:
    """Fit an exponential; `offset` and `contrast` may be known from the readout calibration."""
    prior = _prior(batch, known)
    first = _fit(batch, 0.0, "decays", prior)
    batch, fit, curve = weighed_anew(
        batch, first,
        lambda part, which: _from(
            part, first.p[which], None if prior is None else prior[which]),
    )  # fmt: skip
    nulls = simple_laws(batch)
    evidence = weigh(batch, fit, curve, nulls)
    span = batch.column(batch.span)
    found = propagate(lambda theta: _numbers("t1", theta, span, batch.level), fit, evidence)
    drift = drift_asked(batch, known, DRIFT if prior is None else STEADY)  # no walk knows levels
    slope = _slope_tells(known)
    findings = _judge(batch, fit, evidence, nulls, found, "t1", drift, slope)
    _judge_order(findings, batch, fit, evidence, known)
    rate = fit.theta[:, 0]
    findings.accept((lambda n: _said(rate[n])) if slope else CLEAR_DECAY)
    units = {"t1": "s", "amplitude": "", "offset": ""}
    return Outcome(found, units, curve, evidence.chi2_reduced, findings)


def _numbers(name: str, theta: Array, span: Array, level: Array) -> dict[str, Array]:
    return {name: span / theta[..., 0], "amplitude": theta[..., 2], "offset": theta[..., 3] + level}


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
    prior = _prior(batch, known)
    ends = [_slow_unless_seen(batch, _fit(batch, *end, prior), prior) for end in ENDS]
    fit, span = _free(batch, ends, prior), batch.column(batch.span)
    laws = [fit, *ends]
    nulls, curve = simple_laws(batch), fit.curve(batch)
    evidence = _as_simple(weigh(batch, fit, curve, nulls), laws, batch.rows)
    found = [
        propagate(lambda theta: _numbers(name, theta, span, batch.level), law, evidence, SHAPED)
        for law in laws
    ]
    mean = averaged(found, np.array([law.cost for law in laws]), ODDS, evidence.noise)
    drift = drift_asked(batch, known, DRIFT)
    reach = _reach(laws, mean.values[name] / span, evidence.noise)
    if prior is None:
        reach[_first(batch) * span > LATE * mean.values[name]] = np.inf
    findings = _judge(batch, fit, evidence, nulls, mean, name, drift, reach=reach)
    _judge_order(findings, batch, fit, evidence, known)
    findings.accept(said)
    units = {name: "s", "amplitude": "", "offset": ""}
    return Outcome(mean, units, curve, evidence.chi2_reduced, findings)


def _free(batch: Batch, ends: list[Solution], prior: Array | None) -> Solution:
    """Return the best decay of a free shape, begun at those of both ends."""
    one, other = (_from(batch, end.theta[:, :2], prior, SHAPE) for end in ends)
    return merged(one, other, other.cost < one.cost)


def _first(batch: Batch) -> Array:
    """Return the least x of each trace that was measured, in windows (N,)."""
    first: Array = np.where(batch.w > 0.0, batch.x, np.inf).min(axis=1)
    return first


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


def _fit(batch: Batch, shape: float, kind: str, prior: Array | None) -> Solution:
    return _from(batch, _start(batch, shape, kind), prior)


def _start(batch: Batch, shape: float, kind: str) -> Array:
    start = np.empty((batch.traces, 2))
    start[:, 0], start[:, 1] = search(batch, kind, 1)[:, 0], shape
    return start


def relaxation(batch: Batch) -> Array:
    """Return what the better of an exponential and a Gaussian decay of each trace costs (N,)."""
    laws = ((0.0, "decays"), (1.0, "gaussian decays"))
    costs = [_fit(batch, shape, kind, None).cost for shape, kind in laws]
    return np.minimum(*costs)


def _slow_unless_seen(batch: Batch, fit: Solution, prior: Array | None) -> Solution:
    """Return the slow decay where a fast one gains next to nothing on it.

    Where there is no signal some decay within the first points follows their noise a little better
    than any slow one; but that is a single time, and slow are all beyond the window (Occam).
    """
    fast = np.flatnonzero(fit.theta[:, 0] > FAST)
    if len(fast) == 0:
        return fit
    start = np.column_stack([np.full(len(fast), SLOW), fit.theta[fast, 1]])
    part = _from(batch.take(fast), start, None if prior is None else prior[fast])
    noise = fit.cost[fast] / np.maximum(batch.rows[fast] - fit.free[fast], 1)
    less = (part.cost < fit.cost[fast] + UNSEEN * noise) & (part.theta[:, 0] < FAST)
    return replaced(fit, fast, part, less)


def _from(
    batch: Batch, start: Array, prior: Array | None, shapes: tuple[float, float] | None = None
) -> Solution:
    """Refine rates from start (N, 2), and shapes within `shapes`; one for all is held without."""
    least, most = (start[0, 1], start[0, 1]) if shapes is None else shapes
    low, high = np.array([SLOWEST, least]), np.array([FASTEST * batch.points, most])
    if prior is None and shapes is None and start[0, 1] == 0.0:
        return exponentials(batch, start, low, high)
    return solve(kernels.DECAY, batch, start, low, high, prior)


def _prior(batch: Batch, known: Known) -> Array | None:
    prior = known_levels(batch, known)
    if prior is not None and not batch.begins_at_zero:
        raise TraceError(
            "x is far from zero, where known levels are: farther than the sweep is long"
        )
    return prior


def _slope_tells(known: Known) -> bool:
    """Return whether a slope alone tells T: between known levels, where no drift can follow x."""
    return bool(known.get("interleaved")) and all(known.get(name) is not None for name in LEVELS)


def _said(rate: float) -> str:
    if rate >= BENDING:
        return CLEAR_DECAY
    return (f"a decay between known levels of which only the beginning is seen: 1 % of drift of "
            f"either would be worth about {SLOPING / rate:.0f} % of T1")  # fmt: skip


def _judge(
    batch: Batch, fit: Solution, evidence: Evidence, nulls: Nulls, found: Derived, name: str,
    drift: float, slope: bool = False, reach: Array | None = None,
) -> Findings:  # fmt: skip
    """Object to decays that are absent, of another law, or badly placed in their window.

    slope: it need not be seen to bend. reach: how far, in parts of the time, a shape takes it that
    is not ruled out (N,); a short window may not tell it. inf: no window would.
    """
    findings = Findings(batch.traces)
    time, error = found.values[name], found.stderr[name]
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_residuals(findings, batch, evidence, fit.residual, snr, LAW)
    code, rate = np.empty(batch.traces, dtype=np.intp), np.empty(batch.traces)
    line, least = evidence.gain_line, BENDING
    if slope:
        line, least = np.full(batch.traces, np.inf), 0.0
    if reach is None:
        reach = np.zeros(batch.traces)
    of_window(batch.x, batch.w, batch.span, time, error, line, least, reach, rate, code)
    judge_signal(findings, batch, _fast_or_jumped(evidence, code), snr, LAW)
    if code.any():
        _object(findings, code, rate, time, error)
    judge_doubt(findings, evidence, LAW, CLEAR, drift)
    return findings


def _judge_order(
    findings: Findings, batch: Batch, fit: Solution, evidence: Evidence, known: Known
) -> None:
    """Object to decays over uneven delays that a drift from point to point would give as well."""
    if interleaved(known) or batch.step.all():
        return
    gain = over_a_ramp(batch, fit.cost, fit.free, evidence.noise)
    gain[batch.column((batch.step > 0)[:, None])] = np.inf
    judge_ramp(findings, gain, "the decay", "points")


def _fast_or_jumped(evidence: Evidence, code: Codes) -> Evidence:
    """Return the evidence without the jumps that a decay within the first points explains as well.

    What to do is the same in both cases: measure there.
    """
    return replace(evidence, jumped=evidence.jumped & (code != LONG))


def _object(findings: Findings, code: Codes, rate: Array, time: Array, error: Array) -> None:
    findings.insufficient(
        code == LONG, "window too long",
        "the decay is over within the first points: sampling too coarse",
        lambda n: Advice(window_times=float(np.clip(4.0 / rate[n], 0.02, 0.5))),
    )  # fmt: skip
    findings.insufficient(
        code == SHORT, "range too narrow",
        "the window ends before the decay bends: only a slope is seen",
        lambda n: Advice(window_times=float(np.clip(3.0 / max(rate[n], 0.1), 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        code == STRAIGHT, "signal too weak", "the decay cannot be told from a straight line",
        Advice(shots_times=4.0),
    )  # fmt: skip
    findings.insufficient(
        code == UNTOLD, "range too narrow",
        "the window does not tell the shape of the decay, and the time hangs on it: sweep from "
        "zero to three times or more",
        lambda n: Advice(window_times=float(np.clip(5.0 / rate[n], 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        code == POOR, "error too large",
        lambda n: f"the time is known only to {percent(time[n], error[n])}",
        Advice(shots_times=4.0),
    )  # fmt: skip


@careful_kernel
def of_window(
    x: Array, w: Array, span: Array, time: Array, error: Array, line: Array, least: float,
    reach: Array, rate: Array, code: Codes,
) -> None:  # fmt: skip
    """Fill the rates (N,), in windows, and what is wrong with the window (N,), 0 for nothing.

    line: delta-BIC over a straight line. least: rates below it are not seen to bend.
    """
    for n in range(time.size):
        k = n if x.shape[0] > 1 else 0
        rate[n], seen = span[k, 0] / time[n], 0
        for i in range(x.shape[1]):  # within three T, where the decay is seen
            seen += w[n, i] > 0.0 and x[k, i] * rate[n] < 3.0
        poor = not error[n] < PRECISE * abs(time[n])
        code[n] = 0
        if seen < FEWEST or (poor and rate[n] > 8.0):
            code[n] = LONG
        elif rate[n] < least or ((poor or line[n] < BENT) and rate[n] < 1.2):
            code[n] = SHORT
        elif reach[n] > REACH and (rate[n] < WHOLE or reach[n] == np.inf):
            code[n] = UNTOLD
        elif line[n] < BENT:
            code[n] = STRAIGHT
        elif poor:
            code[n] = POOR


KINDS: dict[str, Kind] = {
    "t1": sweep(t1, 4, from_zero=True, known=LEVELS, weighs=True, swings=DECAYING),
    "t2_echo": sweep(t2_echo, 5, from_zero=True, known=LEVELS, swings=DECAYING),
    "cpmg": sweep(cpmg, 5, from_zero=True, known=LEVELS, swings=DECAYING),
}
