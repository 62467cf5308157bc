"""Rabi oscillation: A exp(-g |x|) cos(2 pi (x - d) / period) + C, extremal at x = 0 or nearly.

A decay along the sweep is always free, but for less than a period of the pulse's amplitude. Were
it free only where it is seen, `amplitude` would be off by more than its error where it is hardly
seen (a test before an estimate: Leeb and Poetscher, Econometric Theory 21, 21 (2005)). Length has
an offset d, the time in which a pulse rises (`rise`), and the pi length is where the curve turns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.levels import LEVELS
from kammerton.estimation.curves.relaxing import judge_relaxing
from kammerton.estimation.curves.rise import (
    SLOWEST,
    as_simple,
    believed,
    bounds,
    judge_missed,
    judge_turn,
    known_rise,
    longest_held,
    missed,
    phased,
    risen,
    unless_late,
)
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, Formulas
from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import CERTAIN, Solution, merged, solve, weighed_anew
from kammerton.estimation.verdict.evidence import (
    Evidence,
    delta_bic,
    propagate,
    structured,
    weigh,
)
from kammerton.estimation.verdict.findings import (
    CLEAR,
    Findings,
    drift_asked,
    imprecise,
    judge_doubt,
    judge_signal,
    judge_source,
    judge_stray,
    percent,
)
from kammerton.estimation.verdict.kind import OSCILLATING, Kind, Known, sweep
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome, per_trace
from kammerton.estimation.verdict.said import interleaved
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

TURN_LIMIT = 0.2  # rad by which the extremum may miss amplitude 0
SEARCHED = 22.0  # delta-BIC that pays for a search over some 200 frequencies
DRIFT_OF_LENGTH, DRIFT_OF_AMPLITUDE = 14.5, 16.0  # delta-BIC over a random walk
UNTOLD, MOST = 1 / 6, 12.0  # error of an amplitude, in parts of it; more to be asked at most
JUMPED = 14.0  # delta-BIC over a single jump
ONE = 0.8  # periods from which on a decay, left free, costs the period less than 6 %; below, more
COARSE = 0.465  # periods a point; faster ones may be aliases
SHORT, ALIAS, POOR = range(1, 4)  # what may be wrong with a window
LAW = "a cosine about zero"
CLEARLY = "a clear Rabi oscillation"
AMPLITUDE_UNITS = {"period": "V", "pi_amplitude": "V", "amplitude": "", "offset": ""}
LENGTH_UNITS = {
    "period": "s", "pi_length": "s", "rabi_frequency": "Hz", "t_rabi": "s", "amplitude": "",
    "offset": "",
}  # fmt: skip


def rabi_amplitude(batch: Batch, known: Known) -> Outcome:
    """Fit a sweep of the amplitude; period and pi_amplitude in the unit of x."""
    prior = _prior(batch, known)
    batch, fit, curve = weighed_anew(
        batch, _cosine_or_damped(batch, prior),
        lambda part, which: _cosine_or_damped(part, None if prior is None else prior[which]),
    )  # fmt: skip
    nulls = simple_laws(batch)
    evidence = weigh(batch, fit, curve, nulls)
    found = propagate(_of_amplitude(batch), fit, evidence)
    findings = Findings(batch.traces)
    late = _late(batch, fit)
    judge_source(findings, batch, evidence)
    _judge_turn(findings, batch, late)
    drift = drift_asked(batch, known, DRIFT_OF_AMPLITUDE)
    _judge_all(findings, batch, drift, fit.p[:, 1], evidence, found, nulls.flat[0] - fit.cost,
               nulls.flat[0])  # fmt: skip
    findings.accept(CLEARLY)
    return Outcome(found, AMPLITUDE_UNITS, curve, evidence.chi2_reduced, findings)


def rabi_length(batch: Batch, known: Known) -> Outcome:
    """Fit a sweep of the pulse's length; t_rabi is the 1/e time of the driven oscillation."""
    prior, rise = _prior(batch, known), known_rise(batch, known)
    straight = _damped(batch, _cosine(batch, prior), prior, rise)
    fit = straight if rise is not None else risen(batch, straight, prior, _periods(batch, straight))
    nulls, curve = simple_laws(batch), fit.curve(batch)
    evidence = as_simple(weigh(batch, fit, curve, nulls), batch, straight, fit)
    found = propagate(_of_length(batch), fit, evidence)
    findings = Findings(batch.traces)
    judge_source(findings, batch, evidence)
    if rise is None:
        judge_missed(findings, batch, straight, fit)
    drift = drift_asked(batch, known, DRIFT_OF_LENGTH)
    if batch.known_noise and not interleaved(known):
        evidence = replace(evidence, gain_walk=unlike_walks(evidence.gain_walk, found))
    gain = nulls.flat[0] - np.where(believed(batch, straight, fit), fit.cost, straight.cost)
    _judge_all(findings, batch, drift, fit.p[:, 1], evidence, found, gain, nulls.flat[0])
    held = np.full(batch.traces, np.inf)
    if rise is None:
        held = longest_held(batch, straight, fit, _periods(batch, fit))
    findings.accept(lambda n: CLEARLY if np.isinf(held[n]) else CLEARLY + unless_late(held[n]))
    return Outcome(found, LENGTH_UNITS, curve, evidence.chi2_reduced, findings)


