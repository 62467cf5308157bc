"""Randomized benchmarking: survival A p^m + B over the number of Cliffords m.

Magesan, Gambetta, Emerson, Phys. Rev. Lett. 106, 180504 (2011). Lengths are repeated, once for
every random sequence: sequences of one length differ by more than their shots, so the error of
each length's mean is the scatter between them, and the errors of the fit follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.curves.few_means import judge_scatter
from kammerton.estimation.curves.held_up import judge_first
from kammerton.estimation.curves.levels import known_levels
from kammerton.estimation.curves.repeats import Means, means, unlike
from kammerton.estimation.curves.uneven_scatter import by_own_misses
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.numeric.prepare import Batch, prepare
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, solve
from kammerton.estimation.verdict.evidence import Evidence, Mask, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    UNSURE,
    Findings,
    drift_asked,
    imprecise,
    judge_signal,
    percent,
)
from kammerton.estimation.verdict.kind import DECAYING, Kind
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome, per_trace, significance
from kammerton.estimation.verdict.rail import judge_rails
from kammerton.estimation.verdict.ramp import judge_ramp, over_a_ramp
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]

LEAST = 4
FEW = 8  # lengths; with fewer, drift passes for a decay more often than sequences can mend
SLOWEST = -1.0  # rates may be slightly negative, so that errors of a small one stay Gaussian
SEARCHED = 20.0  # delta-BIC over no decay if its end is not known: few lengths, many walks
BENT = 16.0  # delta-BIC over a straight line that shows where the decay ends
DRIFT = 24.0  # delta-BIC over a walk from length to length; 1 of 20,000 is not below
GONE = 0.1  # part of the signal below which a point says nothing of the decay
PRECISE = 0.33
OUTSIDE = 0.05  # how far a survival may leave 0 to 1 by an error of its scale
UNMIXED = 0.2  # how far readout and leakage may move the survival of a fully mixed state
UNITS = {"depolarization": "", "error_per_clifford": "", "amplitude": "", "offset": ""}
PART = 1e-9  # of the largest number of Cliffords: what arithmetic may leave
KNOWN = ("shots", "qubits", "offset", "contrast", "population", "interleaved")


@dataclass(frozen=True, eq=False)
class Decay:
    """An exponential fitted to means: theta = rate per window, shape (0), amplitude, offset.

    cov: covariance of theta with everything in it (N, 4, 4).
    """

    fit: Solution
    evidence: Evidence
    curve: Array
    cov: Array
    line: Array
    flat: Array


def ready(x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None) -> Batch:
    """Check lengths and survivals; lengths may be repeated, in any order."""
    batch = prepare(x, y, sigma, complex_too=False, from_zero=True, least=LEAST)
    count = batch.x * batch.span + batch.zero
    if count.min() < 0:
        raise TraceError("x holds a negative number of Cliffords")
    if np.abs(count - np.round(count)).max() > PART * count.max():
        raise TraceError("x holds parts of Cliffords; it must be whole numbers of them")
    if np.count_nonzero(np.diff(batch.x, axis=1) > 1e-9, axis=1).min() < LEAST - 1:
        raise TraceError(f"x holds fewer than {LEAST} different numbers of Cliffords")
    return batch


def randomized_benchmarking(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit A p^m + B; `offset` B and `contrast` A may be known, `qubits` is 1 unless said.

    y is a population: it begins between 0 and 1 and ends near a mixed state's; a raw signal is
    served with population=False.
    """
    sampled = means(batch)
    decay = decaying(sampled, known_levels(sampled.batch, known))
    span, size = batch.column(batch.span), dimension(batch, known)
    found = derive(lambda theta: _numbers(theta, span, batch.level, size), decay.fit.theta,
                   decay.cov)  # fmt: skip
    findings = Findings(batch.traces)
    open_end = known.get("offset") is None
    judge(findings, sampled, decay, known)
    judge_first(
        findings, sampled.batch, decay.fit, _moves(sampled.batch, decay.fit), [sampled]
    )  # fmt: skip
    stderr = np.sqrt(np.maximum(decay.cov[:, 0, 0], 0.0))
    judge_end(
        findings, decay.fit.p[:, 0], stderr, decay, sampled.batch,
        bent(decay, sampled.batch), open_end=open_end,
    )  # fmt: skip
    judge_population(findings, batch, known, found)
    error, stderr = found.values["error_per_clifford"], found.stderr["error_per_clifford"]
    findings.insufficient(
        imprecise(error, stderr, PRECISE), "error too large",
        lambda n: f"the error per Clifford is known only to {percent(error[n], stderr[n])}",
        Advice(shots_times=4.0),
    )  # fmt: skip
    judge_drift(findings, [decay], drift_asked(sampled.batch, known, DRIFT))
    judge_scatter(findings, sampled.batch, alone=batch.rows == sampled.batch.rows)
    findings.accept("a clear exponential decay")
    curve = sampled.spread(decay.curve)
    return Outcome(found, UNITS, curve, decay.evidence.chi2_reduced, findings)


