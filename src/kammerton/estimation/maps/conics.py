"""Two branches that avoid each other as a conic in bias and frequency: linear in five numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arcs import BRIGHT, Candidates
from kammerton.estimation.maps.ridge import SOLID, Columns

Array = NDArray[np.float64]

FIVES = 300  # times that five bright points are drawn
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


def chance_of(points: Candidates) -> Array:
    """Return how likely each bright point is drawn, in parts of one sum."""
    return np.where(points.height > BRIGHT, np.minimum(points.height, SOLID), 0.0)


def drawn(
    points: Candidates, chance: Array, rng: np.random.Generator, times: int, count: int
) -> tuple[NDArray[np.intp], Array]:
    """Return columns and frequencies (times, count) of random bright points."""
    which = rng.choice(chance.size, size=(times, count), p=chance.ravel() / chance.sum())
    column, rank = np.unravel_index(which, chance.shape)
    return column, points.f[column, rank]


def through(c: Columns, points: Candidates, chance: Array, rng: np.random.Generator) -> Array:
    """Return theta (T, 5) of the conics through random fives of bright points."""
    column, f = drawn(points, chance, rng, FIVES, 5)
    basis, f = conic(c.b[column] - 0.5, f - 0.5), f - 0.5
    good = np.abs(np.linalg.det(basis)) > 1e-9
    solved = np.linalg.solve(basis[good], -(f[good] ** 2)[:, :, None])[:, :, 0]
    theta, right = branches_of(solved)
    return np.asarray(theta[right])
