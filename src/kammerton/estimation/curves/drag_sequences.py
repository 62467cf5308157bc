"""DRAG coefficient from two sequences, (X180, Y90) and (Y180, X90), that agree at the right one.

A phase error moves their populations from 1/2 to opposite sides (Reed, thesis, Yale 2013, section
5.3.3), so two lines cross at the right coefficient; over a long window they bend, and are taken as
parabolas, or as lines that part less and less (a sine, an amplifier that compresses), where the
data ask for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.curves.extremum import Place, expectation, judge_place
from kammerton.estimation.curves.series import Joined, joined, series_again, split
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.projection import linear
from kammerton.estimation.numeric.solver import Solution, merged, replaced
from kammerton.estimation.verdict.evidence import Evidence, delta_bic, structured, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    SATURATED,
    Findings,
    clipped,
    drift_asked,
    flattened,
    judge_doubt,
    judge_source,
    judge_stray,
)
from kammerton.estimation.verdict.further import more_is_seen
from kammerton.estimation.verdict.kind import Kind
from kammerton.estimation.verdict.misfit import misfit
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome
from kammerton.estimation.verdict.ties import RAILED
from kammerton.model import Advice

Array = NDArray[np.float64]

LEAST = 7
DRIFT = 28.0  # delta-BIC over a random walk
LINES, PARABOLAS, BOWED = [0, 1, 3, 4], [0, 1, 2, 3, 4, 5], [0, 1, 3, 4, 5, 6]  # of all powers
BENT = 4.0  # delta-BIC over lines for which the second is; at 0, 15 of 10,000 slopes were far off
CURVED = [2, 5, 6]  # of all powers: those that lines do not have
WORTH = 8.0  # delta-BIC over lines for which the third law is believed where the second is not
HIGHEST = 4  # power of a smooth curve that shows what else swings
REAL = 1e-6  # windows off the real axis, which are rounding
UNEQUAL = 0.5  # part of the crossing by which both sequences may move together
KNOWN = ("shots", "expected", "interleaved")
UNITS = {"drag_coefficient": "", "slope": "", "offset": ""}


def ready(x: tuple[ArrayLike, ArrayLike], y: ArrayLike, sigma: ArrayLike | None) -> Joined:
    """Check x = (series, coefficients) and y (2, M) or (N, 2, M)."""
    return joined(split(x, y, sigma, exactly=2), LEAST, "coefficients")


def _columns(pair: Joined) -> Array:
    """Return the powers of the mean, up to the square, and of half the difference, to the cube."""
    t, (mean, apart) = pair.axis, (3, 4)
    columns = np.empty((mean + apart, 2, len(t)))
    columns[0] = 1.0
    for k in (1, 2):
        columns[k] = t * columns[k - 1]
    columns[mean:-1] = columns[:mean]
    columns[-1] = t * columns[-2]
    columns[mean:, 1] *= -1.0
    return columns.reshape(mean + apart, -1)


def _every_power(t: Array) -> Array:
    """Return those of both sequences up to HIGHEST (2 HIGHEST + 2, 2 M)."""
    powers = t ** np.arange(HIGHEST + 1)[:, None]
    none = np.zeros_like(powers)
    return np.concatenate([np.hstack([powers, none]), np.hstack([none, powers])])


def drag_sequences(pair: Joined, known: dict[str, object]) -> Outcome:
    """Fit two lines, or curves; the crossing nearest to `expected` gives the coefficient."""
    batch, n = pair.batch, pair.batch.traces
    columns = _columns(pair)
    fit = _best(batch, columns)
    curve = np.asarray(fit.theta @ columns)
    evidence = weigh(batch, fit, curve, simple_laws(batch))
    low = np.full(n, pair.low)
    expected = expectation(known, batch, low, low + pair.length)
    found = _crossing(pair, fit, evidence, (expected - low) / pair.length)
    findings = Findings(n)
    _judge(findings, pair, fit, evidence, found)
    judge_place(findings, Place(
        found.values["drag_coefficient"], found.stderr["drag_coefficient"], np.full(n, np.inf),
        expected, low, low + pair.length,
    ))  # fmt: skip
    judge_doubt(
        findings, evidence, "two lines that cross", CLEAR, drift_asked(batch, known, DRIFT, DRIFT)
    )
    _judge_more(findings, pair, columns, fit, curve)
    findings.accept("two sequences that cross")
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _best(batch: Batch, columns: Array) -> Solution:
    """Fit two lines; or one of the others where the data ask for it."""
    straight, bent = (linear(columns[law], batch) for law in (LINES, PARABOLAS))
    curved = delta_bic(batch, straight, bent) > BENT
    which = np.flatnonzero(curved | structured(batch, straight))
    fit = _padded(straight, LINES)
    if len(which) == 0:
        return fit
    part = batch.take(which)
    bent = _padded(bent.take(which), PARABOLAS)
    bowed = _padded(linear(columns[BOWED], part), BOWED)
    rich = merged(bent, bowed, bowed.cost < bent.cost)
    gain = delta_bic(part, straight.take(which), rich)
    return replaced(fit, which, rich, gain > np.where(curved[which], BENT, WORTH))


def _padded(fit: Solution, law: list[int]) -> Solution:
    """Return the solution with all powers there may be; those it does not have are 0."""
    n, size = len(fit.cost), BOWED[-1] + 1
    theta, cov = np.zeros((n, size)), np.zeros((n, size, size))
    theta[:, law] = fit.theta
    cov[:, np.array(law)[:, None], law] = fit.cov
    return Solution(fit.law, theta, cov, fit.cost, fit.residual, fit.free)


def _crossing(pair: Joined, fit: Solution, evidence: Evidence, expected: Array) -> Derived:
    """Return where the difference vanishes, nearest to what is expected (in windows)."""
    a, b, c, d = (fit.theta[:, k] for k in (3, 4, 5, 6))
    upper = np.abs(_root(a, b, c, 1.0) - expected) < np.abs(_root(a, b, c, -1.0) - expected)
    sign, bowed = np.where(upper, 1.0, -1.0), d != 0
    start = _nearest(fit.theta[bowed, 3:], expected[bowed]) if bowed.any() else None

    def numbers(theta: Array) -> dict[str, Array]:
        a, b, c, d = (theta[..., k] for k in (3, 4, 5, 6))
        at = _root(a, b, c, sign)
        if start is not None:
            at[..., bowed] = _followed(theta[..., bowed, 3:], start)
        middle = theta[..., 0] + theta[..., 1] * at + theta[..., 2] * at * at
        return {
            "drag_coefficient": pair.low + pair.length * at,
            "slope": (b + 2 * c * at + 3 * d * at * at) / pair.length,
            "offset": middle + pair.batch.level,
        }  # fmt: skip

    return derive(numbers, fit.theta, fit.cov * evidence.noise[:, None, None], fit.p.shape[1])


def _root(a: Array, b: Array, c: Array, sign: Array | float) -> Array:
    """Return one root of a + b t + c t^2; that of the line for either sign where c is 0."""
    with np.errstate(all="ignore"):
        inner = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
        steep = -(b + np.where(b >= 0, inner, -inner)) / 2.0
        near, far = a / steep, np.where(c == 0, a / steep, steep / c)
        return np.where(np.asarray(sign) > 0, near, far)


def _nearest(powers: Array, expected: Array) -> Array:
    """Return the real root of cubics (B, 4) nearest to what is expected (B,)."""
    companion = np.zeros((len(powers), 3, 3))
    companion[:, 1, 0] = companion[:, 2, 1] = 1.0
    companion[:, :, 2] = -powers[:, :3] / powers[:, 3:]
    roots = np.linalg.eigvals(companion)
    away = np.where(np.abs(roots.imag) < REAL, np.abs(roots.real - expected[:, None]), np.inf)
    nearest = away.argmin(axis=1)
    return np.asarray(roots.real[np.arange(len(nearest)), nearest], dtype=np.float64)


def _followed(powers: Array, start: Array) -> Array:
    """Return the roots of cubics (..., B, 4) that lie close to start (B,)."""
    a, b, c, d = np.moveaxis(powers, -1, 0)
    at = start
    with np.errstate(all="ignore"):
        for _ in range(2):
            at = at - (a + at * (b + at * (c + at * d))) / (b + at * (2 * c + 3 * d * at))
    return np.asarray(at)


def _judge(
    findings: Findings, pair: Joined, fit: Solution, evidence: Evidence, found: Derived
) -> None:
    """Object to sequences that do not part, or that move together."""
    batch, slope = pair.batch, found.values["slope"] * pair.length
    error = found.stderr["slope"] * pair.length
    judge_source(findings, batch, evidence)
    judge_stray(findings, evidence, findings.is_open())
    railed = clipped(batch, evidence.railed >= RAILED) | evidence.misfit & flattened(
        batch, evidence
    )
    findings.rejected(railed, "saturated", SATURATED)
    findings.rejected(
        evidence.misfit, "model does not fit",
        lambda n: misfit(batch, evidence, n, "lines or smooth curves"),
    )  # fmt: skip
    touch = fit.theta[:, 4] ** 2 < 4 * fit.theta[:, 3] * fit.theta[:, 5]
    touch &= fit.theta[:, 6] == 0  # a cubic always crosses
    findings.insufficient(
        touch & (evidence.gain_flat > CLEAR), "range too narrow",
        "the two sequences approach each other but do not cross",
        Advice(window_times=2.0),
    )  # fmt: skip
    findings.rejected(
        ~(np.abs(slope) > 6.0 * error), "no signal",
        "the two sequences do not part as the coefficient changes",
    )  # fmt: skip
    at = (found.values["drag_coefficient"] - pair.low) / pair.length
    together = np.abs(fit.theta[:, 1] + 2 * fit.theta[:, 2] * at)
    findings.rejected(
        together > UNEQUAL * np.abs(slope) + 4.0 * error, "model does not fit",
        "both sequences move the same way: a drift, not a phase error",
    )  # fmt: skip


def _judge_more(
    findings: Findings, pair: Joined, columns: Array, fit: Solution, curve: Array
) -> None:
    """Object to smooth curves that bend more often than they may, by chance in 1 of 1000."""
    which = np.flatnonzero(findings.is_open() & (fit.theta[:, CURVED] != 0).any(axis=1))
    if len(which) == 0:
        return
    every = _every_power(pair.axis)
    law = columns * (fit.theta[which] != 0)[:, :, None]
    more = np.broadcast_to(every, (len(which), *every.shape))
    seen = np.zeros(len(fit.cost), dtype=bool)
    seen[which] = more_is_seen(pair.batch.take(which), fit.residual[which], curve[which], law, more)
    findings.rejected(
        seen, "model does not fit",
        "both sequences swing beside lines or smooth curves: something else moves them",
    )  # fmt: skip


KINDS: dict[str, Kind] = {
    "drag_sequences": Kind(ready, drag_sequences, KNOWN, axes=2, again=series_again)
}
