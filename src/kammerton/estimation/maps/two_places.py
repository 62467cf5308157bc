"""A line at two places, one after the other: where it changes, and how far it goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.ridge import median

Array = NDArray[np.float64]

ALIKE = 1e-12  # windows: costs that differ by less are one
ENDS = 6  # in which part of the rows the first and the last are


def split_at(f: Array, bright: NDArray[np.bool_], width: float) -> int:
    """Return the row from which a line lies at its second place.

    f: its place in each row (B,). bright: rows that show it. width: of the line, in the unit of f.
    """
    if len(f) < 2:
        return len(f) // 2
    first = np.arange(len(f)) < np.arange(1, len(f))[:, None]
    cost = sum(_cost(f, bright & part, width) for part in (first, ~first))
    return 1 + int(np.argmax(cost <= np.min(cost) + ALIKE))


def _cost(f: Array, there: NDArray[np.bool_], width: float) -> Array:
    """Return how far the places that are there, of each of some choices (.., B), are from one."""
    away = np.minimum(np.abs(f - median(f, there, 1)), 4 * width)
    return np.asarray(np.where(there, away, 0.0).sum(axis=1))


def travelled(f: Array) -> float:
    """Return how far the first and the last of a line's places (B,) lie apart."""
    few = max(1, len(f) // ENDS)
    return float(abs(np.median(f[-few:]) - np.median(f[:few])))
