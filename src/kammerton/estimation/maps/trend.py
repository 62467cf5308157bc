"""A line that drifts through a map while it stands at one place after another.

Between its places a steady drift looks like a part of the distance, and takes all of what lies
between the middles of both sides. So the trend that both sides show is part of their errors: of
each place by as much as the trend goes from there to the change. So is that of a line that walks
slowly from the one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.tracks import Tracked

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HINT = 2.5  # errors from which a trend is told of
LEAST = 6  # columns that tell one


@dataclass(frozen=True, eq=False)
class Track:
    """How columns at b, from 0 to 1, miss the one place of their side, and 1/variance (B,)."""

    b: Array
    off: Array
    weight: Array

    @property
    def middle(self) -> float:
        """Where the columns are that tell the place."""
        return float(np.average(self.b, weights=self.weight))


def track(fit: Tracked, kept: Mask, b: Array) -> Track:
    """Return how a side's columns miss its place, of those that are kept."""
    shift, error = (each[:, 0] for each in fit.pull.shift(1))
    return Track(b[kept], shift[kept], fit.weight[kept] / error[kept] ** 2)


def drifted(sides: Sequence[Track], change: float) -> Array:
    """Return by how much a trend moves both places from their middles to the change (2,).

    0 where the trend is chance.
    """
    slope, error = _slope(sides)
    if not abs(slope) > HINT * error:
        return np.zeros(2)
    return slope * np.array([change - s.middle if s.weight.any() else 0.0 for s in sides])


def outer(b: Array, change: float) -> Mask:
    """Return which columns of a side are in the half that is farther from the change."""
    away = np.abs(b - change)
    return np.asarray(away >= np.median(away)) if len(b) else np.zeros(0, dtype=bool)


def _slope(sides: Sequence[Track]) -> tuple[float, float]:
    """Return the slope that both sides have in common, and its error."""
    there = [side for side in sides if side.weight.any()]
    if sum(len(side.b) for side in there) < LEAST:
        return 0.0, np.inf
    w = np.concatenate([side.weight for side in there])
    away = np.concatenate([side.b - side.middle for side in there])
    off = np.concatenate([s.off - np.average(s.off, weights=s.weight) for s in there])
    size = max(float((w * away**2).sum()), 1e-300)
    slope = float((w * away * off).sum()) / size
    noise = float((w * (off - slope * away) ** 2).sum()) / max(1, len(w) - len(there) - 1)
    return slope, float(np.sqrt(max(1.0, noise) / size))
