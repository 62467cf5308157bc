"""AllXY: 21 pairs of pulses whose populations tell which error the pulses have, and how large.

The populations are fitted by the responses of pulse_pairs, so amplitude, detuning, DRAG and
relaxation come out together; the one that explains most of the deviation names the trace.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from kammerton.estimation.curves.levels import known_levels
from kammerton.estimation.curves.pulse_pairs import ERRORS, IDEAL, polynomials, responses
from kammerton.estimation.curves.repeats import means, unlike
from kammerton.estimation.numeric.derived import Derived, derive, named
from kammerton.estimation.numeric.prepare import Batch, prepare
from kammerton.estimation.numeric.projection import Law, linear, refine
from kammerton.estimation.numeric.projection_kernels import PAIRS
from kammerton.estimation.numeric.reweighing import weighed_again
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Evidence, weigh
from kammerton.estimation.verdict.findings import (
    ACCEPTED,
    CLEAR,
    UNSURE,
    Findings,
    flattened,
    judge_signal,
)
from kammerton.estimation.verdict.kind import Kind
from kammerton.estimation.verdict.misfit import misfit
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome, significance
from kammerton.estimation.verdict.ties import sigmas_of_counts
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]

NUMBERS = "x must be numbers of pairs, 0 to 20, or 0 to 41 where each is twice"
LEAST = 14  # different pairs: six numbers are fitted
LARGEST = 0.4  # rad up to which the orders in the errors that are used are enough
BOUND = 0.8
BEYOND_CHANCE = 4.0  # sigmas of the error that names the trace
STRAY = 4.0  # sigmas by which one pair misses what all others say
FREE = 0.4  # part of a point's variance that the law leaves; with less, it says nothing alone
ALIKE = 3.0  # sigmas by which another error may explain the trace less well and still be named
DIM = 20.0  # contrast in its own sigmas below which errors of the pulses are not seen
UNITS = {"angle_error": "rad", "detuning_angle": "rad", "drag_error": "rad", "relaxation": "",
         "amplitude": "", "offset": "", "allxy_deviation": ""}  # fmt: skip
NAMES = (("amplitude too high", "amplitude too low"), ("detuning", "detuning"),
         ("drag error", "drag error"), ("relaxation", "relaxation"))  # fmt: skip


def ready(x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None) -> Batch:
    """Check pair numbers: 0 to 20 in the order of PAIRS, or 0 to 41, each pair twice."""
    batch = prepare(x, y, sigma, complex_too=False, from_zero=False, least=LEAST)
    pair = batch.x * batch.span + batch.zero
    if np.abs(pair - np.round(pair)).max() > 1e-6 or pair.min() < 0 or pair.max() > 42:
        raise TraceError(NUMBERS)
    pair = np.round(pair)
    if _from_one(pair):
        raise TraceError(f"{NUMBERS}; these are counted from 1")
    if pair.max() > 41:
        raise TraceError(NUMBERS)
    pair = np.where(pair.max(axis=1, keepdims=True) > 20, pair // 2, pair)
    batch = replace(batch, x=np.ascontiguousarray(pair / 20), step=np.zeros(len(pair)))
    if _different(batch).min() < LEAST:
        raise TraceError(f"fewer than {LEAST} different pairs were measured")
    return batch


def _from_one(pair: Array) -> bool:
    """Return whether some x holds all of 1 to 21 or to 42 and nothing else."""
    return any(
        there[0] == 1 and there[-1] == len(there) and len(there) in (21, 42)
        for there in map(np.unique, pair)
    )


def _different(batch: Batch) -> NDArray[np.intp]:
    pair = np.broadcast_to(np.round(batch.x * 20), batch.y.shape)
    there = (pair[:, :, None] == np.arange(21)) & (batch.w > 0)[:, :, None]
    return np.asarray(np.count_nonzero(there.any(axis=1), axis=1))


def allxy(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit contrast, offset and four errors; `contrast` and `offset` may be known."""
    sampled = means(batch, trust=True)
    each = sampled.batch
    pair = np.round(each.x * 20).astype(np.intp)
    law = Law(PAIRS, polynomials()[:, pair].transpose(1, 0, 2).copy())
    fit, perfect = _fits(each, law, known_levels(each, known))
    curve = law.curve(fit.theta)
    nulls = simple_laws(each)
    evidence = weigh(each, fit, curve, nulls)
    noise = evidence.noise[:, None, None]
    found = _with_deviation(
        derive(lambda theta: _numbers(theta, each.level), fit.theta, fit.cov * noise),
        each, perfect, law.given[:, 0], curve, evidence,
    )  # fmt: skip
    findings = Findings(batch.traces)
    snr = significance(each, nulls.flat[0], fit, evidence)
    findings.rejected(
        evidence.misfit & (evidence.gain_flat > CLEAR - UNSURE) & ~flattened(batch, evidence),
        "model does not fit", lambda n: misfit(each, evidence, n, "the 21 pairs of any errors"),
    )  # fmt: skip
    judge_signal(findings, each, evidence, snr, "the 21 pairs of AllXY")
    findings.rejected(
        evidence.gain_line < 0, "model does not fit",
        "the populations drift along a straight line instead of climbing in three steps",
    )  # fmt: skip
    findings.insufficient(
        evidence.gain_line < CLEAR, "signal too weak",
        "the three steps cannot be told from a straight line", Advice(shots_times=4.0),
    )  # fmt: skip
    _judge(findings, fit, perfect, evidence.noise)
    if batch.known_noise:  # not what a few repetitions tell of it
        _judge_stray(findings, each, fit, pair)
    _name(findings, each, perfect, evidence, found, responses()[0][pair], IDEAL[pair])
    return Outcome(found, UNITS, sampled.spread(curve), evidence.chi2_reduced, findings)


