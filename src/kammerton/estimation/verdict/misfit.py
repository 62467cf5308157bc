"""What is said of a trace that does not follow its law, or scatters more than its errors say."""

from __future__ import annotations

import math

import numpy as np

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Evidence

DRIFTS = -6.0  # delta-BIC over a random walk below which drift explains a trace better
FLAT = "a constant"
ANOTHER = "the law is another"
SWINGS = (
    "oscillation",
    "cosine",
)  # words of laws that look like noise between points too far apart


def misfit(batch: Batch, evidence: Evidence, n: int, law: str) -> str:
    """Return how trace n misses `law`, e.g. "an exponential decay"."""
    if evidence.even[n]:
        return _scatter(batch, evidence, n, law, _instead(law, "one"))
    chi2 = evidence.chi2_reduced[n]
    size = "" if np.isnan(chi2) else f" (reduced chi-square {chi2:.2f})"
    drift = "; drift explains them better" if evidence.gain_walk[n] < DRIFTS else ""
    return f"the data do not follow {law}: the residuals are not noise{size}{drift}"


def too_few(batch: Batch, n: int, law: str) -> str:
    """Return what is said of a plain signal in trace n that so few points do not tell."""
    return f"{batch.rows[n] // batch.parts} points are too few to tell {law}: sweep more"


def neither(batch: Batch, evidence: Evidence, n: int, law: str) -> str:
    """Return what is said of a trace n without a signal of `law` that is not flat either."""
    if evidence.even[n]:
        return _scatter(batch, evidence, n, FLAT, _instead(law, law))
    return f"the trace is not flat, but does not follow {law} either"


def _instead(law: str, named: str) -> str:
    """Return what else scatters like noise: points that are too far apart for a law that swings."""
    swings = any(word in law for word in SWINGS)
    return f"it is {named} too fast for these points" if swings else ANOTHER


def _scatter(batch: Batch, evidence: Evidence, n: int, about: str, instead: str = ANOTHER) -> str:
    chi2 = float(evidence.chi2_reduced[n])
    times = f"{math.sqrt(chi2):.2g}" if chi2 < 1e4 else f"{math.sqrt(chi2):.0f}"
    size = f"(reduced chi-square {chi2:.3g})" if chi2 < 100 else f"(reduced chi-square {chi2:.0f})"
    if batch.shots is None:
        errors = "given" if batch.variance is not None else "that repetitions tell"
        return (
            f"the errors {errors} are {times} times too small for the scatter about {about}, which "
            f"looks like noise {size}; or {instead}"
        )
    shots = float(np.median(batch.shots[n if len(batch.shots) > 1 else 0]))
    return (
        f"the scatter about {about} looks like noise, but is {times} times that of {shots:.0f} "
        f"shots {size}: it is that of {max(shots / chi2, 1.0):.0f} shots, or {instead}"
    )
