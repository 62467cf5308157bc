"""The verdict on an adaptive run, in the words of every other fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.design.check import (
    chance,
    chi_square,
    coarse,
    constant,
    fine,
    gained,
    no_drift,
    readings,
)
from kammerton.estimation.design.posterior import Posterior
from kammerton.estimation.design.words import Array, spread
from kammerton.model import Advice, Fit, TraceError, Value, Verdict

UNLIKELY = 1e-3  # chance of a chi-square this large that is taken for a wrong law
DOUBTFUL = 0.01  # and that widens the error bar
MOST = 0.7  # of the contrast: a flat trace up there has not decayed yet
AT_END = 0.01  # weight in the margins of what is thought possible
SLACK = 1.05  # of the goal
CLEAR = 12.0  # chi-square by which the law beats a constant
VISIBLE = 4.0  # contrast in its own sigmas


def judge(posterior: Posterior, goal: ArrayLike, targets: Sequence[str]) -> dict[str, Fit]:
    """Return a fit with its verdict for each of N targets.

    goal: the same as the design was given: relative for times, Hz for Ramsey.

    Accepted: the goal is reached and the law describes the readings. Insufficient: it is not
    reached; the advice says how many times the shots, or the window, are needed. Rejected: no
    signal, a law that does not fit, or a parameter that changed during the run. The error bar is
    the posterior's, wider where chi-square is doubtful.
    """
    aim = spread(goal, len(posterior), "goal")
    if (aim <= 0).any():
        raise TraceError("goal is not positive")
    if isinstance(targets, str):
        raise TraceError(f"targets is {targets!r}, one word; it is a list of names")
    if len(targets) != len(posterior):
        raise TraceError(f"{len(targets)} targets for {len(posterior)} posteriors")
    if not posterior.history:
        raise TraceError("nothing was measured yet")
    checks = checked(posterior)
    return {
        target: _judged(posterior, checks, n, float(aim[n]), target)
        for n, target in enumerate(targets)
    }


@dataclass(frozen=True, eq=False)
class Checks:
    """What the readings of N targets say, each (N,).

    likely: chance of a chi-square as large; chi2, freedom: of the worse pools. steady: chance of
    early and late rounds as far apart. flat: one constant describes all. remaining: the mean
    reading as a part of the contrast, by the believed levels. gained: in chi-square, on a constant.
    seen: the contrast in its own sigmas, where it was measured here.
    """

    likely: Array
    chi2: Array
    freedom: Array
    steady: Array
    flat: NDArray[np.bool_]
    remaining: Array
    gained: Array
    seen: Array


def checked(posterior: Posterior) -> Checks:
    """Compare what was read with the law and with a constant."""
    read, levels = readings(posterior), posterior.levels
    each, level = [pool(read) for pool in (coarse, fine)], constant(read)
    law = [chi_square(read, read.expected, pools) for pools in each]
    chances = np.array([chance(chi2, count - read.fitted) for chi2, count in law])
    worse, every = np.argmin(chances, axis=0), np.arange(len(posterior))
    chi2, count = (np.array(part)[worse, every] for part in zip(*law, strict=True))
    level_fits = [chi_square(read, level, pools) for pools in each]
    mean, error = (np.inf, 1.0) if levels.exact else posterior.contrast
    return Checks(
        np.minimum(1.0, 2 * chances.min(axis=0)), chi2, np.maximum(count - read.fitted, 1.0),
        no_drift(read),
        np.all([chance(chi2, count - 1) > UNLIKELY for chi2, count in level_fits], axis=0),
        (level[:, 0] - levels.offset) / levels.contrast, gained(read),
        np.broadcast_to(np.abs(mean) / error, len(posterior)),
    )  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A verdict, the status in the field's words, and a sentence."""

    verdict: Verdict
    status: str
    reason: str
    advice: Advice = field(default_factory=Advice)


STILL = Finding(Verdict.REJECTED, "no signal", "the readings do not depend on the setting")


