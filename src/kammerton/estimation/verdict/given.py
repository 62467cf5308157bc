"""What was given for certain has no error: the large weight that holds it is no measurement."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.arrays import numbers

Array = NDArray[np.float64]

LEVELS = ("contrast", "offset")
LEFT_OVER = 1e-9  # of the levels: what is left where one of them was held at 0
HELD = 0.01  # of the error of the mean of all points; no level can be measured better


def without_error(
    known: dict[str, object], y: ArrayLike, curve: NDArray[Any], stderr: dict[str, Array]
) -> dict[str, Array]:
    """Return standard errors (N,) by name, 0 where a value is only what was given.

    y: as it was given, NaN where a point is missing; curve: what was fitted (N, ...).
    """
    given = {name for name, value in known.items() if value is not None}
    found = dict(stderr)
    if "period" in given and "period" in found:
        found["period"] = _nothing(found["period"], np.isfinite(found["period"]))
    if given & set(LEVELS):
        rows = np.abs(numbers(y, "y").reshape(curve.shape) - curve).reshape(len(curve), -1)
        least = HELD * np.sqrt(np.nansum(rows**2, axis=1)) / np.isfinite(rows).sum(axis=1)
        for name in ("amplitude", "offset"):
            found[name] = _nothing(found[name], found[name] < least)
    return found


def without_rounding(values: dict[str, Array], stderr: dict[str, Array]) -> dict[str, Array]:
    """Return values (N,) by name; 0 where a given level is so small that it is rounding."""
    found, levels = dict(values), [values[n] for n in ("amplitude", "offset") if n in values]
    least = LEFT_OVER * sum(np.abs(each) for each in levels)
    for name in {"amplitude", "offset"} & values.keys():
        found[name] = np.where(
            (stderr[name] == 0) & (np.abs(found[name]) < least), 0.0, found[name]
        )
    return found


def _nothing(error: Array, where: NDArray[np.bool_]) -> Array:
    return np.where(where, 0.0, error)
