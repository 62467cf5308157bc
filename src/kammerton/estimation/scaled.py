"""Traces whose numbers are so large or small that their squares are no numbers any more."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.arrays import numbers
from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.model import TraceError

Array = NDArray[np.float64]

USUAL = 1e-30, 1e30  # largest |y| of a trace that is fitted as it is
LEAST, MOST = 1e-15, 1e30  # sigma in parts of the largest |y|: rounding, and nothing known
KNOWN = ("contrast", "offset")  # what may be known in the unit of y
ORDERS = 1e4  # times the largest y: of a level so far beyond what is seen no shots tell a part
FOUND = ("amplitude", "offset", "visibility", "slope")  # of the unit of y, if they have none
VOLTS = ("readout_threshold", "readout_contrast", "cloud_width", "centre_")


def ordinary(y: ArrayLike, sigma: ArrayLike | None, axes: int) -> bool:
    """Return whether arrays are of the usual kind and size, so that nothing is to be scaled.

    False says only that a closer look is needed.
    """
    if not _plain(y) or y.ndim not in (axes, axes + 1) or y.size == 0:
        return False
    rows = np.ascontiguousarray(y).view(np.float64).reshape(1 if y.ndim == axes else len(y), -1)
    if sigma is None or isinstance(sigma, float):
        return all_usual(rows, np.full((1, 1), 0.0 if sigma is None else sigma))
    if not _plain(sigma) or sigma.dtype != np.float64 or sigma.shape != y.shape:
        return False
    return all_usual(rows, np.ascontiguousarray(sigma).reshape(len(rows), -1))


def _plain(array: object) -> TypeGuard[NDArray[Any]]:
    return type(array) is np.ndarray and array.dtype in (np.float64, np.complex128)


@careful_kernel
def all_usual(rows: Array, sigma: Array) -> bool:
    """Return whether the largest of every row (N, R) is usual, and so is its sigma (1 or N, S)."""
    for n in range(rows.shape[0]):
        size = 0.0
        for i in range(rows.shape[1]):
            if math.isnan(rows[n, i]):
                return False
            size = max(size, abs(rows[n, i]))
        if not (size == 0.0 or USUAL[0] <= size <= USUAL[1]):
            return False
        own, k = size if size > 0.0 else 1.0, n if sigma.shape[0] > 1 else 0
        for i in range(sigma.shape[1]):
            if not LEAST * own <= sigma[k, i] <= MOST * own and sigma[k, i] != 0.0:
                return False
    return True


def largest(y: ArrayLike, axes: int) -> Array | None:
    """Return the largest |y| of each trace (N,), NaN for none; None where y is no such array."""
    try:
        values = numbers(y, "y")
    except TraceError:
        return None
    if values.size == 0 or values.ndim not in (axes, axes + 1):
        return None
    rows = values.reshape(1 if values.ndim == axes else len(values), -1)
    return np.asarray(np.fmax.reduce(np.abs(np.ascontiguousarray(rows).view(np.float64)), axis=1))


def demand_levels(known: dict[str, object], y: ArrayLike, axes: int) -> None:
    """Refuse a contrast or an offset that is beyond y by orders of magnitude.

    Raises
    ------
    TraceError
        Says which, and how large y is.
    """
    given = [name for name in KNOWN if known.get(name) is not None]
    size = largest(y, axes) if given else None
    most = 0.0 if size is None else float(np.fmax.reduce(size, initial=0.0))
    for name in given if most > 0 else ():
        level = np.abs(numbers(known[name], name))
        if np.any(np.isfinite(level) & (level > ORDERS * most)):
            raise TraceError(
                f"{name} is {float(level.max()):g}, but y goes no further than {most:.4g}: it must "
                "have the unit of y"
            )


def scale_of(size: Array) -> Array | None:
    """Return a power of two for each trace, that makes it 2 to 4 in size; None where all are usual.

    More than 1, so that no trace is taken for a population that was none.
    """
    odd = np.isfinite(size) & (size > 0) & ((size < USUAL[0]) | (size > USUAL[1]))
    if not odd.any():
        return None
    return np.where(odd, np.exp2(np.floor(np.log2(np.where(odd, size, 1.0))) - 1.0), 1.0)


def bounded(sigma: ArrayLike | None, size: Array) -> ArrayLike | None:
    """Return sigma, where it is what no measurement can have, at the bounds of what one can."""
    try:
        noise = None if sigma is None else numbers(sigma, "sigma")
    except TraceError:
        return sigma
    if noise is None or np.iscomplexobj(noise):
        return sigma
    own = np.where(size > 0, size, 1.0)
    if noise.ndim < 2 or len(noise) != len(own):
        low, high = LEAST * own.min(), MOST * own.max()
    else:
        each = own.reshape(-1, *(1,) * (noise.ndim - 1))
        low, high = LEAST * each, MOST * each
    odd = (noise > 0) & ((noise < low) | (noise > high)) & np.isfinite(noise)
    return np.where(odd, np.clip(noise, low, high), noise) if odd.any() else sigma


def shrunk(values: ArrayLike, scale: Array, axes: int) -> NDArray[Any]:
    """Return arrays (...) or (N, ...) over the scale (N,) of each trace."""
    array = numbers(values, "y")
    array = array[None] if array.ndim == axes else array
    return np.asarray(array / scale.reshape(-1, *(1,) * axes))


def grown(values: dict[str, Array], units: dict[str, str], scale: Array) -> dict[str, Array]:
    """Return numbers found in a shrunk trace as those of the trace itself."""
    return {
        name: value * scale if of_y(name, units[name]) else value for name, value in values.items()
    }


def of_y(name: str, unit: str) -> bool:
    """Whether a number has the unit of y."""
    return (name in FOUND and not unit) or name.startswith(VOLTS)
