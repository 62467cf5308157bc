"""Qubit spectroscopy: a line, and the two-photon line of 0-2 where there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import kernels
from kammerton.estimation.derived import Formulas
from kammerton.estimation.evidence import Mask, delta_bic, propagate, structured, weigh, with_part
from kammerton.estimation.findings import (
    OUTSIDE,
    Findings,
    drift_asked,
    judge_doubt,
    judge_line,
    judge_signal,
)
from kammerton.estimation.kind import Kind, sweep
from kammerton.estimation.nulls import simple_laws
from kammerton.estimation.outcome import Outcome, significance
from kammerton.estimation.prepare import Batch
from kammerton.estimation.seeds import search
from kammerton.estimation.solver import CERTAIN, Solution, merged, replaced, solve

Array = NDArray[np.float64]

DRIFT = 30.0  # delta-BIC over a random walk
SEARCHED = 16.0  # delta-BIC that pays for a search over the whole window
UNITS = {"frequency": "Hz", "linewidth": "Hz", "frequency_gf_half": "Hz"}
ALONE = 6  # fewest points for each parameter before a second line is looked for
MIXED = 1.0  # prior spread of a shape's share of the height: within 0 ... 1, but for noise
LORENTZIAN, GAUSSIAN = (1.0, 0.0), (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The traces (B,) in which two lines were found, and their fit."""

    which: NDArray[np.intp]
    fit: Solution


