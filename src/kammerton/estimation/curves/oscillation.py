"""Ramsey fringes: an oscillation under an envelope that may be exponential, Gaussian or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import (
    Beats,
    mention_beats,
    numbers_of_two,
    two_frequencies,
    weighed_by_beats,
)
from kammerton.estimation.curves.falling import AS_GAUSSIAN, falling
from kammerton.estimation.curves.fringe_between import between
from kammerton.estimation.curves.fringe_levels import beats_between, fringe_levels, judge_levels
from kammerton.estimation.curves.fringe_verdict import judge_fringes, slower
from kammerton.estimation.curves.fringes import SEARCHED, SHAPED, bounds, near
from kammerton.estimation.curves.hum import hums
from kammerton.estimation.curves.in_phase import in_phase, numbers_in_phase, with_any_phases
from kammerton.estimation.curves.left_over import cancelling, follows_more
from kammerton.estimation.curves.levels import LEVELS
from kammerton.estimation.curves.untold_shape import (
    judge_late,
    mention_wide,
    of_other_times,
    untold_shape,
    with_bar,
)
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, Formulas
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, replaced, solve, weighed_anew
from kammerton.estimation.verdict.early import name_early
from kammerton.estimation.verdict.evidence import (
    Evidence,
    Mask,
    delta_bic,
    delta_cost,
    propagate,
    weigh,
    with_part,
)
from kammerton.estimation.verdict.findings import (
    Findings,
    drift_asked,
    judge_doubt,
    judge_signal,
    judge_stray,
)
from kammerton.estimation.verdict.kind import OSCILLATING, Kind, sweep
from kammerton.estimation.verdict.nulls import Nulls, simple_laws
from kammerton.estimation.verdict.outcome import Outcome, one_word, significance
from kammerton.estimation.verdict.said import said
from kammerton.model import Advice

Array = NDArray[np.float64]
Law = tuple[NDArray[np.intp], Solution, Callable[[Batch, Array], Formulas]]

LAW = "a decaying oscillation"
EXPONENTIAL = "exponential"
SURELY_NOT = 11.0  # gain in chi-square of another envelope than that which is known: 1 in 1000
NOT_SO = "the envelope is not exponential, as it is said to be"
DRIFT = 28.0  # delta-BIC over a random walk
DRIFTING = "model does not fit", "a frequency that drifts, or two less than a beat apart"
TURN = np.pi  # rad in the window below which a start may have missed quicker fringes that decay
SLOWLY = ((2.0, 0.0, 2 * np.pi), (10.0, 0.0, 4 * np.pi), (25.0, 0.0, 3 * np.pi))  # starts there
RATE, SHAPE = 3.5, -0.09  # quick decays of a shape that may have another minimum, near a Gaussian
FLAT, GAUSSIAN = 0.03, 0.1  # rate, and distance from a Gaussian: from there no slope leads on
AFRESH = 0.3  # rate of an exponential from which to start there
CLEARLY = 3.0  # in chi-square, by which another minimum is not a whim of the noise
EARLY = "only the first points differ from the rest, which is flat: fringes would be gone at once"
HUM = ("of two frequencies one does not decay with the other: a hum in the readout, and no "
       "second frequency of the qubit")  # fmt: skip
HIDDEN = "a second frequency, or a hum, explains more than noise does, but not enough to be told"
COMPRESSED = "the fringes are flattened where they are largest: the amplifier saturates"
MORE = "what one oscillation leaves is no noise: its frequency drifts, or there is a second tone"
UNITS = {
    "frequency": "Hz", "t2_star": "s", "amplitude": "", "phase": "rad", "offset": "",
    "frequency_splitting": "Hz",
}  # fmt: skip


def ramsey(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit fringes; the 1/e time comes with the envelope's shape free, so its error is honest.

    exp(-(1 - q) s t - q (s t)^2) is Markovian dephasing for q = 0, slow noise for q = 1, and
    both in between; at t = 1/s it is 1/e whatever q, so s is fitted directly. Whoever knows that
    the `envelope` is "exponential" says so, and has a shorter bar; so does who knows that two
    frequencies begin `in_phase`, as those of one qubit do that one pulse has prepared.
    """
    levels = fringe_levels(batch, known)
    if one_word(known, "envelope", (EXPONENTIAL,)) is not None:
        batch = replace(batch, shape=0.0)
    batch, fit, curve, beats = _fitted(batch)
    findings = Findings(batch.traces)
    loose, alone = fit, beats
    if levels is not None:
        fit, beats = between(batch, levels, fit), beats_between(batch, levels, beats)
        curve = fit.curve(batch)
        judge_levels(findings, batch, loose, fit, (alone, beats))
    nulls = simple_laws(batch)
    every = np.arange(batch.traces)
    found, evidence = _weighed(batch, _laws(every, fit, beats), nulls, curve)
    met = _drifting(beats, evidence)
    if len(met[0]):
        found, evidence = _with(batch, met, nulls, curve, found, evidence)
        findings.rejected(np.isin(every, met[0]), *DRIFTING)
    if batch.shape is not None:
        findings.rejected(_of_another_shape(batch, loose, alone), "model does not fit", NOT_SO)
    hum, all_of_it = hums(batch, beats)
    findings.rejected(all_of_it & batch.known_noise, "model does not fit", HUM)
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_signal(findings, batch, evidence, snr, LAW, SEARCHED)
    untold = untold_shape(batch, fit, beats, evidence.noise)
    if levels is None and batch.shape is None:
        untold = of_other_times(batch, fit, beats, evidence.noise, untold)
    judge_late(findings, batch, found, untold)
    slow = slower(batch, fit, evidence.noise) if levels is None else None
    judge_fringes(findings, batch, evidence, found, untold.hangs, slow)
    judge_stray(findings, evidence, findings.is_open())
    judge_doubt(findings, evidence, LAW, SEARCHED, drift_asked(batch, known, DRIFT))
    findings.rejected(hum, "model does not fit", HUM)
    findings.rejected(cancelling(batch, beats, curve), *DRIFTING)
    _judge_left_over(findings, batch, fit, beats)
    mention_beats(findings, beats, batch)
    findings.accept("a clear decaying oscillation")
    mention_wide(findings, batch, untold)
    name_early(findings, batch, EARLY)
    found = with_bar(batch, found, untold)
    if not said(known, "in_phase"):
        found = with_any_phases(batch, found, beats, evidence)
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _judge_left_over(findings: Findings, batch: Batch, fit: Solution, beats: Beats) -> None:
    """Object to what one oscillation leaves that is no noise, where no second is believed."""
    alone = findings.is_open()
    alone[beats.which] = False
    if not alone.any():
        return
    hidden = np.zeros_like(alone)
    hidden[beats.hidden] = True
    seen, bent = follows_more(batch, fit, alone)
    findings.rejected(bent, "saturated", COMPRESSED)
    findings.insufficient(hidden, "signal too weak", HIDDEN, Advice(shots_times=4.0))
    findings.rejected(seen, "model does not fit", MORE)


