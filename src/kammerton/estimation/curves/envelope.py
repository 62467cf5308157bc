"""Which envelope Ramsey fringes have: an exponential, a Gaussian, or something between."""

from __future__ import annotations

from dataclasses import replace

from kammerton.estimation.curves.oscillation import SURELY_NOT, one_frequency
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import delta_cost

EXPONENTIAL, GAUSSIAN, BETWEEN, UNTOLD = "exponential", "Gaussian", "between", "not told"

TOLD = {
    (False, True): EXPONENTIAL,
    (True, False): GAUSSIAN,
    (True, True): BETWEEN,
    (False, False): UNTOLD,
}
"""By whether an exponential is ruled out, and a Gaussian."""


def envelope_of(batch: Batch) -> str:
    """Return the envelope of the one frequency of a single trace: one of TOLD.

    What chi-square rules out (1 in 1000 by chance), the fringes do not have: with one of both ruled
    out the other is named. White noise leaves an exponential, slow noise a Gaussian; so may half a
    beat of two exponential ones, or what is between both.
    """
    free = one_frequency(batch)
    pure = [one_frequency(replace(batch, shape=shape)) for shape in (0.0, 1.0)]
    first, second = (bool(delta_cost(batch, each, free)[0] > SURELY_NOT) for each in pure)
    return TOLD[first, second]