def qubit_spectroscopy(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit a mixture of a Lorentzian and a Gaussian of the same width.

    Complex y is projected on its direction of largest change.
    """
    if batch.parts == 2:
        return _projected(batch, known)
    fit = one_line(batch)
    pairs = two_lines(batch, fit)
    nulls, curve = simple_laws(batch).over_a_slope(), fit.curve(batch)
    evidence = weigh(batch, fit, curve, nulls)
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    found = propagate(lambda p: _one(p, zero, span), fit, evidence)
    found, evidence = with_part(
        batch, pairs.which, pairs.fit, lambda part: _two(part, pairs.fit), nulls, curve, found,
        evidence,
    )  # fmt: skip
    findings = Findings(batch.traces)
    snr = significance(batch, nulls.flat[0], fit, evidence)
    law = "a line over a smooth background"
    judge_signal(findings, batch, evidence, snr, law, SEARCHED, OUTSIDE)
    judge_line(findings, batch, found)
    judge_doubt(findings, evidence, law, SEARCHED, drift_asked(batch, known, DRIFT))
    findings.accept("a clear line")
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _projected(batch: Batch, known: dict[str, object]) -> Outcome:
    m = batch.points
    re, im, w = batch.y[:, :m], batch.y[:, m:], batch.w[:, :m]
    total = w.sum(axis=1, keepdims=True)
    mean = [(w * part).sum(axis=1, keepdims=True) / total for part in (re, im)]
    dre, dim = (np.where(w > 0, v - a, 0.0) for v, a in zip((re, im), mean, strict=True))
    twist = 2 * np.einsum("nm,nm->n", dre, dim)
    angle = 0.5 * np.arctan2(twist, (dre**2 - dim**2).sum(axis=1))[:, None]
    along = dre * np.cos(angle) + dim * np.sin(angle)
    real = Batch(
        batch.x, batch.step, np.ascontiguousarray(along), np.ascontiguousarray(w), batch.zero,
        batch.span, np.zeros(batch.traces), 1, batch.known_noise, batch.order,
    )  # fmt: skip
    found = qubit_spectroscopy(real, known)
    curve = np.hstack(
        [mean[0] + found.curve * np.cos(angle), mean[1] + found.curve * np.sin(angle)]
    )
    return replace(found, curve=curve)


def one_line(batch: Batch) -> Solution:
    """Fit one line of free shape; where in doubt, start again.

    A shape chosen by the data would make the width look better known than it is.
    """
    fit = _free(batch, search(batch, "lines", 1))
    which = np.flatnonzero(structured(batch, fit))
    if len(which) == 0:
        return fit
    part = batch.take(which)
    other = _free(part, search(part, "level lines", 1))
    return replaced(fit, which, other, other.cost < fit.cost[which])


def _free(batch: Batch, start: Array) -> Solution:
    pure = _pure(batch, start)
    fit = solve(kernels.LINE, batch, pure.p, *_bounds(batch, 1), _half_each(batch, pure))
    return replace(fit, free=pure.free)


def _half_each(batch: Batch, pure: Solution) -> Array:
    """Return a prior that each shape makes half of the height, give or take MIXED of it.

    Few noisy points would otherwise be fitted by the difference of two large lines.
    """
    height = pure.c[:, 0] + pure.c[:, 1]
    noise = pure.cost / np.maximum(batch.rows - pure.free, 1)
    least = 1e-3 / batch.w.max(axis=1)
    prior = np.zeros((batch.traces, 2, 4))
    prior[:, 0, :2] = (noise / (MIXED * np.maximum(np.abs(height), least)) ** 2)[:, None]
    prior[:, 1, :2] = 0.5 * height[:, None]
    return prior


def _pure(batch: Batch, start: Array) -> Solution:
    lorentz, gauss = _shaped(batch, start, LORENTZIAN), _shaped(batch, start, GAUSSIAN)
    return merged(lorentz, gauss, gauss.cost < lorentz.cost)


def _shaped(batch: Batch, start: Array, shape: tuple[float, float]) -> Solution:
    return solve(kernels.LINE, batch, start, *_bounds(batch, 1), _shape(batch, shape, 1))


def _bounds(batch: Batch, count: int) -> tuple[Array, Array]:
    low, high = [-0.3, 0.3 / batch.points] * count, [1.3, 2.0] * count
    return np.array(low), np.array(high)


def _shape(batch: Batch, shape: tuple[float, float], count: int) -> Array:
    """Forbid the other shape: a prior that its height is 0."""
    prior = np.zeros((batch.traces, 2, 2 * count + 2))
    forbidden = CERTAIN * (batch.w**2).sum(axis=1)
    for k in range(count):
        prior[:, 0, 2 * k + (0 if shape == GAUSSIAN else 1)] = forbidden
    return prior


def two_lines(batch: Batch, fit: Solution) -> Pairs:
    """Look for a second line where the residuals of one are not noise."""
    which = np.flatnonzero(structured(batch, fit) & (batch.rows > 8 * ALONE))
    part, single = batch.take(which), fit.take(which)
    if len(which) == 0:
        return Pairs(which, single)
    seed = search(part, "lines", 1, np.where(part.w > 0, single.residual, 0.0))
    low, high = _bounds(batch, 2)
    start = np.hstack([single.p, seed])
    pair = [
        solve(kernels.TWO_LINES, part, start, low, high, _shape(part, shape, 2))
        for shape in (LORENTZIAN, GAUSSIAN)
    ]
    double = merged(pair[0], pair[1], pair[1].cost < pair[0].cost)
    real = (delta_bic(part, single, double) > SEARCHED) & _separate(double, part)
    return Pairs(which[real], double.take(real))


def _separate(double: Solution, batch: Batch) -> Mask:
    """Return where both are lines: inside the window, apart, wider than a point, not a ripple."""
    p = double.p
    centres, halves = p[:, 0::2], p[:, 1::2]
    apart = np.abs(centres[:, 0] - centres[:, 1]) > 0.7 * halves.sum(axis=1)
    inside = ((centres > 0) & (centres < 1)).all(axis=1)
    step = 1.0 / (batch.points - 1)
    result: Mask = apart & inside & (halves > 0.6 * step).all(axis=1) & (halves < 0.3).all(axis=1)
    heights = np.abs(_heights(double.theta))
    result &= heights.min(axis=1) > 0.05 * heights.max(axis=1)
    return result


def _heights(theta: Array) -> Array:
    return np.stack([theta[:, 4] + theta[:, 5], theta[:, 6] + theta[:, 7]], axis=1)


def _one(theta: Array, zero: Array, span: Array) -> dict[str, Array]:
    return {
        "frequency": zero + theta[..., 0] * span, "linewidth": 2 * theta[..., 1] * span,
        "frequency_gf_half": np.full(theta.shape[:-1], np.nan),
    }  # fmt: skip


def _two(batch: Batch, fit: Solution) -> Formulas:
    """Numbers of the upper line, and the centre of the lower.

    A transmon's anharmonicity is negative, so its two-photon line lies below 0-1: the upper line
    is the main one, however strongly the two-photon line is driven.
    """
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    n, main = np.arange(batch.traces), fit.p[:, 0::2].argmax(axis=1)

    def numbers(theta: Array) -> dict[str, Array]:
        return {
            "frequency": zero + theta[..., n, 2 * main] * span,
            "linewidth": 2 * theta[..., n, 2 * main + 1] * span,
            "frequency_gf_half": zero + theta[..., n, 2 - 2 * main] * span,
        }

    return numbers


KINDS: dict[str, Kind] = {"qubit_spectroscopy": sweep(qubit_spectroscopy, 6, complex_too=True)}