def _laws(every: NDArray[np.intp], fit: Solution, beats: Beats) -> list[Law]:
    """Return the laws of all traces and of those with two frequencies; the last one counts."""
    return [
        (every, fit, _single), (beats.which, beats.fit, numbers_of_two),
        (beats.joint, beats.joint_fit, numbers_in_phase),
    ]  # fmt: skip


def _drifting(beats: Beats, evidence: Evidence) -> Law:
    """Return the law of two frequencies that meet, where one does not follow the fringes."""
    drifts = evidence.misfit[beats.met]
    return beats.met[drifts], beats.met_fit.take(drifts), numbers_of_two


def _weighed(
    batch: Batch, laws: list[Law], nulls: Nulls, curve: Array
) -> tuple[Derived, Evidence]:  # fmt: skip
    """Return numbers and evidence, of each trace those of the last law that has it; curve follows.

    Where one has them all, those before it are not asked.
    """
    first = max(k for k, (which, *_) in enumerate(laws) if len(which) == batch.traces)
    _, fit, formulas = laws[first]
    if first > 0:
        curve[:] = fit.curve(batch)
    evidence = weigh(batch, fit, curve, nulls)
    found = propagate(formulas(batch, fit.theta), fit, evidence, SHAPED)
    for law in laws[first + 1 :]:
        found, evidence = _with(batch, law, nulls, curve, found, evidence)
    return found, evidence


