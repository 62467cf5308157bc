"""From the caller's arrays to a batch that the solver can take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.arrays import noise_of, numbers
from kammerton.estimation.numeric.weights import learned, smoothed, valid
from kammerton.model import TraceError

Array = NDArray[np.float64]

ROUNDING = 1e-14  # relative scatter below which a trace is constant but for rounding


@dataclass(frozen=True, eq=False)
class Batch:
    """N traces of M points in order of x.

    x: (K, M) with K = 1 or N, in units of the window, from the origin `zero` (K, 1); `span` (K, 1).
    step: (K,) the uniform spacing, or 0. y: (N, parts * M), [Re; Im] if complex, less its mean
    `level` (N,) if real; 0 where missing, and everywhere in a constant trace, whose level is its
    value. w: (N, parts * M) 1/sigma, 0 where missing.
    known_noise: sigma was given; then a cost is a chi-square. Otherwise w is 1/std(y).
    variance: (N, M) as given, NaN where invalid. apart: (N, M), which are unlike their neighbours'.
    """

    x: Array
    step: Array
    y: Array
    w: Array
    zero: Array
    span: Array
    level: NDArray[Any]
    parts: int
    known_noise: bool
    order: NDArray[np.intp]
    variance: Array | None = None
    apart: NDArray[np.bool_] | None = None

    @property
    def traces(self) -> int:
        """N."""
        return int(self.y.shape[0])

    @property
    def points(self) -> int:
        """M."""
        return int(self.x.shape[1])

    @cached_property
    def constant(self) -> NDArray[np.bool_]:
        """Whether every point of a trace has the same value (N,)."""
        return np.asarray(~self.y.any(axis=1))

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """How many numbers count in each trace (N,)."""
        return np.asarray(np.count_nonzero(self.w, axis=1))

    @property
    def begins_at_zero(self) -> bool:
        """Whether x = 0 is where the law has it; a window far from zero has its own origin."""
        return not self.zero.any()

    @property
    def window(self) -> Array:
        """Length of each trace's window in the unit of x (N,)."""
        return self.column(self.span)

    def take(self, which: NDArray[Any]) -> Batch:
        """Return the batch of some traces only."""
        axis = which if self.x.shape[0] > 1 else slice(None)
        return replace(
            self, x=self.x[axis], step=self.step[axis], y=self.y[which], w=self.w[which],
            zero=self.zero[axis], span=self.span[axis], level=self.level[which],
            variance=None if self.variance is None else self.variance[which],
            apart=None if self.apart is None else self.apart[which],
        )  # fmt: skip

    def with_y(self, y: Array, w: Array | None = None) -> Batch:
        """Return the batch with other y (and w)."""
        return replace(self, y=np.ascontiguousarray(y), w=self.w if w is None else w)

    def column(self, per_axis: Array) -> Array:
        """Return a (K, 1) quantity of the axis as (N,)."""
        return np.broadcast_to(per_axis[:, 0], (self.traces,))

    def restore(self, curve: Array) -> NDArray[Any]:
        """Return a curve (N, parts * M) in the caller's order, complex where y was."""
        if self.parts == 2:
            sorted_: NDArray[Any] = curve[:, : self.points] + 1j * curve[:, self.points :]
        else:
            sorted_ = curve
        sorted_ = sorted_ + self.level[:, None]
        if len(self.order) == 1 and (np.diff(self.order[0]) == 1).all():
            return sorted_
        restored = np.empty_like(sorted_)
        order = np.broadcast_to(self.order, sorted_.shape)
        np.put_along_axis(restored, order, sorted_, axis=1)
        return restored


def prepare(
    x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None, *, complex_too: bool, from_zero: bool,
    least: int,
) -> Batch:  # fmt: skip
    """Check the arrays and normalise them.

    complex_too: this kind takes complex y. from_zero: the law knows where x is 0 (a delay, an
    amplitude), so the origin stays unless it is more than a window away. least: fewest points.

    Raises
    ------
    TraceError
        Says which array cannot be used, and why.
    """
    ys = _values(y, complex_too=complex_too)
    xs = _axis(x, ys)
    noise = _noise(sigma, ys)
    _enough(ys, least)
    order = np.arange(xs.shape[1])[None]
    if not (np.diff(xs, axis=1) >= 0).all():
        order = np.argsort(xs, axis=1, kind="stable")
        xs = np.take_along_axis(xs, order, axis=1)
        ys = np.take_along_axis(ys, np.broadcast_to(order, ys.shape), axis=1)
        noise = None if noise is None else np.take_along_axis(
            noise, np.broadcast_to(order, noise.shape), axis=1)  # fmt: skip
    low, span = xs[:, :1], xs[:, -1:] - xs[:, :1]
    far = (np.abs(low) > span) & (np.abs(xs[:, -1:]) > span)
    zero = np.where(far, low, 0.0) if from_zero else low
    normal = np.ascontiguousarray((xs - zero) / span)
    return _weighted(ys, noise, normal, zero, span, order)


def _values(y: ArrayLike, *, complex_too: bool) -> NDArray[Any]:
    values = numbers(y, "y")
    if values.ndim == 1:
        values = values[None, :]
    if values.ndim != 2:
        raise TraceError(f"y has {values.ndim} dimensions; it must be (M,) or (N, M)")
    if np.iscomplexobj(values) and not complex_too:
        raise TraceError("y is complex; this kind of fit needs real values")
    if not whole(values) and np.isinf(values).any():
        raise TraceError("y holds infinite values")
    return values


