"""What `kammerton fit` says of the envelope of Ramsey fringes, beside their values."""

from __future__ import annotations

from kammerton.estimation.curves.envelope import BETWEEN, EXPONENTIAL, GAUSSIAN, UNTOLD, envelope_of
from kammerton.estimation.files.columns import Chosen
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.numeric.prepare import Batch
from kammerton.model import Fit, Trace, Verdict

WORDS = {
    EXPONENTIAL: "exponential (white noise, relaxation), not Gaussian",
    GAUSSIAN: "Gaussian (slow noise), not exponential",
    BETWEEN: "between exponential and Gaussian",
    UNTOLD: "exponential or Gaussian: these data do not tell",
}


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
