"""Traces that cannot share a batch: what one lacks must not change how another is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.verdict.kind import Kind, Prepared

Arrays = tuple[Any, ArrayLike, ArrayLike | None]


def families(
    how: Kind, prepared: Prepared, y: ArrayLike, sigma: ArrayLike | None
) -> list[NDArray[np.intp]]:
    """Return the traces (N,) in groups, each to be fitted by itself; one group where all agree.

    A trace without any usable sigma is fitted as one without sigma, whatever its companions have;
    a kind may have more to tell apart.
    """
    if np.ndim(y) <= how.axes or np.shape(y)[0] == 1:
        return [np.zeros(1, dtype=np.intp)]
    told = how.unlike(prepared) * 2 + _usable(sigma, np.shape(y))
    if (told == told[0]).all():
        return [np.arange(len(told))]
    return [np.flatnonzero(told == each) for each in np.unique(told)]


def _usable(sigma: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return 1 where a trace has a sigma (N,)."""
    if sigma is None or np.shape(sigma) != shape:
        return np.zeros(shape[0], dtype=np.intp)
    noise = np.asarray(sigma).reshape(shape[0], -1)
    if noise.size and noise.min() > 0 and noise.max() < np.inf:
        return np.ones(shape[0], dtype=np.intp)
    good: NDArray[np.intp] = (np.isfinite(noise) & (noise > 0)).any(axis=1).astype(np.intp)
    return good


def some_of(
    how: Kind, x: Any, y: ArrayLike, sigma: ArrayLike | None, which: NDArray[np.intp]
) -> Arrays:
    """Return the caller's arrays for some traces only."""
    of_each = how.axes == 1 and np.ndim(x) == 2 and len(x) > 1
    own = sigma is not None and np.shape(sigma) == np.shape(y)
    return (
        _rows(x, which) if of_each else x, _rows(y, which),
        _rows(sigma, which) if own else sigma,
    )  # fmt: skip


def _rows(array: Any, which: NDArray[np.intp]) -> Any:
    return (array if isinstance(array, np.ndarray) else np.asarray(array))[which]