def decaying(sampled: Means, known: Array | None) -> Decay:
    """Fit an exponential to the means of repeated lengths."""
    batch = sampled.batch
    seed = search(batch, "decays", 1)
    start = np.column_stack([seed[:, 0], np.zeros(batch.traces)])
    fastest = 4.0 * batch.points * _closest(batch.x)
    high = np.column_stack([np.broadcast_to(fastest, batch.traces), np.zeros(batch.traces)])
    fit = solve(kernels.DECAY, batch, start, np.array([SLOWEST, 0.0]), high, known)
    curve, nulls = fit.curve(batch), simple_laws(batch)
    evidence = weigh(batch, fit, curve, nulls)
    cov = _scattered(sampled, fit) * evidence.noise[:, None, None]
    return Decay(fit, evidence, curve, cov, nulls.line[0], nulls.flat[0])


def _closest(x: Array) -> Array:
    """Return how much closer the closest lengths are than even ones would be (K,)."""
    apart = np.diff(x, axis=1)
    return np.asarray(1.0 / (np.where(apart > 1e-9, apart, 1.0).min(axis=1) * x.shape[1]))


def _scattered(sampled: Means, fit: Solution) -> Array:
    """Covariance from the means' own variances, whatever the weights were (Huber 1967)."""
    batch = sampled.batch
    if sampled.variance is None and batch.known_noise:
        return fit.cov
    rows = _moves(batch, fit)
    if sampled.variance is None:
        return by_own_misses(batch, fit, rows)
    middle = (rows * (batch.w**4 * sampled.variance)[:, None, :]) @ rows.transpose(0, 2, 1)
    return np.asarray(fit.cov @ middle @ fit.cov)


def _moves(batch: Batch, fit: Solution) -> Array:
    """Return how rate, shape, amplitude and offset move the curve (N, 4, M)."""
    decay = np.exp(-np.clip(fit.p[:, :1] * batch.x, -5.0, 500.0))
    slope = -fit.c[:, :1] * batch.x * decay
    return np.stack([slope, 0 * decay, decay, np.ones_like(decay)], axis=1)


def dimension(batch: Batch, known: dict[str, object]) -> Array:
    """Return d = 2 to the number of qubits (N,)."""
    qubits = per_trace(known, "qubits", batch)
    if qubits is None:
        return np.full(batch.traces, 2.0)
    return np.asarray(2.0**qubits)


def _numbers(theta: Array, span: Array, level: Array, size: Array) -> dict[str, Array]:
    p = np.exp(-theta[..., 0] / span)
    return {
        "depolarization": p, "error_per_clifford": (1.0 - p) * (size - 1.0) / size,
        "amplitude": theta[..., 2], "offset": theta[..., 3] + level,
    }  # fmt: skip


def bent(decay: Decay, batch: Batch) -> Array:
    """Return delta-BIC over a straight line; known scatter counts in full, as points are few."""
    if not batch.known_noise:
        return decay.evidence.gain_line
    gain = (decay.line - decay.fit.cost) / np.maximum(decay.evidence.noise, 1.0)
    return np.asarray(gain - np.log(batch.rows))


