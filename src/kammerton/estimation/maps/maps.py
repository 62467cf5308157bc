"""From the caller's arrays to maps: sweeps over two axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.arrays import demand_finite, noise_of, numbers
from kammerton.estimation.numeric.reweighing import Told, weights_of
from kammerton.estimation.numeric.weights import smoothed, valid
from kammerton.estimation.verdict.kind import Kind, Known
from kammerton.estimation.verdict.outcome import Outcome
from kammerton.model import TraceError

Array = NDArray[np.float64]

MAD = 1.4826  # from the median of the absolute values to a standard deviation
DECIMALS = 12  # of a place in the window: the same bias in A and in mA differs in the 16th


@dataclass(frozen=True, eq=False)
class Maps:
    """N maps over A x B points, both axes ascending.

    axes: (A,), (B,). y: (N, A, B), NaN where missing. w: 1/sigma of each part, 0 where missing; if
    sigma was not given (known_noise is False), 1 where there is a point. told: of the noise of
    all points (N, A B); None where sigma was not given.
    """

    axes: tuple[Array, Array]
    y: NDArray[Any]
    w: Array
    known_noise: bool
    order: tuple[NDArray[np.intp], NDArray[np.intp]]
    told: Told | None = None

    @property
    def traces(self) -> int:
        """N."""
        return int(self.y.shape[0])

    @property
    def window(self) -> Array:
        """Length of both axes (2, N)."""
        spans = np.array([axis[-1] - axis[0] for axis in self.axes])
        return spans[:, None].repeat(self.traces, axis=1)

    @property
    def places(self) -> tuple[Array, Array]:
        """Where the points of both axes lie, from 0 to 1; the same whatever the axes' units are.

        A search that goes on where two starts come to nearly the same may take another way for
        the last digit, and find another finding in what is no line.
        """
        first, second = self.axes
        return _in_window(first), _in_window(second)

    def of_shots(self, shots: Array) -> Maps:
        """Return them as populations of so many shots (N, A, B), in the caller's order."""
        if self.told is None:
            return self
        flat = _in_order(shots, self.order).reshape(len(shots), -1)
        return replace(self, told=replace(self.told, shots=flat))

    def restore(self, curve: NDArray[Any]) -> NDArray[Any]:
        """Return a fitted (N, A, B) in the caller's order."""
        if all((each[1:] > each[:-1]).all() for each in self.order):
            return curve
        result = np.empty_like(curve)
        result[:, self.order[0][:, None], self.order[1][None, :]] = curve
        return result


def _in_window(axis: Array) -> Array:
    places: Array = np.round((axis - axis[0]) / np.ptp(axis), DECIMALS)
    return places


def over_a_map(
    fit: Callable[[Any, Known], Outcome], names: tuple[str, str], least: tuple[int, int], *,
    complex_too: bool = True, known: tuple[str, ...] = (),
) -> Kind:  # fmt: skip
    """Return a kind over two axes of these names with at least `least` points on each.

    Its fit weighs maps anew by itself (`weighed_again`), before it judges them.
    """
    ready = partial(prepare_maps, names=names, least=least, complex_too=complex_too)
    return Kind(ready, fit, known, axes=2)


def weighed_again(
    told: Maps, maps: Maps, curve: NDArray[Any]
) -> tuple[NDArray[np.intp], Maps]:  # fmt: skip
    """Return which maps their fitted curves (N, A, B) weigh anew, and all with those weights.

    See `weights_of`: real ones that were fitted, before they are judged. told: with what is
    silent in `maps`, whose noise tells, too.
    """
    fitted = np.flatnonzero(np.isfinite(curve).all(axis=(1, 2)))
    if told.told is None or np.iscomplexobj(told.y) or len(fitted) == 0:
        return fitted[:0], maps
    noise, rows = told.told.take(fitted), (len(fitted), -1)
    again = weights_of(noise, told.w[fitted].reshape(rows), curve[fitted].reshape(rows))
    if again is None:
        return fitted[:0], maps
    which, w = fitted[again[0]], maps.w.copy()
    w[which] = np.where(w[which] > 0.0, again[1].reshape(len(which), *w.shape[1:]), 0.0)
    return which, replace(maps, w=w)


