"""Points of an accepted trace that scatter far more than their errors say: it is kept, and said.

But errors that are 30 times too small for what is noise are not those of this trace, and test
nothing. Where the rest is no noise, it is a law's: of a cable's ripple, as little of the signal as
nobody would refuse without errors.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import PORTMANTEAU, RELATED_KNOWN
from kammerton.estimation.verdict.findings import ACCEPTED, NOTHING, REJECTED, Findings
from kammerton.estimation.verdict.traits import clumped

FAR_MORE = 4.0  # reduced chi-square that is worth a word
IMPOSSIBLE = 900.0  # and one that no errors of the trace itself have


def name_small_errors(
    findings: Findings, batch: Batch, chi2: NDArray[np.float64], curve: NDArray[Any]
) -> None:
    """Add to the reasons of accepted traces how many times their errors are too small.

    chi2: reduced (N,), NaN without sigma. curve: the fitted y (N, R) as the batch holds it. The law
    follows these to a small part of the signal, or they would be refused; error bars are those of
    the scatter wherever chi-square disproves sigma.
    """
    _refuse_impossible(findings, batch, chi2, curve)
    with np.errstate(invalid="ignore"):
        which = ((chi2 > FAR_MORE) & (findings.verdict == ACCEPTED)).nonzero()[0]
    said = _told(batch)
    for n in which.tolist():
        times = math.sqrt(chi2[n])
        many = f"{times:.0f}" if times >= 100 else f"{times:.2g}"
        findings.reason[n] += (
            f"; the points scatter {many} times more than {said} say: the error "
            "bars go by the scatter"
        )


def _refuse_impossible(
    findings: Findings, batch: Batch, chi2: NDArray[np.float64], curve: NDArray[Any]
) -> None:
    """Reject accepted traces whose errors cannot be their own, however well the law follows."""
    with np.errstate(invalid="ignore"):
        which = ((chi2 > IMPOSSIBLE) & (findings.verdict == ACCEPTED)).nonzero()[0]
    if len(which) == 0:
        return
    some = batch.take(which)
    left = (some.y - curve[which]) * some.w
    for n in which[~clumped(some, left, RELATED_KNOWN, PORTMANTEAU)].tolist():
        findings.verdict[n], findings.status[n] = REJECTED, "model does not fit"
        findings.advice[n] = NOTHING
        findings.reason[n] = (
            f"the points lie {math.sqrt(chi2[n]):.0f} times as far from the law as {_told(batch)} "
            "allow, and yet follow it: these cannot be those of this trace; look for their unit "
            "and their column, or fit without them"
        )


def _told(batch: Batch) -> str:
    return "their errors" if batch.shots is None else "their shots"
