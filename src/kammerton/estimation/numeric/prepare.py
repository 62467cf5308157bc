"""From the caller's arrays to a batch that the solver can take."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.arrays import all_of, demand_finite, noise_of, numbers
from kammerton.estimation.numeric.kernels import careful_kernel, kernel
from kammerton.estimation.numeric.places import enough_places, places
from kammerton.estimation.numeric.weights import smoothed, valid
from kammerton.model import TraceError

Array = NDArray[np.float64]
Number = TypeVar("Number", bound=np.generic)

ENDLESS, CONSTANT, UNSORTED = range(1, 4)  # what may be wrong with an axis
BAD_AXES = {
    ENDLESS: "x holds NaN or infinite values", CONSTANT: "x is constant; nothing was swept",
}  # fmt: skip
ROUNDING = 1e-14  # relative scatter below which a trace is constant but for rounding


@dataclass(frozen=True, eq=False)
class Batch:
    """N traces of M points in order of x.

    x: (K, M) with K = 1 or N, in units of the window, from the origin `zero` (K, 1); `span` (K, 1).
    step: (K,) the uniform spacing, or 0. y: (N, parts * M), [Re; Im] if complex, less its mean
    `level` (N,) if real; 0 where missing, and everywhere in a constant trace, whose level is its
    value. w: (N, parts * M) 1/sigma, 0 where missing.
    known_noise: sigma was given; then a cost is a chi-square. Otherwise w is 1/std(y).
    variance: (N, M) as given, 0 where invalid. apart: (N, M), which are unlike their neighbours'.
    shots: (N, M), of which y is the population; None where that is not known.
    shape: of the envelope of an oscillation; None where that is not known.
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
    order: NDArray[np.intp] | None
    variance: Array | None = None
    apart: NDArray[np.bool_] | None = None
    shots: Array | None = None
    shape: float | None = None

    @property
    def traces(self) -> int:
        """N."""
        return int(self.y.shape[0])

    @property
    def points(self) -> int:
        """M."""
        return int(self.x.shape[1])

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """At how many places of its axis each trace was measured (N,), see `places`."""
        return self.column(self._places[:, None])

    @property
    def most_places(self) -> int:
        """The largest of them, which bounds what may be searched for in any."""
        return int(self._places.max(initial=2))

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        return np.full(len(self.x), self.points) if self.step.all() else places(self.x)

    @cached_property
    def constant(self) -> NDArray[np.bool_]:
        """Whether every point of a trace has the same value (N,)."""
        constant = np.empty(self.traces, dtype=np.bool_)
        flat(self.y, constant)
        return constant

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """How many numbers count in each trace (N,)."""
        rows = np.empty(self.traces, dtype=np.intp)
        count(self.w, rows)
        return rows

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
        if all_of(which, self.traces):
            return self
        axis = which if self.x.shape[0] > 1 else slice(None)
        part = Batch(
            self.x[axis], self.step[axis], self.y[which], self.w[which], self.zero[axis],
            self.span[axis], self.level[which], self.parts, self.known_noise, self.order,
            None if self.variance is None else self.variance[which],
            None if self.apart is None else self.apart[which],
            None if self.shots is None else self.shots[which], self.shape,
        )  # fmt: skip
        if len(self.x) == 1 and "_places" in self.__dict__:
            part.__dict__["_places"] = self._places
        if "rows" in self.__dict__:  # of few traces, to count anew costs more
            part.__dict__["rows"] = self.rows[which]
        return part

    def with_y(self, y: Array, w: Array | None = None) -> Batch:
        """Return the batch with other y (and w)."""
        batch = Batch(
            self.x, self.step, np.ascontiguousarray(y), self.w if w is None else w, self.zero,
            self.span, self.level, self.parts, self.known_noise, self.order, self.variance,
            self.apart, self.shots, self.shape,
        )  # fmt: skip
        if w is None and "rows" in self.__dict__:
            batch.__dict__["rows"] = self.rows
        return batch

    def of_shots(self, shots: Array) -> Batch:
        """Return the batch of populations of so many shots (N, M), in the caller's order."""
        if self.order is not None:
            shots = np.take_along_axis(shots, np.broadcast_to(self.order, shots.shape), axis=1)
        return replace(self, shots=shots)

    def column(self, per_axis: NDArray[Number]) -> NDArray[Number]:
        """Return a (K, 1) quantity of the axis as (N,)."""
        values = per_axis[:, 0]
        return values if len(values) == self.traces else values.repeat(self.traces)

    def restore(self, curve: Array) -> NDArray[Any]:
        """Return a curve (N, parts * M) in the caller's order, complex where y was."""
        if self.parts == 2:
            sorted_: NDArray[Any] = curve[:, : self.points] + 1j * curve[:, self.points :]
        else:
            sorted_ = curve
        sorted_ = sorted_ + self.level[:, None]
        if self.order is None:
            return sorted_
        restored = np.empty_like(sorted_)
        order = np.broadcast_to(self.order, sorted_.shape)
        np.put_along_axis(restored, order, sorted_, axis=1)
        return restored


