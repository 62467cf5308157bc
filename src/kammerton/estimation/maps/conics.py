"""Two branches that avoid each other as a conic in bias and frequency: linear in five numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_G = 1e-3  # windows at which g starts at least


def conic(b: Array, f: Array) -> Array:
    """Return what a conic through points (..) is a sum of, beside f^2 (.., 5)."""
    return np.stack([f * b, f, b * b, b, np.ones_like(b)], axis=-1)


def branches_of(solved: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return theta (.., 5) of conics about the middle, and which are pairs of branches."""
    fb, f1, bb, b1, one = (solved[..., k] for k in range(5))
    square, linear, rest = 0.25 * fb**2 - bb, 0.5 * fb * f1 - b1, 0.25 * f1**2 - one
    safe = np.where(square > 1e-6, square, 1.0)
    place = -0.5 * linear / safe
    gap = rest - safe * place**2
    right = np.asarray((square > 1e-6) & (gap > -0.01) & (np.abs(place) < 3.0))
    theta = np.stack([
        0.5 - 0.5 * (fb * place + f1), 0.5 + place, -0.5 * fb, np.sqrt(safe),
        np.sqrt(np.maximum(gap, LEAST_G**2)),
    ], axis=-1)  # fmt: skip
    return theta, right
