"""Maps without a line, for kinds over two axes: nothing of these may be accepted."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Maker = Callable[[np.random.Generator, int, int, int], Array]


def how_many(few: int) -> int:
    """Return how many maps of a class are tried: `few`, or KAMMERTON_MAPS (make prove-maps)."""
    return int(os.environ.get("KAMMERTON_MAPS", few))


def how_many_traces(few: int) -> int:
    """Return how many traces of a class are tried: `few`, or KAMMERTON_TRACES (make prove-fits)."""
    return int(os.environ.get("KAMMERTON_TRACES", few))


def noise(rng: np.random.Generator, n: int, a: int, b: int) -> Array:
    return rng.normal(size=(n, a, b))


def _with(more: Maker) -> Maker:
    return lambda rng, n, a, b: noise(rng, n, a, b) + more(rng, n, a, b)


def _plane(rng: np.random.Generator, n: int, a: int, b: int) -> Array:
    slopes = 20 * rng.normal(size=(2, n, 1, 1))
    return slopes[0] * np.linspace(0, 1, a)[:, None] + slopes[1] * np.linspace(0, 1, b)


def _row(rng: np.random.Generator, n: int, a: int, b: int) -> Array:
    at = rng.integers(0, a, size=(n, 1, 1))
    return 10.0 * (np.arange(a)[:, None] == at) * np.ones(b)


def _step(rng: np.random.Generator, n: int, a: int, b: int) -> Array:
    at = rng.integers(4, b - 4, size=(n, 1, 1))
    return 20.0 * (np.arange(b) > at) * np.ones((a, 1))


NOTHING: dict[str, Maker] = {
    "noise": noise,
    "stripes along the first axis": _with(lambda rng, n, a, b: 5 * rng.normal(size=(n, 1, b))),
    "stripes along the second axis": _with(lambda rng, n, a, b: 5 * rng.normal(size=(n, a, 1))),
    "plane": _with(_plane),
    "one row": _with(_row),
    "step": _with(_step),
    "walk in each row": _with(lambda rng, n, a, b: np.cumsum(noise(rng, n, a, b), axis=2)),
    "walk in each column": _with(lambda rng, n, a, b: np.cumsum(noise(rng, n, a, b), axis=1)),
    "walk of all rows": _with(
        lambda rng, n, a, b: 2 * np.cumsum(rng.normal(size=(n, 1, b)), axis=2) * np.ones((a, 1))
    ),
    "stray points": lambda rng, n, a, b: (
        noise(rng, n, a, b) + 30.0 * (rng.random((n, a, b)) < 0.02)
    ),
}