def _axis(x: ArrayLike, y: NDArray[Any]) -> Array:
    if y.size == 0:
        raise TraceError("y holds no trace")
    axis = numbers(x, "x")
    if np.iscomplexobj(axis):
        raise TraceError("x is complex; it must be real")
    if axis.shape not in (y.shape, y.shape[1:]):
        raise TraceError(f"x has shape {axis.shape} but y has {y.shape}; x must be (M,) or (N, M)")
    axis = axis.reshape(-1, y.shape[1])
    if not np.isfinite(axis).all():
        raise TraceError("x holds NaN or infinite values")
    if axis.size == 0 or (np.ptp(axis, axis=1) <= 0).any():
        raise TraceError("x is constant; nothing was swept")
    return axis


def _noise(sigma: ArrayLike | None, y: NDArray[Any]) -> Array | None:
    if sigma is None:
        return None
    return noise_of(sigma, y.shape)


def _enough(y: NDArray[Any], least: int) -> None:
    if y.shape[1] >= least and len(y) and whole(y):
        return
    present = np.count_nonzero(~np.isnan(y), axis=1)
    if y.shape[0] == 0:
        raise TraceError("y holds no trace")
    which = f"trace {int(present.argmin())}" if len(present) > 1 else "y"
    if present.min() == 0:
        raise TraceError(f"{which} holds only missing points (NaN)")
    if present.min() < least:
        raise TraceError(
            f"{which} has {int(present.min())} points; "
            f"this law has {least - 1} parameters and needs at least {least}"
        )


def _weighted(
    y: NDArray[Any], noise: Array | None, x: Array, zero: Array, span: Array,
    order: NDArray[np.intp],
) -> Batch:  # fmt: skip
    parts = 2 if np.iscomplexobj(y) else 1
    missing = None if whole(y) else np.isnan(y)
    stacked, mean, scatter = _centred(y, missing)
    constant = scatter <= ROUNDING * np.abs(mean)
    known, variance, apart = noise is not None, None, None
    if noise is None or not (np.isfinite(noise) & (noise > 0)).any():
        known = False
        typical = np.where(constant, 1.0, np.maximum(scatter, 1e-12 * np.abs(mean)))
        w = np.ascontiguousarray(np.broadcast_to(1.0 / typical[:, None], y.shape))
    else:
        variance = valid(noise)
        near, apart = smoothed(variance)
        w = 1.0 / np.sqrt(near)
    w = w if missing is None else np.where(missing, 0.0, w)
    if constant.any():
        stacked[constant] = 0.0
    level = np.where(constant, mean, 0.0) if parts == 2 else mean
    return Batch(
        x, _steps(x), stacked, np.hstack([w] * parts) if parts > 1 else w, zero, span, level,
        parts, known, order, variance, apart,
    )  # fmt: skip


def whole(y: NDArray[Any]) -> bool:
    """Return whether every number is finite."""
    floats = y.view(np.float64) if np.iscomplexobj(y) and y.flags.c_contiguous else y
    return bool(np.isfinite(floats).all())


def _centred(
    y: NDArray[Any], missing: NDArray[np.bool_] | None
) -> tuple[Array, NDArray[Any], Array]:
    """Return y as rows of real numbers, less its mean if real; its mean, and its scatter (N,)."""
    n, m = y.shape
    filled = y if missing is None else np.where(missing, 0.0, y)
    count = m if missing is None else np.maximum(m - np.count_nonzero(missing, axis=1), 1)
    both = np.stack([filled.real, filled.imag], axis=1) if np.iscomplexobj(y) else filled[:, None]
    mean = both.sum(axis=2) / np.reshape(count, (-1, 1))
    apart = both - mean[:, :, None]
    if missing is not None:
        apart[np.broadcast_to(missing[:, None], apart.shape)] = 0.0
    scatter = np.sqrt(np.einsum("npm,npm->n", apart, apart) / count)
    if not np.iscomplexobj(y):
        return apart[:, 0], mean[:, 0], scatter
    return both.reshape(n, 2 * m), mean[:, 0] + 1j * mean[:, 1], scatter


def weighed_again(batch: Batch, curve: NDArray[Any]) -> tuple[NDArray[np.intp], Batch] | None:
    """Return the traces whose weights a fit has changed, and their batch; None for nothing.

    curve: fitted y as the batch holds it. Only for real traces whose sigma was given and varies.
    """
    variance = batch.variance
    apart = batch.apart
    if variance is None or apart is None or batch.parts == 2:
        return None
    if (variance[0] == variance[0, 0]).all() and (variance == variance[:, :1]).all():
        return None
    near = _variances(batch.w)
    better, matters = learned(variance, near, apart, curve)
    which = np.flatnonzero(matters)
    if len(which) == 0:
        return None
    part = batch.take(which)
    w = np.where(part.w > 0, 1.0 / np.sqrt(better[which]), 0.0)
    return which, replace(part, w=np.ascontiguousarray(w))


def _variances(w: Array) -> Array:
    """Return 1/w^2 (N, M), the typical one of the trace where a point is missing."""
    if w.min() > 0:
        return 1.0 / (w * w)
    there = w > 0
    near = np.where(there, np.where(there, w, 1.0) ** -2.0, 0.0)
    typical = near.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, near, typical)  # a missing point says nothing about the others


def _steps(x: Array) -> Array:
    step = (x[:, -1] - x[:, 0]) / (x.shape[1] - 1)
    ideal = x[:, :1] + step[:, None] * np.arange(x.shape[1])
    uniform = np.abs(x - ideal).max(axis=1) < 1e-9
    return np.ascontiguousarray(np.where(uniform, step, 0.0))