def _judged(posterior: Posterior, checks: Checks, n: int, goal: float, target: str) -> Fit:
    reduced = float(checks.chi2[n] / checks.freedom[n])
    wider = max(1.0, reduced) ** 0.5 if checks.likely[n] < DOUBTFUL else 1.0
    finding = (
        _invisible(checks.seen[n])
        or _at_an_end(posterior, checks, n)
        or _misfit(_LAW[posterior.law.name], checks, n)
        or _faint(checks.gained[n])
        or _uncertain(posterior, n, goal, wider)
        or Finding(Verdict.ACCEPTED, "success", f"{_LAW[posterior.law.name]}, to the goal")
    )
    law, mean = posterior.law, posterior.mean[n]
    error = float(posterior.sd[n] * law.scale(mean)) * wider
    value, kind = Value(float(law.value(mean)), error, law.unit), law.name
    return Fit(
        kind, target, {_NAME.get(kind, kind): value}, finding.verdict, finding.status,
        finding.reason, reduced, finding.advice,
    )  # fmt: skip


_LAW = {"t1": "a decay", "t2_echo": "an echo decay", "ramsey": "a fringe"}
_NAME = {"ramsey": "frequency"}


def _misfit(law: str, checks: Checks, n: int) -> Finding | None:
    """Object to readings that the law does not describe, and say how they do not."""
    likely, steady = checks.likely[n], checks.steady[n]
    if min(likely, steady) >= UNLIKELY:
        return None
    if checks.flat[n]:
        return STILL
    if steady < likely:
        return Finding(
            Verdict.REJECTED, "drift during scan",
            f"early and late rounds do not agree on {law} (chance {steady:.1g})",
        )  # fmt: skip
    return Finding(
        Verdict.REJECTED, "model does not fit",
        f"the readings do not follow {law} (chance {likely:.1g})",
    )  # fmt: skip


def _faint(gain: float) -> Finding | None:
    """Object to readings that a constant describes nearly as well."""
    if gain > CLEAR:
        return None
    return Finding(
        Verdict.INSUFFICIENT, "signal too weak",
        f"the law explains the readings hardly better than a constant (chi-square {gain:+.1f})",
        Advice(shots_times=4.0),
    )  # fmt: skip


def _at_an_end(posterior: Posterior, checks: Checks, n: int) -> Finding | None:
    """Object to a parameter that may lie outside of what was thought possible."""
    prior, weights = posterior.prior, posterior.weights[n].sum(axis=0)
    margin = posterior.law.margin * (prior.high[n] - prior.low[n])
    low = weights[posterior.theta[n] < prior.low[n] + margin].sum()
    high = weights[posterior.theta[n] > prior.high[n] - margin].sum()
    if max(low, high) < AT_END:
        return None
    if posterior.law.name == "ramsey":
        if checks.flat[n]:
            return STILL
        return Finding(
            Verdict.INSUFFICIENT, "range too narrow",
            "the frequency may lie outside of the band that was searched", Advice(window_times=3.0),
        )  # fmt: skip
    if high > low and checks.remaining[n] > MOST:
        return Finding(
            Verdict.INSUFFICIENT, "range too narrow", "no decay is seen within the longest delays",
            Advice(window_times=5.0),
        )  # fmt: skip
    if low > high or checks.flat[n]:
        return STILL
    return None


def _invisible(seen: float) -> Finding | None:
    """Object to a contrast, where it was measured here, that is not clearly there."""
    if seen > VISIBLE:
        return None
    return Finding(
        Verdict.REJECTED, "no signal", f"the contrast is only {seen:.1f} times its error"
    )


def _uncertain(posterior: Posterior, n: int, goal: float, wider: float) -> Finding | None:
    """Object to an error bar above the goal."""
    sigma = float(posterior.sd[n]) * wider
    if sigma <= SLACK * goal:
        return None
    shown = f"{sigma:.3g} Hz" if posterior.law.unit == "Hz" else f"{100 * sigma:.2g} %"
    return Finding(
        Verdict.INSUFFICIENT, "error too large", f"the budget ended at {shown}",
        Advice(shots_times=float(np.clip((sigma / goal) ** 2, 1.2, 16.0))),
    )  # fmt: skip