def _fits(batch: Batch, law: Law, prior: Array | None) -> tuple[Solution, Solution]:
    """Fit the pairs with errors, and without any."""
    none = np.zeros((batch.traces, len(ERRORS)))
    ends = np.full(len(ERRORS), BOUND)
    fit = refine(law, batch, none, -ends, ends, prior)
    ideal = law.given[:, 0]
    return fit, linear(np.stack([ideal, np.ones_like(ideal)], axis=1), batch, prior)


def _numbers(theta: Array, level: Array) -> dict[str, Array]:
    errors = {name: theta[..., k] for k, name in enumerate(ERRORS)}
    return {**errors, "amplitude": theta[..., 4], "offset": theta[..., 5] + level}


def _with_deviation(
    found: Derived,
    batch: Batch,
    perfect: Solution,
    ideal: Array,
    curve: Array,
    evidence: Evidence,
) -> Derived:
    """Add the mean distance from perfect pulses, in parts of the contrast."""
    there = batch.w > 0
    size = np.abs(perfect.theta[:, 0])
    size = np.where(size > 1e-100, size, np.nan)
    away = batch.y - perfect.theta[:, :1] * ideal - perfect.theta[:, 1:]
    count = np.count_nonzero(there, axis=1)
    mean = (np.abs(away) * there).sum(axis=1) / count / size
    shape = np.stack([np.broadcast_to(ideal, away.shape), np.ones_like(away)], axis=1)
    rest = (batch.y - curve) * there
    error = _scatter(batch, rest, away, shape, perfect, evidence) / count / size
    names = [*found.values, "allxy_deviation"]
    covariance = np.zeros((batch.traces, len(names), len(names)))
    stderr = np.stack(list(found.stderr.values()), axis=1)
    covariance[:, :-1, :-1] = found.correlation * stderr[:, :, None] * stderr[:, None, :]
    covariance[:, -1, -1] = error**2
    return named(names, np.column_stack([*found.values.values(), mean]), covariance)


def _scatter(
    batch: Batch, rest: Array, away: Array, shape: Array, perfect: Solution, evidence: Evidence
) -> Array:
    """Return how the sum of the distances |away| scatters (N,).

    Each is the size of a Gaussian number about what the fitted errors make of it (Leone et al.,
    Technometrics 3, 543 (1961)), less what the fit of perfect pulses takes up.
    """
    there = batch.w > 0
    variance = np.where(there, 1.0 / np.where(there, batch.w, 1.0) ** 2, 0.0)
    taken = np.einsum("nij,njm->nim", perfect.cov, shape)
    middle = away - rest + (taken * (shape @ (batch.w**2 * rest)[:, :, None])).sum(axis=1)
    noise = evidence.noise[:, None] * there
    own = np.maximum(variance - (shape * taken).sum(axis=1), 0.0) * noise
    far = middle / np.sqrt(np.maximum(own, 1e-300))
    sign = erf(far / np.sqrt(2.0)) * there
    size = np.sqrt(own * 2.0 / np.pi) * np.exp(-0.5 * far**2) + middle * sign
    alone = (own + middle**2 * there - size**2 - sign**2 * own).sum(axis=1)
    common = (taken * sign[:, None]).sum(axis=2), (shape * sign[:, None]).sum(axis=2)
    alike = (sign**2 * variance * noise).sum(axis=1)
    alike -= evidence.noise * (common[0] * common[1]).sum(axis=1)
    result: Array = np.sqrt(np.maximum(alone + alike, 0.0))
    return result


def _judge(findings: Findings, fit: Solution, perfect: Solution, noise: Array) -> None:
    """Object to a faint staircase, and to errors too large to be told by their response."""
    error = np.sqrt(perfect.cov[:, 0, 0] * noise)
    contrast = np.abs(perfect.theta[:, 0]) / np.where(error > 0, error, np.inf)
    findings.insufficient(
        contrast < DIM, "signal too weak",
        lambda n: f"the contrast is only {contrast[n]:.1f} times its error",
        lambda n: Advice(shots_times=float(np.clip((DIM / max(contrast[n], 1.0)) ** 2, 2, 16))),
    )  # fmt: skip
    sizes = np.abs(fit.theta[:, : len(ERRORS)])
    worst = sizes.argmax(axis=1)
    findings.rejected(
        sizes.max(axis=1) > LARGEST, "model does not fit",
        lambda n: f"{ERRORS[worst[n]].replace('_', ' ')} would be {sizes[n].max():.2f}: "
        "these are not the pairs of nearly right pulses",
    )  # fmt: skip


