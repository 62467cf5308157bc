"""DRAG coefficient from two sequences, (X180, Y90) and (Y180, X90), that agree at the right one.

A phase error moves their populations from 1/2 to opposite sides (Reed, thesis, Yale 2013, section
5.3.3), so two lines cross at the right coefficient; over a long window they bend, and are taken as
parabolas where the data ask for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.curves.extremum import Place, expectation, judge_place
from kammerton.estimation.curves.series import Joined, joined, split
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.numeric.projection import linear
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Evidence, delta_bic, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    RAILED,
    SATURATED,
    Findings,
    clipped,
    drift_asked,
    flattened,
    judge_doubt,
    judge_source,
    judge_stray,
)
from kammerton.estimation.verdict.kind import Kind
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome
from kammerton.model import Advice

Array = NDArray[np.float64]

LEAST = 7
DRIFT = 20.0  # delta-BIC over a random walk
UNEQUAL = 0.5  # part of the crossing by which both sequences may move together
KNOWN = ("expected", "interleaved")
UNITS = {"drag_coefficient": "", "slope": "", "offset": ""}


def ready(x: tuple[ArrayLike, ArrayLike], y: ArrayLike, sigma: ArrayLike | None) -> Joined:
    """Check x = (series, coefficients) and y (2, M) or (N, 2, M)."""
    return joined(split(x, y, sigma, exactly=2), LEAST, "coefficients")


def _columns(pair: Joined, degree: int) -> Array:
    """Return constant, slope and bend of the mean and of half the difference."""
    t = np.tile(pair.axis, 2)
    sign = np.repeat([1.0, -1.0], len(pair.axis))
    powers = [t**k for k in range(degree + 1)]
    return np.stack(powers + [sign * p for p in powers])


def drag_sequences(pair: Joined, known: dict[str, object]) -> Outcome:
    """Fit two lines, or parabolas; the crossing nearest to `expected` gives the coefficient."""
    batch, n = pair.batch, pair.batch.traces
    straight, bent = (linear(_columns(pair, k), batch) for k in (1, 2))
    curved = delta_bic(batch, straight, bent) > 0
    fit, curve = _padded(pair, straight, bent, curved)
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
    findings.accept("two sequences that cross")
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _padded(
    pair: Joined, straight: Solution, bent: Solution, curved: NDArray[np.bool_]
) -> tuple[Solution, Array]:
    """Return parabolas everywhere, of no bend where the data do not ask for one."""
    theta, cov = np.zeros_like(bent.theta), np.zeros_like(bent.cov)
    kept = np.array([0, 1, 3, 4])
    theta[:, kept] = straight.theta
    cov[:, kept[:, None], kept] = straight.cov
    one = curved[:, None]
    fit = Solution(
        bent.law, np.where(one, bent.theta, theta), np.where(one[:, :, None], bent.cov, cov),
        np.where(curved, bent.cost, straight.cost),
        np.where(one, bent.residual, straight.residual),
        np.where(curved, bent.free, straight.free),
    )  # fmt: skip
    return fit, np.asarray(fit.theta @ _columns(pair, 2))


def _crossing(pair: Joined, fit: Solution, evidence: Evidence, expected: Array) -> Derived:
    """Return where the difference vanishes, nearest to what is expected (in windows)."""
    a, b, c = (fit.theta[:, k] for k in (3, 4, 5))
    upper = np.abs(_root(a, b, c, 1.0) - expected) < np.abs(_root(a, b, c, -1.0) - expected)
    sign = np.where(upper, 1.0, -1.0)

    def numbers(theta: Array) -> dict[str, Array]:
        a, b, c = (theta[..., k] for k in (3, 4, 5))
        at = _root(a, b, c, sign)
        middle = theta[..., 0] + theta[..., 1] * at + theta[..., 2] * at * at
        return {
            "drag_coefficient": pair.low + pair.length * at,
            "slope": (b + 2 * c * at) / pair.length, "offset": middle + pair.batch.level,
        }  # fmt: skip

    return derive(numbers, fit.theta, fit.cov * evidence.noise[:, None, None])


def _root(a: Array, b: Array, c: Array, sign: Array | float) -> Array:
    """Return one root of a + b t + c t^2; that of the line for either sign where c is 0."""
    with np.errstate(all="ignore"):
        inner = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
        steep = -(b + np.where(b >= 0, inner, -inner)) / 2.0
        near, far = a / steep, np.where(c == 0, a / steep, steep / c)
        return np.where(np.asarray(sign) > 0, near, far)


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
        "the sequences follow neither lines nor parabolas",
    )  # fmt: skip
    touch = fit.theta[:, 4] ** 2 < 4 * fit.theta[:, 3] * fit.theta[:, 5]
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


KINDS: dict[str, Kind] = {"drag_sequences": Kind(ready, drag_sequences, KNOWN, axes=2)}
