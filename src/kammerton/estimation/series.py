"""Several sweeps over one axis, taken together: x = (series, axis), y (S, M) or (N, S, M)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.arrays import noise_of
from kammerton.model import TraceError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Series:
    """labels (S,) in ascending order; x as given; rows: y (N, M) and sigma of each series.

    back: where each of the caller's series is among them.
    """

    labels: Array
    x: NDArray[Any]
    back: NDArray[np.intp]
    rows: list[tuple[NDArray[Any], NDArray[Any] | None]]


def split(
    x: tuple[ArrayLike, ArrayLike], y: ArrayLike, sigma: ArrayLike | None,
    exactly: int | None = None,
) -> Series:  # fmt: skip
    """Take the series apart, in order of their labels.

    Raises
    ------
    TraceError
        x is no pair of axes, or the shapes do not match.
    """
    if not isinstance(x, tuple) or len(x) != 2:
        raise TraceError("x must be two axes: (series, what is swept)")
    labels, axis, values = _labels(x[0]), np.asarray(x[1]), np.asarray(y)
    if exactly is not None and len(labels) != exactly:
        raise TraceError(f"x has {len(labels)} series; this kind has {exactly}")
    if axis.ndim != 1:
        raise TraceError(f"the swept axis has {axis.ndim} dimensions; it must be (M,)")
    shape = (len(labels), len(axis))
    if values.ndim not in (2, 3) or values.shape[-2:] != shape:
        raise TraceError(f"y has shape {values.shape}; it must be {shape} or (N, {shape[0]}, "
                         f"{shape[1]})")  # fmt: skip
    values = values.reshape(-1, *shape)
    noise = None if sigma is None else noise_of(sigma, values.shape)
    order = np.argsort(labels, kind="stable")
    rows = [(values[:, k], None if noise is None else noise[:, k]) for k in order]
    return Series(labels[order], axis, np.argsort(order), rows)


def _labels(values: ArrayLike) -> Array:
    try:
        labels = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TraceError(f"the series are not numbers: {error}") from error
    if labels.ndim != 1 or not np.isfinite(labels).all():
        raise TraceError("the series must be numbers (S,), one for each")
    if len(np.unique(labels)) < len(labels):
        raise TraceError("a series is there twice")
    return labels
