"""Whether what a damped oscillation follows only relaxes: falls or rises, and never turns back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.decay_fit import relaxation
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Evidence
from kammerton.estimation.verdict.findings import Findings
from kammerton.model import Advice

Array = NDArray[np.float64]

GONE, HARDLY_SEEN = 0.25, 1.5  # periods within which it decays
WORTH = 2.0
"""In chi-square, what its one parameter more must gain (Akaike). More would refuse true ones."""


def judge_relaxing(
    findings: Findings, batch: Batch, evidence: Evidence, found: Derived, cost: Array
) -> None:
    """Object to what decays, or grows, before it turns, and to what a relaxation follows as well.

    cost: of the oscillation's fit (N,), which has one parameter more than a relaxation.
    """
    periods = found.values["t_rabi"] / found.values["period"]
    findings.rejected(
        np.abs(periods) < GONE, "model does not fit",
        "the signal decays, or grows, within a quarter of a period: no oscillation is seen",
    )  # fmt: skip
    which = np.flatnonzero(findings.is_open() & (np.abs(periods) < HARDLY_SEEN))
    if len(which) == 0:
        return
    part, relaxes = batch.take(which), np.zeros(batch.traces, dtype=np.bool_)
    gain = (relaxation(part) - cost[which]) / np.maximum(evidence.noise[which], 1e-300)
    relaxes[which] = gain < WORTH
    findings.insufficient(
        relaxes, "range too narrow",
        "a signal that only relaxes would follow the data as well: no second turn is seen",
        Advice(window_times=2.0),
    )  # fmt: skip
