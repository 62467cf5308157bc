"""Points of an accepted trace that scatter far more than their errors say: it is kept, and said."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.findings import ACCEPTED, Findings

FAR_MORE = 4.0  # reduced chi-square that is worth a word


def name_small_errors(findings: Findings, batch: Batch, chi2: NDArray[np.float64]) -> None:
    """Add to the reasons of accepted traces how many times their errors are too small.

    chi2: reduced (N,), NaN without sigma. The law follows these to a small part of the signal, or
    they would be refused; error bars are those of the scatter wherever chi-square disproves sigma.
    """
    with np.errstate(invalid="ignore"):
        which = np.flatnonzero((chi2 > FAR_MORE) & (findings.verdict == ACCEPTED))
    said = "their errors" if batch.shots is None else "their shots"
    for n in which.tolist():
        times = math.sqrt(chi2[n])
        many = f"{times:.0f}" if times >= 100 else f"{times:.2g}"
        findings.reason[n] += (
            f"; the points scatter {many} times more than {said} say: the error "
            "bars go by the scatter"
        )
