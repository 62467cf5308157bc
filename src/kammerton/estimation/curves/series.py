"""Several sweeps over one axis, taken together: x = (series, axis), y (S, M) or (N, S, M)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.arrays import noise_of, numbers
from kammerton.estimation.numeric.prepare import Batch, prepare
from kammerton.estimation.numeric.reweighing import weighed_again
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
    labels, axis, values = _labels(x[0]), numbers(x[1], "the swept axis"), numbers(y, "y")
    if exactly is not None and len(labels) != exactly:
        raise TraceError(f"x has {len(labels)} series; this kind has {exactly}")
    if axis.ndim != 1:
        raise TraceError(f"the swept axis has {axis.ndim} dimensions; it must be (M,)")
    shape = (len(labels), len(axis))
    if values.ndim not in (2, 3) or values.shape[-2:] != shape:
        raise TraceError(f"y has shape {values.shape}; it must be {shape} or (N, {shape[0]}, "
                         f"{shape[1]})")  # fmt: skip
    if not values.size:
        raise TraceError("y holds no trace" if all(shape) else "an axis of x holds no point")
    values = values.reshape(-1, *shape)
    noise = None if sigma is None else noise_of(sigma, values.shape)
    order = np.argsort(labels, kind="stable")
    rows = [(values[:, k], None if noise is None else noise[:, k]) for k in order]
    return Series(labels[order], axis, np.argsort(order), rows)


def _labels(values: ArrayLike) -> Array:
    labels = numbers(values, "the axis of series")
    if np.iscomplexobj(labels):
        raise TraceError("the axis of series is complex; it must be real")
    if labels.ndim != 1 or not np.isfinite(labels).all():
        raise TraceError("the series must be numbers (S,), one for each")
    if len(np.unique(labels)) < len(labels):
        raise TraceError("a series is there twice")
    return labels


@dataclass(frozen=True, eq=False)
class Joined:
    """Series as one batch, one after the other, each in order of its axis.

    labels (S,) ascending; axis (M,) in windows from 0 to 1, of `length` from `low`. back, places:
    where each of the caller's series, and each of their points, is.
    """

    batch: Batch
    labels: Array
    axis: Array
    low: float
    length: float
    back: NDArray[np.intp]
    places: NDArray[np.intp]

    @property
    def traces(self) -> int:
        """N."""
        return self.batch.traces

    @property
    def window(self) -> Array:
        """Length of the swept axis (N,)."""
        return np.full(self.traces, self.length)

    def of_shots(self, shots: Array) -> Joined:
        """Return them as populations of so many shots (N, S, M), in the caller's order."""
        ordered = shots[:, np.argsort(self.back)][:, :, np.argsort(self.places)]
        return replace(self, batch=self.batch.of_shots(ordered.reshape(len(shots), -1)))

    def restore(self, curve: Array) -> Array:
        """Return fitted values (N, S, M) in the order of the caller's series and points."""
        whole: Array = self.batch.restore(curve)
        return whole.reshape(len(curve), len(self.labels), -1)[:, self.back][:, :, self.places]


def joined(parts: Series, least: int, what: str) -> Joined:
    """Put series after one another; `what` is swept.

    Raises
    ------
    TraceError
        The axis cannot be used, or y holds fewer than `least` points.
    """
    axis = parts.x
    if np.iscomplexobj(axis):
        raise TraceError(f"the {what} are complex; they must be real")
    if not np.isfinite(axis).all() or axis.size == 0 or np.ptp(axis) <= 0:
        raise TraceError(f"the {what} must be finite, and not all the same")
    order = np.argsort(axis, kind="stable")
    ys = np.concatenate([row[0][:, order] for row in parts.rows], axis=1)
    noise = [row[1][:, order] for row in parts.rows if row[1] is not None]
    batch = prepare(
        np.arange(ys.shape[1]), ys, np.concatenate(noise, axis=1) if noise else None,
        complex_too=False, from_zero=False, least=least,
    )  # fmt: skip
    low, length = float(axis.min()), float(np.ptp(axis))
    return Joined(batch, parts.labels, (axis[order] - low) / length, low, length, parts.back,
                  np.argsort(order))  # fmt: skip


def series_again(parts: Joined, curve: Array) -> tuple[NDArray[np.intp], Joined] | None:
    """Return what a fit's curve weighs anew, see `weighed_again`.

    Averages over neighbours mix the ends of two series.
    """
    again = weighed_again(parts.batch, curve)
    return None if again is None else (again[0], replace(parts, batch=again[1]))