@kernel
def count(w: Array, rows: NDArray[np.intp]) -> None:
    """Fill rows (N,) with how many weights (N, R) are not 0."""
    for n in range(w.shape[0]):
        some = 0
        for i in range(w.shape[1]):
            some += w[n, i] != 0.0
        rows[n] = some


@careful_kernel
def flat(y: Array, constant: NDArray[np.bool_]) -> None:
    """Fill constant (N,) with whether y (N, R) is 0 everywhere."""
    for n in range(y.shape[0]):
        i = 0
        while i < y.shape[1] and y[n, i] == 0.0:
            i += 1
        constant[n] = i == y.shape[1]


def prepare(
    x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None, *, complex_too: bool, from_zero: bool,
    least: int, places_too: bool = False,
) -> Batch:  # fmt: skip
    """Check the arrays and normalise them.

    complex_too: this kind takes complex y. from_zero: the law knows where x is 0 (a delay, an
    amplitude), so the origin stays unless it is more than a window away. least: fewest points;
    places_too: fewest places, too, so that repeats do not count.

    Raises
    ------
    TraceError
        Says which array cannot be used, and why.
    """
    ys, complete = _values(y, complex_too=complex_too)
    xs = _axis(x, ys)
    normal, frame, order = np.empty(xs.shape), np.empty((len(xs), 3)), None
    found = fill_axis(xs, from_zero, normal, frame)
    if found in BAD_AXES:
        raise TraceError(BAD_AXES[found])
    noise = None if sigma is None else noise_of(sigma, ys.shape)
    _enough(ys, least, complete)
    if found == UNSORTED:
        order = np.argsort(xs, axis=1, kind="stable")
        xs = np.take_along_axis(xs, order, axis=1)
        ys = np.take_along_axis(ys, np.broadcast_to(order, ys.shape), axis=1)
        noise = None if noise is None else np.take_along_axis(
            noise, np.broadcast_to(order, noise.shape), axis=1)  # fmt: skip
        fill_axis(xs, from_zero, normal, frame)
    if places_too:
        enough_places(normal, frame[:, 2], least)
    return _weighted(ys, noise, normal, frame, order, complete)


@careful_kernel
def fill_axis(x: Array, from_zero: bool, normal: Array, frame: Array) -> int:
    """Fill normal (K, M) and frame (K, 3): origin, length, and the uniform step or 0.

    Returns what is wrong with x (K, M), 0 for nothing; else they are not filled.
    """
    m, found = x.shape[1], 0
    for k in range(x.shape[0]):
        low, high = x[k, 0], x[k, 0]
        for i in range(m):
            if not math.isfinite(x[k, i]):
                return ENDLESS
            low, high = min(low, x[k, i]), max(high, x[k, i])
            if i > 0 and x[k, i] < x[k, i - 1] and found == 0:
                found = UNSORTED
        if not high > low:
            found = CONSTANT
    if found != 0:
        return found
    for k in range(x.shape[0]):
        low, span = x[k, 0], x[k, m - 1] - x[k, 0]
        far = abs(low) > span and abs(x[k, m - 1]) > span
        zero = low if far or not from_zero else 0.0
        for i in range(m):
            normal[k, i] = (x[k, i] - zero) / span
        step, off = (normal[k, m - 1] - normal[k, 0]) / (m - 1), 0.0
        for i in range(m):
            off = max(off, abs(normal[k, i] - (normal[k, 0] + step * i)))
        frame[k, 0], frame[k, 1], frame[k, 2] = zero, span, step if off < 1e-9 else 0.0
    return 0


