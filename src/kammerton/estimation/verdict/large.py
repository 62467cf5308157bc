"""Points that scatter far less than their errors allow: whatever the verdict, that is said."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtr

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.findings import Findings

FAR_LESS = 1 / 900  # reduced chi-square that no errors of the trace itself have: 30 times too large
COMPUTED = 1e-16  # and one of what was never measured: a law's own values have no scatter
BY_CHANCE = 1e-6


def name_large_errors(
    findings: Findings, batch: Batch, chi2: NDArray[np.float64], values: int
) -> None:
    """Add to the reasons how many times the errors are too large, where no chance makes them so.

    chi2: reduced (N,), NaN without sigma; values: how many were fitted.
    """
    with np.errstate(invalid="ignore"):
        which = ((chi2 > COMPUTED) & (chi2 < FAR_LESS)).nonzero()[0]
    told = "errors" if batch.shots is None else "shots"
    for n in which.tolist():
        freedom = max(int(batch.rows[n]) - values, 1)
        if float(chdtr(freedom, freedom * chi2[n])) < BY_CHANCE:
            findings.reason[n] += (
                f"; the points scatter {1 / math.sqrt(chi2[n]):.2g} times less than their {told} "
                "say: look for the unit and the column of these"
            )
