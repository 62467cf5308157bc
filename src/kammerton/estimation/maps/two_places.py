"""A line at two places, one after the other: where it changes, and how far it goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ENDS = 6  # in which part of the rows the first and the last are


def split_at(f: Array, bright: NDArray[np.bool_], width: float) -> int:
    """Return the row from which a line lies at its second place.

    f: its place in each row (B,). bright: rows that show it. width: of the line, in the unit of f.
    """
    best, split = np.inf, len(f) // 2
    for k in range(1, len(f)):
        cost = 0.0
        for part in (slice(0, k), slice(k, None)):
            mine = f[part][bright[part]]
            if len(mine):
                cost += float(np.minimum(np.abs(mine - np.median(mine)), 4 * width).sum())
        if cost < best - 1e-12:
            best, split = cost, k
    return split


def travelled(f: Array) -> float:
    """Return how far the first and the last of a line's places (B,) lie apart."""
    few = max(1, len(f) // ENDS)
    return float(abs(np.median(f[-few:]) - np.median(f[:few])))