def _by_chance(decay: Decay, batch: Batch) -> Array:
    """Return delta-BIC over no decay if chance were all that there is beside it."""
    if not batch.known_noise:
        return decay.evidence.gain_flat
    gain = (decay.flat - decay.fit.cost) / np.maximum(decay.evidence.noise, 1.0)
    return np.asarray(gain - (decay.fit.free - 1) * np.log(batch.rows))


def judge(
    findings: Findings, sampled: Means, decay: Decay, known: dict[str, object], where: str = ""
) -> None:
    """Object to survivals that do not decay, or are gone at once."""
    batch, evidence, rate = sampled.batch, decay.evidence, decay.fit.p[:, 0]
    snr, open_end = significance(batch, decay.flat, decay.fit, evidence), _open(known)
    if open_end:
        alive = _far_from_mixed(batch, decay, known) & _is_population(batch, known)
        _judge_survivors(findings, evidence, alive & ~batch.constant, where)
    else:
        size, error = decay.fit.c[:, 0], np.sqrt(np.maximum(decay.cov[:, 2, 2], 0.0))
        _judge_survivors(findings, evidence, (np.abs(size) > 6.0 * error) & (rate < 0.3), where)
    judge_rails(findings, sampled.original, where)
    judge_signal(findings, batch, evidence, snr, "one exponential decay" + where)
    findings.rejected(
        sampled.drifting, "drift during scan",
        "sequences of one length follow each other like a drift, not like chance" + where,
    )  # fmt: skip
    ramp = over_a_ramp(batch, decay.fit.cost, decay.fit.free, evidence.noise)
    judge_ramp(findings, ramp, "the decay", "survivals", where)
    findings.rejected(
        (rate < 0) & (not open_end), "model does not fit",
        "the survival leaves its known end instead of nearing it" + where,
    )  # fmt: skip
    findings.insufficient(
        _telling(batch, rate) < 2, "window too long",
        "the survival is gone within the first lengths" + where,
        lambda n: Advice(window_times=float(np.clip(4.0 / max(rate[n], 1.0), 0.01, 0.5))),
    )  # fmt: skip


def _open(known: dict[str, object]) -> bool:
    """Return whether the survival of long sequences is not known."""
    return known.get("offset") is None


def _judge_survivors(findings: Findings, evidence: Evidence, alive: Mask, where: str) -> None:
    """Object to sequences that all survive: flat, but far from where a decay would end."""
    findings.insufficient(
        (evidence.gain_flat < CLEAR) & evidence.dull & alive, "range too narrow",
        "the longest sequences survive as well as the shortest, or nothing is read" + where,
        Advice(window_times=4.0),
    )  # fmt: skip


def _far_from_mixed(batch: Batch, decay: Decay, known: dict[str, object]) -> Mask:
    """Return whether the mean survival is one, and surely not that of a mixed state (N,)."""
    weight = batch.w**2
    total = weight.sum(axis=1)
    mean = batch.level + (weight * batch.y).sum(axis=1) / total
    missed = _from_mixed(mean, 1.0 / dimension(batch, known))
    missed = np.where(np.abs(mean - 0.5) < 0.5 + OUTSIDE, missed, 0.0)
    return np.asarray(missed > UNMIXED + 4.0 * np.sqrt(decay.evidence.noise / total))


def _from_mixed(survival: Array, mixed: Array) -> Array:
    """Return how far survivals, or what does not survive, are from a mixed state's (N,)."""
    return np.minimum(np.abs(survival - mixed), np.abs(survival - 1.0 + mixed))


def _is_population(batch: Batch, known: dict[str, object]) -> Mask:
    """Return whether y is a population (N,), as it is unless that is denied."""
    said = per_trace(known, "population", batch)
    return np.ones(batch.traces, dtype=bool) if said is None else said > 0