def _judge_stray(findings: Findings, batch: Batch, fit: Solution, pair: NDArray[np.intp]) -> None:
    """Object to one pair that misses what all others say: 21 pairs and six numbers hide it well.

    Without sigma it cannot be told from a point of few shots.
    """
    far = np.abs(fit.residual).max(axis=1) > STRAY * np.sqrt(FREE)
    which = np.flatnonzero(far & findings.is_open())
    if len(which) == 0:
        return
    pair = np.broadcast_to(pair, batch.y.shape)
    missed = np.zeros(batch.y.shape)
    missed[which] = _missed(batch.take(which), fit.take(which), pair[which])
    worst, size = missed.argmax(axis=1), missed.max(axis=1)
    findings.rejected(
        size > STRAY, "stray point",
        lambda n: f"one pair, most likely {int(pair[n, worst[n]])}, lies "
        f"{size[n]:.1f} sigma from where the others put it",
    )  # fmt: skip


def _missed(batch: Batch, fit: Solution, pair: NDArray[np.intp]) -> Array:
    """Return by how many sigmas each point misses the fit to all others (N, M).

    Residuals over what the law leaves of their variance (Cook and Weisberg, Residuals and
    Influence in Regression, 1982); what is left without the point may make sigma larger.
    """
    slopes = fit.theta[:, None, 4:5] * responses()[0][pair]
    moves = np.concatenate([slopes, IDEAL[pair][..., None], np.ones((*pair.shape, 1))], axis=2)
    free = 1.0 - batch.w**2 * ((moves @ fit.cov) * moves).sum(axis=2)
    square = np.where(free > FREE, fit.residual**2 / np.maximum(free, FREE), 0.0)
    rest = fit.cost[:, None] - square
    rest /= np.maximum(batch.rows - fit.free - 1, 1)[:, None]
    size = np.sqrt(square / np.maximum(rest, 1.0))
    far = np.nonzero(size > STRAY)
    if batch.shots is not None and far[0].size:
        y = (batch.y + batch.level[:, None])[far]
        others = y - fit.residual[far] / batch.w[far] / free[far]
        counted = sigmas_of_counts(y, others, batch.shots[far]) * np.sqrt(free[far])
        size[far] = np.minimum(size[far], counted)
    return np.asarray(size)


def _name(
    findings: Findings, batch: Batch, perfect: Solution, evidence: Evidence, found: Derived,
    response: Array, ideal: Array,
) -> None:  # fmt: skip
    """Accept, under the name of the error that explains most of what is not perfect."""
    alone = np.stack([_alone(batch, perfect, response[:, :, k], ideal) for k in range(4)], axis=1)
    alone /= np.sqrt(np.where(evidence.noise > 0, evidence.noise, 1.0))[:, None]
    alone = np.where(found.values["amplitude"][:, None] < 0, -alone, alone)
    alone[:, 3] = np.maximum(alone[:, 3], 0.0)  # nothing relaxes upwards
    which = np.abs(alone).argmax(axis=1)
    largest = np.take_along_axis(alone, which[:, None], axis=1)[:, 0]
    for k, (above, below) in enumerate(NAMES):
        for sign, words in ((1.0, above), (-1.0, below)):
            here = (which == k) & (sign * largest > BEYOND_CHANCE)
            findings.object_to(here, ACCEPTED, words, lambda n, k=k: _words(found, alone[n], k, n))  # type: ignore[misc]  # k is bound
    findings.accept("all 21 pairs are where perfect pulses put them, within error")


def _alone(batch: Batch, perfect: Solution, response: Array, ideal: Array) -> Array:
    """Return how many sigmas one error alone would be, on top of perfect pulses (N,)."""
    w = batch.w
    columns = np.stack([w * ideal, w, w * response], axis=2)
    q = np.linalg.qr(columns)
    direction = q.Q[:, :, 2] * np.sign(q.R[:, 2, 2])[:, None]
    result: Array = (direction * perfect.residual).sum(axis=1)
    return result


def _words(found: Derived, alone: Array, k: int, n: int) -> str:
    name = ERRORS[k]
    value, error = found.values[name][n], found.stderr[name][n]
    unit = "" if name == "relaxation" else " rad"
    text = f"{name.replace('_', ' ')} {value:.3g}{unit}, known to {error:.1g}{unit}"
    near = [e.replace("_", " ") for e, size in zip(ERRORS, np.abs(alone), strict=True)
            if e != name and size > np.abs(alone[k]) - ALIKE]  # fmt: skip
    return f"{text}; {near[0]} would explain it nearly as well" if near else text


KINDS: dict[str, Kind] = {
    "allxy": Kind(
        ready,
        allxy,
        ("shots", "contrast", "offset"),
        whole=True,
        again=weighed_again,
        unlike=unlike,
    )
}
