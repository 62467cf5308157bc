"""What `kammerton fit` says of the envelope of Ramsey fringes, beside their values."""

from __future__ import annotations

from kammerton.estimation.curves.envelope import BETWEEN, EXPONENTIAL, GAUSSIAN, UNTOLD, envelope_of
from kammerton.estimation.files.columns import Chosen
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.numeric.prepare import Batch
from kammerton.model import Fit, Trace, Verdict

ALIKE = "two frequencies too close to be told apart look alike"
"""Exponential fringes of half a beat fall slowly at first, as those of another envelope do."""

WORDS = {
    EXPONENTIAL: "exponential, not Gaussian",
    GAUSSIAN: f"Gaussian, not exponential; {ALIKE}",
    BETWEEN: f"between exponential and Gaussian; {ALIKE}",
    UNTOLD: "exponential or Gaussian: these data do not tell",
}


def remarks(envelope: str | None) -> list[str]:
    """Return what is to be noted beside an envelope that a program reads by its name."""
    return [f"envelope: {ALIKE}"] if envelope in (GAUSSIAN, BETWEEN) else []


def envelope(read: Chosen[Trace] | Chosen[Grid], fit: Fit) -> str | None:
    """Return which envelope was found, a key of WORDS; None of other kinds.

    And of what is not accepted, or has two frequencies: those share an envelope that a beat hides.
    """
    trace = read.trace
    plain = fit.verdict is Verdict.ACCEPTED and "frequency_splitting" not in fit.values
    if fit.kind != "ramsey" or not plain or not isinstance(trace, Trace):
        return None
    sigma = trace.sigma[None] if read.sigma_known else None
    batch = FIT_KINDS[fit.kind].prepare(trace.x, trace.y[None], sigma)
    return envelope_of(batch) if isinstance(batch, Batch) else None
