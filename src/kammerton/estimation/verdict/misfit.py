"""What is said of a trace that does not follow its law, or scatters more than its errors say."""

from __future__ import annotations

import math

import numpy as np

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Evidence

DRIFTS = -6.0  # delta-BIC over a random walk below which drift explains a trace better
FOUND = 60.0  # delta-BIC over no signal of an oscillation that was found, whatever scatters
FLAT = "a constant"
ANOTHER = "the law is another"
GIVEN = "the errors given"
SWINGS = (
    "oscillation",
    "cosine",
)  # words of laws that look like noise between points too far apart
LOST = {"a decaying oscillation": "the qubit is not where it was thought to be: look for it"}


def misfit(batch: Batch, evidence: Evidence, n: int, law: str) -> str:
    """Return how trace n misses `law`, e.g. "an exponential decay"."""
    if evidence.even[n]:
        found = evidence.gain_flat[n] > FOUND
        fading = None if found else _fading(batch, evidence, n, law, "a slower one")
        return fading or _scatter(batch, evidence, n, law, _instead(law, "one"))
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
        return _fading(batch, evidence, n, law, FLAT) or _scatter(
            batch, evidence, n, FLAT, _instead(law, law)
        )
    return f"the trace is not flat, but does not follow {law} either"


def _swings(law: str) -> bool:
    return any(word in law for word in SWINGS)


def _instead(law: str, named: str) -> str:
    """Return what else scatters like noise: points that are too far apart for a law that swings."""
    return f"it is {named} too fast for these points" if _swings(law) else ANOTHER


def _fading(batch: Batch, evidence: Evidence, n: int, law: str, about: str) -> str | None:
    """Return that a law swings too fast, if what looks like noise in trace n dies away."""
    if not _swings(law) or not evidence.dying[n]:
        return None
    shots = _shots(batch, n)
    said = f"{shots:.0f} shots have" if shots else f"{_errors(batch)} say"
    times, size = _size(float(evidence.chi2_reduced[n]))
    look = f"; {LOST[law]}" if law in LOST else ""
    return (
        f"it is {law} too fast for these points: the scatter about {about} is {times} times what "
        f"{said} {size}, and dies away along the sweep, as that of noise does not{look}"
    )


def _scatter(batch: Batch, evidence: Evidence, n: int, about: str, instead: str = ANOTHER) -> str:
    chi2 = float(evidence.chi2_reduced[n])
    times, size = _size(chi2)
    if not (shots := _shots(batch, n)):
        return (
            f"{_errors(batch)} are {times} times too small for the scatter about {about}, which "
            f"looks like noise {size}; or {instead}"
        )
    return (
        f"the scatter about {about} looks like noise, but is {times} times that of {shots:.0f} "
        f"shots {size}: it is that of {max(shots / chi2, 1.0):.0f} shots, or {instead}"
    )


def _shots(batch: Batch, n: int) -> float:
    """Return how many shots a point of trace n is of; 0 where nobody said it."""
    if batch.shots is None:
        return 0.0
    return float(np.median(batch.shots[n if len(batch.shots) > 1 else 0]))


def _errors(batch: Batch) -> str:
    return GIVEN if batch.variance is not None else "the errors that repetitions tell"


def _size(chi2: float) -> tuple[str, str]:
    """Return how many times the errors the scatter is, and chi-square in brackets."""
    times = f"{math.sqrt(chi2):.2g}" if chi2 < 1e4 else f"{math.sqrt(chi2):.0f}"
    number = f"{chi2:.3g}" if chi2 < 100 else f"{chi2:.0f}"
    return times, f"(reduced chi-square {number})"
