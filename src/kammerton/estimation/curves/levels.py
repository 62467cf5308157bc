"""Contrast and offset that are known from the readout's calibration, as the solver wants them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import CERTAIN
from kammerton.estimation.verdict.outcome import per_trace
from kammerton.model import TraceError

LEVELS = ("contrast", "offset")
LARGEST = 1.1  # of populations, for one that is measured has an error


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


def demand_contrast(contrast: NDArray[np.float64], batch: Batch) -> None:
    """Refuse a contrast (N,) that cannot be that of y, for laws whose whole swing is not seen.

    y that lies between 0 and 1 is taken for a population.

    Raises
    ------
    TraceError
        Says the contrast, and why.
    """
    y = np.where(batch.w > 0, batch.y + batch.level[:, None], np.nan)
    low, high, size = np.nanmin(y, axis=1), np.nanmax(y, axis=1), np.abs(contrast)
    for n in np.flatnonzero((low >= 0.0) & (high <= 1.0) & (size > LARGEST))[:1]:
        raise TraceError(
            f"contrast is {contrast[n]:g}, but y goes from {low[n]:.4g} to {high[n]:.4g}: it must "
            "have the unit of y, and is no more than 1 of a population"
        )
