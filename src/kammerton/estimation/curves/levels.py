"""Contrast and offset that are known from the readout's calibration, as the solver wants them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import CERTAIN
from kammerton.estimation.verdict.outcome import per_trace

LEVELS = ("contrast", "offset")


def known_levels(batch: Batch, known: dict[str, object]) -> NDArray[np.float64] | None:
    """Return weight and value of both levels (N, 2, 2), 0 of what is not known; None if neither.

    For laws whose first two linear parameters are the contrast and the offset.
    """
    prior = np.zeros((batch.traces, 2, 2))
    for column, name in enumerate(LEVELS):
        value = per_trace(known, name, batch)
        if value is not None:
            prior[:, 0, column] = CERTAIN * (batch.w**2).sum(axis=1)
            prior[:, 1, column] = value - (batch.level if name == "offset" else 0.0)
    return prior if any(known.get(name) is not None for name in LEVELS) else None
