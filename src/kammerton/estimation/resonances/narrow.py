"""A line between two points: it is there, and of its shape the points tell nothing.

The narrowest line that is fitted misses the one or two points that a narrower one moves. Everywhere
else what it leaves is noise, which of another law's trace it is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import UNLIKELY, Evidence, limits
from kammerton.estimation.verdict.findings import NARROW, Findings, sampled_too_coarsely

Array = NDArray[np.float64]

AROUND = 2.5  # distances of points from a line's centre within which it may move some


def judge_narrow(
    findings: Findings, batch: Batch, evidence: Evidence, residual: Array,
    line: tuple[Array, Array], clear: float,
) -> None:  # fmt: skip
    """Say that the points are too far apart, where all misfit is at a line as narrow as that.

    residual: (N, R). line: its centre and width in windows (N,). clear: delta-BIC over none.
    """
    centre, width = line
    step = 1.0 / (batch.points - 1)
    narrow = evidence.misfit & (width < NARROW * step) & (evidence.gain_flat > clear)
    which = (narrow & findings.is_open() & batch.known_noise).nonzero()[0]
    if len(which) == 0:
        return
    x = np.broadcast_to(batch.x, (batch.traces, batch.points))[which]
    far = np.abs(x - centre[which, None]) > AROUND * step
    far = np.tile(far, batch.parts) & (batch.w[which] > 0)
    rest = np.where(far, residual[which] ** 2, 0.0).sum(axis=1)
    narrow[which] = rest < limits(far.sum(axis=1), UNLIKELY)
    sampled_too_coarsely(
        findings, narrow, batch.column(batch.zero) + batch.column(batch.span) * centre
    )