def judge_end(
    findings: Findings, rate: Array, error: Array, decay: Decay, batch: Batch, bent: Array,
    *, open_end: bool,
) -> None:  # fmt: skip
    """Object to decays of which only the beginning is seen, or too few lengths.

    rate, error: per window. bent: delta-BIC over a straight line. open_end: as above; then the
    decay must be seen to bend.
    """
    poor, straight = imprecise(rate, error, PRECISE), (bent < BENT) & open_end
    findings.insufficient(
        (poor | straight) & (rate < 1.2) | (rate < 0.3) & open_end, "range too narrow",
        "the longest sequences still survive: only the beginning of the decay is seen",
        lambda n: Advice(window_times=float(np.clip(2.0 / max(rate[n], 0.1), 2.0, 5.0))),
    )  # fmt: skip
    faint, chance = (decay.evidence.gain_flat < SEARCHED) & open_end, _by_chance(decay, batch)
    findings.insufficient(
        faint & (chance > SEARCHED) & (batch.rows < FEW), "sampling too coarse",
        lambda n: f"{batch.rows[n]} lengths are too few to tell a decay from a drift: "
        f"measure {FEW} or more",
        Advice(),
    )  # fmt: skip
    findings.insufficient(
        faint, "signal too weak",
        "the decay is hardly larger than its scatter", Advice(shots_times=4.0),
    )  # fmt: skip
    findings.insufficient(
        straight, "signal too weak", "the decay cannot be told from a straight line",
        Advice(shots_times=4.0),
    )  # fmt: skip


def judge_drift(findings: Findings, decays: list[Decay], drift: float) -> None:
    """Object to what a walk, or a jump, from length to length would explain as well.

    Lengths are mostly measured one after the other, whatever their distances. drift: delta-BIC over
    a walk that is asked of all decays together.
    """
    walk, step, line = (
        np.sum([getattr(each.evidence, name) for each in decays], axis=0)
        for name in ("gain_walk", "gain_step", "gain_line")
    )
    findings.rejected(
        walk < -UNSURE, "drift during scan",
        "the survivals change from length to length as a drift would, not as one decay",
    )  # fmt: skip
    findings.insufficient(
        (walk < drift) | (step < CLEAR) & (step < line), "signal too weak",
        "a drift or a jump from length to length could explain the decay: take more sequences or "
        "shots, or visit all lengths in every turn (interleaved=True)", Advice(shots_times=4.0),
    )  # fmt: skip


def judge_population(
    findings: Findings, batch: Batch, known: dict[str, object], found: Derived
) -> None:
    """Object to decays whose ends are no populations, unless y is said to be none."""
    asked = _is_population(batch, known)
    (a, b), (da, db) = ([each[name] for name in ("amplitude", "offset")]
                        for each in (found.values, found.stderr))  # fmt: skip
    names = list(found.values)
    common = found.correlation[:, names.index("amplitude"), names.index("offset")]
    start = np.sqrt(np.maximum(da**2 + db**2 + 2 * np.nan_to_num(common) * da * db, 0.0))
    slack = OUTSIDE + 4.0 * start
    findings.rejected(
        asked & ((a + b < -slack) | (a + b > 1.0 + slack)), "model does not fit",
        lambda n: f"the survival of no Cliffords would be {a[n] + b[n]:.2f}: no population",
    )  # fmt: skip
    mixed = 1.0 / dimension(batch, known)
    missed = _from_mixed(b, mixed)
    findings.rejected(
        asked & (missed > UNMIXED + 4.0 * db), "model does not fit",
        lambda n: f"long sequences would end at {b[n]:.2f}; a mixed state gives {mixed[n]:.2f}",
    )  # fmt: skip


def _telling(batch: Batch, rate: Array) -> NDArray[np.intp]:
    """How many lengths beyond the first still have signal (N,)."""
    left: Mask = np.exp(-np.clip(rate[:, None] * (batch.x - batch.x[:, :1]), 0, 500)) > GONE
    return np.asarray(np.count_nonzero(left & (batch.w > 0), axis=1) - 1)


KINDS: dict[str, Kind] = {
    "randomized_benchmarking": Kind(
        ready, randomized_benchmarking, KNOWN, whole=True, unlike=unlike, swings=DECAYING
    ),
}
