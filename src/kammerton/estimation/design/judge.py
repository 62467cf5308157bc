"""The verdict on an adaptive run, in the words of every other fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from kammerton.estimation.design.check import (
    Readings,
    chance,
    chi_square,
    coarse,
    fine,
    flat,
    gained,
    no_drift,
    readings,
    remaining,
)
from kammerton.estimation.design.posterior import Posterior
from kammerton.estimation.design.words import spread
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
    read = readings(posterior)
    return {
        target: _judged(posterior, read, n, float(aim[n]), target)
        for n, target in enumerate(targets)
    }


@dataclass(frozen=True)
class Finding:
    """A verdict, the status in the field's words, and a sentence."""

    verdict: Verdict
    status: str
    reason: str
    advice: Advice = field(default_factory=Advice)


STILL = Finding(Verdict.REJECTED, "no signal", "the readings do not depend on the setting")


def _judged(posterior: Posterior, read: Readings, n: int, goal: float, target: str) -> Fit:
    fits = [chi_square(read, n, read.expected[n], pool(read, n)) for pool in (coarse, fine)]
    chances = [chance(chi2, pools - read.fitted[n]) for chi2, pools in fits]
    likely = min(1.0, 2 * min(chances))
    chi2, pools = fits[int(np.argmin(chances))]
    freedom = max(pools - read.fitted[n], 1.0)
    wider = max(1.0, chi2 / freedom) ** 0.5 if likely < DOUBTFUL else 1.0
    finding = (
        _invisible(posterior, n)
        or _at_an_end(posterior, read, n)
        or _misfit(posterior, read, n, likely)
        or _faint(read, n)
        or _uncertain(posterior, n, goal, wider)
        or Finding(Verdict.ACCEPTED, "success", f"{_LAW[posterior.law.name]}, to the goal")
    )
    value = Value(float(posterior.value[n]), float(posterior.stderr[n]) * wider, posterior.law.unit)
    kind = posterior.law.name
    return Fit(
        kind, target, {_NAME.get(kind, kind): value}, finding.verdict, finding.status,
        finding.reason, float(chi2 / freedom), finding.advice,
    )  # fmt: skip


_LAW = {"t1": "a decay", "t2_echo": "an echo decay", "ramsey": "a fringe"}
_NAME = {"ramsey": "frequency"}


def _misfit(posterior: Posterior, read: Readings, n: int, likely: float) -> Finding | None:
    """Object to readings that the law does not describe, and say how they do not."""
    steady = no_drift(read, n)
    if min(likely, steady) >= UNLIKELY:
        return None
    law = _LAW[posterior.law.name]
    if _flat(read, n):
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


def _flat(read: Readings, n: int) -> bool:
    """Return whether one constant describes all readings."""
    return all(
        chance(chi2, pools - 1) > UNLIKELY
        for chi2, pools in (chi_square(read, n, flat(read, n), p(read, n)) for p in (coarse, fine))
    )


def _faint(read: Readings, n: int) -> Finding | None:
    """Object to readings that a constant describes nearly as well."""
    gain = gained(read, n)
    if gain > CLEAR:
        return None
    return Finding(
        Verdict.INSUFFICIENT, "signal too weak",
        f"the law explains the readings hardly better than a constant (chi-square {gain:+.1f})",
        Advice(shots_times=4.0),
    )  # fmt: skip


def _at_an_end(posterior: Posterior, read: Readings, n: int) -> Finding | None:
    """Object to a parameter that may lie outside of what was thought possible."""
    prior, weights = posterior.prior, posterior.weights[n].sum(axis=0)
    margin = posterior.law.margin * (prior.high[n] - prior.low[n])
    low = weights[posterior.theta[n] < prior.low[n] + margin].sum()
    high = weights[posterior.theta[n] > prior.high[n] - margin].sum()
    if max(low, high) < AT_END:
        return None
    if posterior.law.name == "ramsey":
        if _flat(read, n):
            return STILL
        return Finding(
            Verdict.INSUFFICIENT, "range too narrow",
            "the frequency may lie outside of the band that was searched", Advice(window_times=3.0),
        )  # fmt: skip
    if high > low and remaining(posterior, read, n) > MOST:
        return Finding(
            Verdict.INSUFFICIENT, "range too narrow", "no decay is seen within the longest delays",
            Advice(window_times=5.0),
        )  # fmt: skip
    if low > high or _flat(read, n):
        return STILL
    return None


def _invisible(posterior: Posterior, n: int) -> Finding | None:
    """Object to a contrast, where it was measured here, that is not clearly there."""
    if posterior.levels.exact:
        return None
    mean, error = posterior.contrast
    if abs(mean[n]) > VISIBLE * error[n]:
        return None
    return Finding(
        Verdict.REJECTED, "no signal",
        f"the contrast is only {abs(mean[n]) / error[n]:.1f} times its error",
    )  # fmt: skip


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