def _with(
    batch: Batch, law: Law, nulls: Nulls, curve: Array, found: Derived, evidence: Evidence
) -> tuple[Derived, Evidence]:
    """Return numbers and evidence with those of a law in place, in the curve too."""
    which, fit, formulas = law
    return with_part(
        batch, which, fit, lambda part: formulas(part, fit.theta), nulls, curve, found, evidence,
        SHAPED,
    )  # fmt: skip


def _fitted(batch: Batch) -> tuple[Batch, Solution, Array, Beats]:
    """Return the traces weighed by what was found in them, one frequency, its curve, and two."""
    first = one_frequency(batch)
    batch, fit, curve = weighed_anew(
        batch, first, lambda part, which: _single_from(part, first.p[which])
    )
    batch, double = weighed_by_beats(batch, two_frequencies(batch, fit))
    fit, curve = falling(batch, fit, curve)
    return batch, fit, curve, in_phase(batch, double)


def one_frequency(batch: Batch) -> Solution:
    """Fit one oscillation with a free envelope; where there may be another minimum, start again."""
    seed = search(batch, "oscillations", 2)
    fit = _single_from(batch, np.column_stack([seed[:, 0], np.zeros(batch.traces), seed[:, 1]]))
    fit = _or_from(batch, fit, fit.p[:, 2] < TURN, lambda p: np.repeat(SLOWLY, len(p), axis=0))
    quick, shape = AS_GAUSSIAN
    fit = _or_from(
        batch, fit, (fit.p[:, 0] > RATE) & (fit.p[:, 1] < SHAPE),
        lambda p: np.array([0.0, shape, 0.0]) + [quick, 0.0, 1.0] * p,
    )  # fmt: skip
    return _or_from(
        batch, fit, (np.abs(fit.p[:, 0]) < FLAT) & (np.abs(fit.p[:, 1] - 1.0) < GAUSSIAN),
        lambda p: np.array([AFRESH, 0.0, 0.0]) + [0.0, 0.0, 1.0] * p,
    )  # fmt: skip


def _or_from(
    batch: Batch, fit: Solution, asked: Mask, starts: Callable[[Array], Array]
) -> Solution:  # fmt: skip
    """Refine the traces `asked` (N,) from other starts (S B, P); keep what is clearly better.

    starts: for the p (B, P) of those.
    """
    if not asked.any():
        return fit
    which = np.flatnonzero(asked)
    part = batch.take(which)
    others = _single_from(part, starts(fit.p[which]))
    for first in range(0, len(others.cost), len(which)):
        other = others.take(slice(first, first + len(which)))
        clearly = delta_cost(part, fit.take(which), other) > CLEARLY
        fit = replaced(fit, which, other, clearly)
    return fit


def _single_from(batch: Batch, start: Array) -> Solution:
    low, high = bounds(batch, 1)
    return solve(kernels.RAMSEY, batch, start, low, high)


def _of_another_shape(batch: Batch, fit: Solution, beats: Beats) -> Mask:
    """Return where an envelope that is free is surely another than the known one of `fit` (N,).

    And two frequencies under the known one are no better than that.
    """
    other = _single_from(replace(batch, shape=None), fit.p)
    result = delta_cost(batch, fit, other) > SURELY_NOT
    two, which = beats.fit, beats.which
    result[which] &= delta_bic(batch.take(which), other.take(which), two) < SEARCHED
    return np.asarray(result)


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


KINDS: dict[str, Kind] = {
    "ramsey": sweep(
        ramsey,
        7,
        from_zero=True,
        known=(*LEVELS, "envelope", "in_phase"),
        weighs=True,
        swings=OSCILLATING,
    ),
}