def _values(y: ArrayLike, *, complex_too: bool) -> tuple[NDArray[Any], bool]:
    """Return y as (N, M), and whether no point is missing."""
    values = numbers(y, "y")
    if values.ndim == 1:
        values = values[None, :]
    if values.ndim != 2:
        raise TraceError(f"y has {values.ndim} dimensions; it must be (M,) or (N, M)")
    if np.iscomplexobj(values) and not complex_too:
        raise TraceError("y is complex; this kind of fit needs real values")
    complete = whole(values)
    if not complete and values.size:
        demand_finite(values)
    return values, complete


def _axis(x: ArrayLike, y: NDArray[Any]) -> Array:
    if y.size == 0:
        raise TraceError("y holds no trace")
    axis = numbers(x, "x")
    if np.iscomplexobj(axis):
        raise TraceError("x is complex; it must be real")
    if axis.shape not in (y.shape, y.shape[1:]):
        raise TraceError(f"x has shape {axis.shape} but y has {y.shape}; x must be (M,) or (N, M)")
    return np.ascontiguousarray(axis.reshape(-1, y.shape[1]))


def _enough(y: NDArray[Any], least: int, complete: bool) -> None:
    if y.shape[1] >= least and len(y) and complete:
        return
    present = np.count_nonzero(~np.isnan(y), axis=1)
    if y.shape[0] == 0:
        raise TraceError("y holds no trace")
    which = f"trace {int(present.argmin())}" if len(present) > 1 else "y"
    if present.min() < least:
        raise TraceError(
            f"{which} has {int(present.min())} points; "
            f"this law has {least - 1} parameters and needs at least {least}"
        )


def _weighted(
    y: NDArray[Any], noise: Array | None, x: Array, frame: Array,
    order: NDArray[np.intp] | None, complete: bool,
) -> Batch:  # fmt: skip
    parts = 2 if np.iscomplexobj(y) else 1
    stacked, mean, scatter = np.empty((len(y), parts * y.shape[1])), *np.empty((2, len(y), parts))
    told = np.ascontiguousarray(y).view(np.float64).reshape(*y.shape, parts)
    fill_centred(told, stacked, mean, scatter)
    scatter = scatter[:, 0]
    level = mean[:, 0] if parts == 1 else mean[:, 0] + 1j * mean[:, 1]
    constant = scatter <= ROUNDING * np.abs(level)
    known, variance, apart = noise is not None, None, None
    if noise is None or not (noise.max() > 0 or (np.isfinite(noise) & (noise > 0)).any()):
        known = False
        typical = np.where(constant, 1.0, np.maximum(scatter, 1e-12 * np.abs(level)))
        w = np.empty(y.shape)
        w[:] = 1.0 / typical[:, None]
    else:
        variance = valid(noise)
        near, apart = smoothed(variance)
        w = 1.0 / np.sqrt(near)
    w = w if complete else np.where(np.isnan(y), 0.0, w)
    if constant.any():
        stacked[constant] = 0.0
    if parts == 2:
        level = np.where(constant, level, 0.0)
    return Batch(
        x, frame[:, 2].copy(), stacked, np.hstack([w] * parts) if parts > 1 else w,
        frame[:, :1].copy(), frame[:, 1:2].copy(), level, parts, known, order, variance, apart,
    )  # fmt: skip


@careful_kernel
def fill_centred(y: Array, out: Array, mean: Array, scatter: Array) -> None:
    """Fill out (N, parts * M) with y (N, M, parts), less its mean if real, 0 where missing.

    mean (N, parts), and scatter (N, ...) of all parts together.
    """
    m, parts = y.shape[1], y.shape[2]
    for n in range(y.shape[0]):
        square, count = 0.0, 0
        for q in range(parts):
            total, count = 0.0, 0
            for i in range(m):
                if not math.isnan(y[n, i, 0]) and not math.isnan(y[n, i, parts - 1]):
                    total += y[n, i, q]
                    count += 1
            mean[n, q] = total / max(count, 1)
            for i in range(m):
                there = not math.isnan(y[n, i, 0]) and not math.isnan(y[n, i, parts - 1])
                away = y[n, i, q] - mean[n, q] if there else 0.0
                square += away * away
                out[n, q * m + i] = away if parts == 1 or not there else y[n, i, q]
        scatter[n, 0] = math.sqrt(square / max(count, 1))


def whole(y: NDArray[Any]) -> bool:
    """Return whether every number is finite."""
    floats = y.view(np.float64) if np.iscomplexobj(y) and y.flags.c_contiguous else y
    return bool(np.isfinite(floats).all())