def prepare_maps(
    x: Any, y: ArrayLike, sigma: ArrayLike | None, *, names: tuple[str, str],
    least: tuple[int, int], complex_too: bool,
) -> Maps:  # fmt: skip
    """Check the arrays and sort both axes.

    Raises
    ------
    TraceError
        Says which array cannot be used, or which map has too few points, and why.
    """
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise TraceError(f"x must be a pair of axes: {names[0]}, {names[1]}")
    axes = tuple(_axis(each, name, n) for each, name, n in zip(x, names, least, strict=True))
    values = _values(y, axes, names, complex_too)
    _demand_both(values, names, max(least))
    noise = _noise(sigma, values)
    order = tuple(np.argsort(axis, kind="stable") for axis in axes)
    y = _in_order(values, order)
    present = ~np.isnan(y)
    known = noise is not None and bool((np.isfinite(noise) & (noise > 0)).any())
    w, told = present.astype(np.float64), None
    if noise is not None and known:
        variance = valid(_in_order(noise, order).reshape(len(values), -1))
        near, apart = smoothed(variance)
        w, told = w / np.sqrt(near).reshape(values.shape), Told(variance, apart, None)
    return Maps((axes[0][order[0]], axes[1][order[1]]), y, w, known,
                (order[0], order[1]), told)  # fmt: skip


def _in_order(values: NDArray[Any], order: tuple[NDArray[np.intp], ...]) -> NDArray[Any]:
    """Return a copy of values (N, A, B), in the order of both axes."""
    if all((each[1:] > each[:-1]).all() for each in order):
        return values.copy()
    picked: NDArray[Any] = values[np.ix_(np.arange(len(values)), *order)]
    return picked


def _axis(axis: Any, name: str, least: int) -> Array:
    values = numbers(axis, f"the axis of {name}")
    if np.iscomplexobj(values):
        raise TraceError(f"the axis of {name} is complex; it must be real")
    if values.ndim != 1:
        raise TraceError(f"the axis of {name} has {values.ndim} dimensions; it must have one")
    if not np.isfinite(values).all():
        raise TraceError(f"the axis of {name} holds NaN or infinite values")
    if len(values) < least:
        points = "1 point" if len(values) == 1 else f"{len(values)} points"
        raise TraceError(f"the axis of {name} has {points}; at least {least} needed")
    if (values[1:] > values[:-1]).all():  # as nearly all are
        return np.asarray(values)
    ordered = np.sort(values)
    if ordered[-1] <= ordered[0]:
        raise TraceError(f"the axis of {name} is constant; nothing was swept")
    if (ordered[1:] <= ordered[:-1]).any():
        raise TraceError(f"the axis of {name} holds a value twice")
    return np.asarray(values)


def _values(
    y: ArrayLike, axes: tuple[Array, ...], names: tuple[str, str], complex_too: bool
) -> NDArray[Any]:
    values = numbers(y, "y")
    if values.ndim == 2:
        values = values[None]
    shape = (len(axes[0]), len(axes[1]))
    if values.ndim != 3 or values.shape[1:] != shape:
        raise TraceError(
            f"y has shape {np.shape(y)}; it must be {shape} ({names[0]}, {names[1]}), "
            f"or (N, {shape[0]}, {shape[1]})"
        )
    if len(values) == 0:
        raise TraceError("y holds no map")
    if np.iscomplexobj(values) and not complex_too:
        raise TraceError("y is complex; this kind of fit needs real values")
    demand_finite(values, "map")
    return values


def _demand_both(y: NDArray[Any], names: tuple[str, str], least: int) -> None:
    """Refuse y (N, A, B) with a map of too few points, or of points along one axis only.

    A scan that was stopped early is a map all the same; a single row or column of one is none.
    """
    there = ~np.isnan(y)
    if there.all():
        return
    count = there.sum(axis=(1, 2))
    if (few := np.flatnonzero(count < least)).size:
        n = few[0]
        points = "1 point" if count[n] == 1 else f"{count[n]} points"
        raise TraceError(f"map {n} has {points}; at least {least} needed")
    for axis, name in enumerate(names):
        lines = there.any(axis=2 - axis).sum(axis=1)
        if (single := np.flatnonzero(lines < 2)).size:
            raise TraceError(
                f"map {single[0]} has points at one value of {name} only; a map takes both axes"
            )


def _noise(sigma: ArrayLike | None, y: NDArray[Any]) -> Array | None:
    if sigma is None:
        return None
    return noise_of(sigma, y.shape)


def scatter(y: NDArray[Any]) -> float:
    """Noise of each part, from second differences along the second axis of (.., M)."""
    if y.shape[1] < 3:
        return 0.0
    bend = y[:, :-2] - 2 * y[:, 1:-1] + y[:, 2:]
    parts = np.concatenate([bend.real.ravel(), bend.imag.ravel()]) if np.iscomplexobj(y) else bend
    parts = parts[np.isfinite(parts)]
    return MAD * float(np.median(np.abs(parts))) / np.sqrt(6.0) if parts.size else 0.0