def unlike_walks(gain: Array, found: Derived) -> Array:
    """Take from a gain over a walk (N,) what is seen in more walks than in driven qubits.

    Half of the walks that a cosine follows grow along the sweep, and hardly tell an amplitude. What
    is taken is what a law that never grows would lose, where the amplitude is told.
    """
    decay, error = found.values["t_rabi"], found.stderr["t_rabi"]
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(decay < 0, (decay / error) ** 2, 0.0)
    untold = imprecise(found.values["amplitude"], found.stderr["amplitude"], UNTOLD)
    taken = np.where(untold, MOST, np.minimum(np.nan_to_num(lost), MOST))
    return np.where(gain > 0, np.maximum(gain - taken, 0.0), gain)


@dataclass(frozen=True, eq=False)
class Late:
    """The traces (B,) whose extremum misses x = 0, and their fit with a phase."""

    which: NDArray[np.intp]
    fit: Solution


def _prior(batch: Batch, known: Known) -> Array | None:
    """Return what the readout calibration knows of A and C; the qubit begins in 0."""
    if not batch.begins_at_zero:
        raise TraceError(
            "x is far from zero, where a Rabi law turns: farther than the sweep is long"
        )
    contrast, offset = (per_trace(known, name, batch) for name in ("contrast", "offset"))
    if contrast is None:
        if offset is not None:
            raise TraceError("offset is known, but not contrast: the law takes both, or contrast")
        return None
    prior = np.zeros((batch.traces, 2, 2))
    weight = CERTAIN * (batch.w**2).sum(axis=1)
    prior[:, :, 0] = np.stack([weight, -0.5 * contrast], axis=1)
    if offset is not None:
        middle = offset + 0.5 * contrast - batch.level
        prior[:, :, 1] = np.stack([weight, middle], axis=1)
    return prior


def _cosine(batch: Batch, prior: Array | None) -> Solution:
    seed = search(batch, "cosines", 1)
    start = np.zeros((batch.traces, 3))
    start[:, 1] = seed[:, 0]
    low = np.array([0.0, SLOWEST, 0.0])
    high = np.array([0.0, np.pi * (batch.most_places - 1), 0.0])
    return solve(kernels.RABI, batch, start, low, high, prior)


def _cosine_or_damped(batch: Batch, prior: Array | None) -> Solution:
    """Leave a decay along the sweep free where so much is swept that it can be told."""
    fit = _cosine(batch, prior)
    damped = _damped(batch, fit, prior)
    return merged(fit, damped, _periods(batch, fit) > ONE)


def _damped(
    batch: Batch, fit: Solution, prior: Array | None, rise: Array | None = None
) -> Solution:  # fmt: skip
    """Leave the decay free; rise: the time, in windows, for which a law waits (N,), 0 for None."""
    start = fit.p + np.array([0.1, 0.0, 0.0])
    low, high = bounds(batch, np.zeros(batch.traces) if rise is None else rise)
    return solve(kernels.RABI, batch, start, low, high, prior)


def _late(batch: Batch, fit: Solution) -> Late:
    """Let the phase go where the residuals hint at one, and keep it where it is worth it."""
    which = np.flatnonzero(structured(batch, fit))
    if len(which) == 0:
        return Late(which, fit.take(slice(0)))
    part, fixed = batch.take(which), fit.take(which)
    free = phased(part)
    better = delta_bic(part, fixed, free) > SEARCHED
    return Late(which[better], free.take(better))


def _of_amplitude(batch: Batch) -> Formulas:
    span, level = batch.column(batch.span), batch.level

    def numbers(theta: Array) -> dict[str, Array]:
        period = 2 * np.pi * span / theta[..., 1]
        return {
            "period": period, "pi_amplitude": period / 2, "amplitude": theta[..., 3],
            "offset": theta[..., 4] + level,
        }  # fmt: skip

    return numbers


def _of_length(batch: Batch) -> Formulas:
    span, level = batch.column(batch.span), batch.level

    def numbers(theta: Array) -> dict[str, Array]:
        turn, rise = theta[..., 1], theta[..., 2]
        return {
            "period": 2 * np.pi * span / turn, "pi_length": (np.pi / turn + rise) * span,
            "rabi_frequency": turn / (2 * np.pi * span), "t_rabi": span / theta[..., 0],
            "amplitude": theta[..., 3], "offset": theta[..., 4] + level,
        }  # fmt: skip

    return numbers


def _periods(batch: Batch, fit: Solution) -> Array:
    return _swept(batch, fit.p[:, 1])


def _swept(batch: Batch, turn: Array) -> Array:
    """Return how many periods lie between zero and the largest |x|."""
    reach = np.maximum(np.abs(batch.x[:, 0]), np.abs(batch.x[:, -1]))
    result: Array = reach * turn / (2 * np.pi)
    return result


def _judge_turn(findings: Findings, batch: Batch, late: Late) -> None:
    if len(late.which) == 0:
        return
    turn = np.zeros(batch.traces)
    turn[late.which] = missed(late.fit.theta)
    judge_turn(findings, turn, TURN_LIMIT)


def _judge_all(
    findings: Findings, batch: Batch, drift: float, turn: Array, evidence: Evidence,
    found: Derived, gain: Array, flat: Array,
) -> None:  # fmt: skip
    snr = np.sqrt(np.maximum(gain / np.maximum(evidence.noise, 1e-300), 0.0))
    judge_signal(findings, batch, evidence, snr, LAW, SEARCHED)
    _judge(findings, batch, turn, evidence, found)
    if "t_rabi" in found.values:
        judge_relaxing(findings, batch, evidence, found, flat - gain)
    judge_stray(findings, evidence, findings.is_open())
    judge_doubt(findings, evidence, LAW, JUMPED, drift)


def _judge(
    findings: Findings, batch: Batch, turn: Array, evidence: Evidence, found: Derived
) -> None:
    """Object to oscillations that are badly placed in their window."""
    swept = _swept(batch, turn)
    period, error = found.values["period"], found.stderr["period"]
    code = np.empty(batch.traces, dtype=np.intp)
    of_window(swept, turn, period, error, evidence.gain_line, batch.places, code)
    if not code.any():
        return
    findings.insufficient(
        code == SHORT, "range too narrow",
        lambda n: f"only {swept[n]:.2f} periods lie between zero and the largest x",
        lambda n: Advice(window_times=float(np.clip(1.0 / max(swept[n], 0.2), 1.5, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        code == ALIAS, "sampling too coarse",
        "the oscillation is as fast as half the sampling: the period may be an alias",
        Advice(window_times=0.5),
    )  # fmt: skip
    findings.insufficient(
        code == POOR, "error too large",
        lambda n: f"the period is known only to {percent(period[n], error[n])}",
        Advice(shots_times=4.0),
    )  # fmt: skip


@careful_kernel
def of_window(
    swept: Array, turn: Array, period: Array, error: Array, line: Array, places: Codes, code: Codes
) -> None:
    """Fill code (N,) with what is wrong with the window, 0 for nothing."""
    for n in range(swept.size):
        code[n] = 0
        if swept[n] < 0.35 or (line[n] < CLEAR and swept[n] < 0.7):
            code[n] = SHORT
        elif turn[n] > COARSE * 2.0 * math.pi * (places[n] - 1):
            code[n] = ALIAS
        elif not error[n] < 0.1 * abs(period[n]) or line[n] < CLEAR:
            code[n] = POOR


KINDS: dict[str, Kind] = {
    "rabi_amplitude": sweep(
        rabi_amplitude, 5, from_zero=True, known=LEVELS, weighs=True, swings=OSCILLATING
    ),
    "rabi_length": sweep(
        rabi_length, 6, from_zero=True, known=(*LEVELS, "rise"), swings=OSCILLATING
    ),
}
