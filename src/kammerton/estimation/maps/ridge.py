"""One map as columns of spectra, and where a line may be in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.maps import Maps, scatter

Array = NDArray[np.float64]

WIDTHS = (1.5, 4.0, 10.0, 25.0)  # full widths looked for, in points
NEAR = 4.0  # full widths on either side that the filter compares a point with
SOLID = 40.0  # score of a point beyond which it counts no more
FLANK = 0.25  # part of a typical peak's score that is solid
QUIET = 4.0  # chi-square of most points where there is no line
STRIPE = 8.0  # sigmas of a row's median from which it is a stripe
FAINT = 0.7  # sigmas below which the noise of a magnitude's square hardly shrinks
SPIKE = 7.0  # sigmas from which a single point is a spike


@dataclass(frozen=True, eq=False)
class Columns:
    """A map with its spectra as rows: b (B,) and f (A,) from 0 to 1, z (B, A), w 1/sigma (B, A).

    z is 0 and w is 0 where a point is missing. parts: numbers in each point. However a map lay in
    memory, row follows row here: kernels would be compiled anew for any other way, which takes
    seconds.
    """

    f: Array
    b: Array
    z: NDArray[Any]
    w: Array
    parts: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "z", np.ascontiguousarray(self.z))
        object.__setattr__(self, "w", np.ascontiguousarray(self.w))

    @cached_property
    def step(self) -> float:
        """Typical distance of two frequencies."""
        return 1.0 / (len(self.f) - 1)

    @cached_property
    def level(self) -> NDArray[Any]:
        """Median of each row (B, 1)."""
        return median(self.z, self.w > 0, 1)

    @cached_property
    def scored(self) -> list[tuple[Array, float]]:
        """The two likeliest of `scores` with what is alike at most biases: it is often asked."""
        return _likeliest(self, stripes=False)[:2]

    @cached_property
    def striped(self) -> NDArray[np.bool_]:
        """Frequencies at which most biases show the same (A,)."""
        there = self.w > 0
        common = np.abs(median(self.z - self.level, there, 0))[0]
        noise = 1.25 / (middle(self.w[there]) * np.sqrt(np.maximum(there.sum(axis=0), 1)))
        return np.asarray(common > STRIPE * noise)


def columns(maps: Maps, n: int, *, each: bool = False) -> Columns:
    """Return map n with its second axis as rows; noise that was not given is estimated.

    each: for each row of its own, not one for all.
    """
    f, b = maps.places
    y, w = maps.y[n].T, maps.w[n].T
    if not maps.known_noise:
        least = 1e-12 * float(np.nanmax(np.abs(y))) or 1.0
        noise = np.array([scatter(row[None]) for row in y])[:, None] if each else scatter(y)
        w = w / np.maximum(noise, least)
    z = np.where(w > 0, np.nan_to_num(y), 0.0)
    return Columns(f, b, z, w, 2 if np.iscomplexobj(y) else 1)


def unwound(c: Columns) -> tuple[Columns, NDArray[Any]]:
    """Take the mean delay out of a complex map; returns also the factor (A,) to put it back."""
    if c.parts == 1:
        return c, np.ones(len(c.f))
    factor = np.exp(1j * turning(c) * c.f)
    return Columns(c.f, c.b, c.z * factor.conj(), c.w, c.parts), factor


def turning(c: Columns) -> float:
    """Return by how much the phase of a complex map turns over the window."""
    rate = _turning(c, 1, 0.0)
    for far in (max(2, len(c.f) // 16), max(3, len(c.f) // 4)):
        rate += _turning(c, far, rate)
    return rate


def _turning(c: Columns, far: int, known: float) -> float:
    """Return by how much the phase turns, beyond what is known, between points `far` apart."""
    both = (c.w[:, far:] > 0) & (c.w[:, :-far] > 0)
    turn = np.where(both, c.z[:, far:] * c.z[:, :-far].conj(), 0.0).sum(axis=0)
    apart = c.f[far:] - c.f[:-far]
    return float(np.median(np.angle(turn * np.exp(-1j * known * apart)) / apart))


def squared(c: Columns) -> Columns:
    """Turn magnitudes |S| into |S|^2, in which a resonance is a line with a slanted part."""
    points = np.arange(len(c.f))
    near = (np.abs(points[:, None] - points) <= 2).astype(np.float64)
    level = (c.z @ near) / np.maximum((c.w > 0).astype(np.float64) @ near, 1.0)
    typical = median(c.z, c.w > 0, 1)
    sigma = 1.0 / np.where(c.w > 0, c.w, np.inf)
    level = np.maximum(np.maximum(level, 0.05 * typical), FAINT * sigma)
    return replace(c, z=c.z**2, w=np.where(c.w > 0, c.w / (2.0 * np.where(c.w > 0, level, 1.0)), 0))


def resonances(c: Columns) -> tuple[Columns, Callable[[NDArray[Any]], NDArray[Any]]]:
    """Return a resonator's spectra ready to be fitted, and what makes y of a fitted model (B, A).

    Complex ones lose their delay; real ones, if nowhere negative, are magnitudes.
    """
    if c.parts == 2:
        wound, factor = unwound(c)
        return wound, lambda model: model * factor
    if (c.z[c.w > 0] < 0).any():
        return c, lambda model: model
    return squared(c), lambda model: np.sqrt(np.maximum(model, 0.0))


def median(values: NDArray[Any], there: NDArray[np.bool_], axis: int) -> NDArray[Any]:
    """Return the median of what is there along an axis, kept; of both parts if complex."""
    if np.iscomplexobj(values):
        result: NDArray[Any] = (
            median(values.real, there, axis) + 1j * median(values.imag, there, axis)
        )  # fmt: skip
        return result
    if there.all():
        ordered, n = np.sort(values, axis=axis), values.shape[axis]
        low, high = (ordered.take([k], axis) for k in ((n - 1) // 2, n // 2))
        return np.asarray(0.5 * (low + high))
    ordered = np.sort(np.where(there, values, np.inf), axis=axis)
    count = there.sum(axis=axis, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis)
    both = 0.5 * (low + np.take_along_axis(ordered, count // 2, axis))
    return np.asarray(np.where(np.isfinite(both), both, 0.0))


def middle(values: Array) -> float:
    """Return the median of all values: numpy's own takes far longer to begin."""
    ordered = np.sort(values, axis=None)
    return 0.5 * float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2])


def without_stripes(c: Columns, line: Array, width: float) -> Columns:
    """Silence frequencies at which most biases show the same, unless the line itself lies there."""
    mine = (np.abs(c.f - line[:, None]) < 1.5 * max(width, c.step)).mean(axis=0)
    stripe = c.striped & (mine < 0.4)
    if not stripe.any() or stripe.mean() > 0.2:
        return c
    return replace(c, w=np.where(stripe, 0.0, c.w))


def stripes(c: Columns) -> float:
    """Return how much, in sigmas, a typical frequency shows the same at most biases."""
    there = c.w > 0
    common = np.abs(median(c.z - c.level, there, 0))[0]
    return middle(common) * middle(c.w[there])


def without_spikes(
    c: Columns, model: NDArray[Any], near: NDArray[np.bool_], height: float
) -> Columns | None:
    """Silence single points that stand out of the model near the line; None where there are none.

    height: of the line, in sigmas; what is small beside it is no spike.
    """
    away = np.where(near, np.abs(c.z - model) * c.w, 0.0)
    spike = away > max(SPIKE, 0.5 * height)
    share = spike.sum() / max(1, int(near.sum()))
    if not 0.0 < share < 0.05:
        return None
    return replace(c, w=np.where(spike, 0.0, c.w))


def standing(c: Columns) -> bool:
    """Return whether most columns show a line at one and the same frequency."""
    for s, _ in c.scored:
        row = int(np.minimum(s, SOLID).sum(axis=0).argmax())
        near = s[:, max(0, row - 1) : row + 2].max(axis=1)
        if (near > 16.0).mean() > 0.6 and float(np.median(s)) < QUIET:
            return True
    return False


def scores(c: Columns, *, stripes: bool) -> list[tuple[Array, float]]:
    """Return how clearly a line of some width stands at each point, as chi-square (B, A).

    With each its width, the two likeliest, likeliest first. stripes: what is alike at most biases
    is taken off first; a line that does not move goes too.
    """
    return _likeliest(c, stripes=True)[:2] if stripes else c.scored


def _likeliest(c: Columns, *, stripes: bool) -> list[tuple[Array, float]]:
    widths = [points * c.step for points in WIDTHS]
    fits = [w for w in widths if w <= 0.35 or w == widths[0]]
    return sorted(zip(_scored(c, fits, stripes), fits, strict=True),
                  key=lambda each: -_contrast(each[0], c.parts))  # fmt: skip


def score(c: Columns, width: float, *, stripes: bool) -> Array:
    """Return how clearly a line of this width stands at each point (B, A), see `scores`."""
    return _scored(c, [width], stripes)[0]


def evened(s: Array) -> Array:
    """Return scores in parts of a typical peak's: flanks of a bright line are not solid."""
    return np.asarray(s * evenness(s))


def evenness(s: Array) -> float:
    """Return by what scores are multiplied to be in parts of a typical peak's."""
    return SOLID / max(SOLID, FLANK * middle(s.max(axis=1)))


def _scored(c: Columns, widths: list[float], stripes: bool) -> list[Array]:
    there = c.w > 0
    z = c.z - c.level
    if stripes:
        z = z - median(z, there, 0)
    w2 = c.w * c.w
    z = w2 * z
    parts = np.concatenate([z.real, z.imag]) if c.parts == 2 else z
    even = bool((w2 == w2[:, :1]).all())
    w2 = w2[:1] if even and (w2 == w2[0, 0]).all() else w2
    result = []
    for width in widths:
        amount, size = (_filtered if even else _fitted)(c.f, width, parts, w2)
        found = np.square(amount)
        found = found[: len(z)] + found[len(z) :] if c.parts == 2 else found
        few = size <= 0.2 * _middle(size)[:, None]  # hardly a point has weight there
        result.append(np.where(few, 0.0, found / np.where(few, 1.0, size)))
    return result


def _filtered(f: Array, width: float, parts: Array, w2: Array) -> tuple[Array, Array]:
    """Return what weighted parts hold of a line at each point (.., A), and its own size (B, A)."""
    kernel = _filter(f, width)
    return parts @ kernel, w2 @ (kernel * kernel)


def _fitted(f: Array, width: float, parts: Array, w2: Array) -> tuple[Array, Array]:
    """Return the same where a column's weights differ: the level in the neighbourhood is theirs."""
    shape, near = _shape(f, width)
    level = np.maximum(w2 @ near, 1e-300)
    line = w2 @ shape
    every = len(parts) // len(w2)
    share = np.tile(line / level, (every, 1))
    return parts @ shape - share * (parts @ near), w2 @ (shape * shape) - line * line / level


def _middle(rows: Array) -> Array:
    """Return about the median of each row."""
    half = rows.shape[1] // 2
    return np.asarray(np.partition(rows, half, axis=1)[:, half])


def _contrast(s: Array, parts: int) -> float:
    """How far most rows' best point stands out of the row; a background also fills wide filters."""
    clear = np.log(s.max(axis=1) + parts) - 0.5 * np.log(_middle(s) + parts)
    return float(np.sort(clear)[round(0.7 * (len(clear) - 1))])


def _filter(f: Array, width: float) -> Array:
    """Lorentzians about each frequency, less their mean in the neighbourhood (A, A)."""
    shape, near = _shape(f, width)
    return np.asarray(shape - near * (shape.sum(axis=0) / near.sum(axis=0)))


def _shape(f: Array, width: float) -> tuple[Array, Array]:
    """Return Lorentzians about each frequency, and the neighbourhoods that end them (A, A)."""
    away = f[:, None] - f[None, :]
    near = (np.abs(away) <= NEAR * width).astype(np.float64)
    return near / (1.0 + (2.0 * away / width) ** 2), near


def peaks(s: Array, apart: int, count: int) -> tuple[NDArray[np.intp], Array]:
    """Return the `count` highest points of each row, at least `apart` from each other (B, C)."""
    rest, where, height = s.copy(), [], []
    rows = np.arange(len(s))
    index = np.arange(s.shape[1])
    for _ in range(count):
        top = rest.argmax(axis=1)
        where.append(top)
        height.append(rest[rows, top])
        rest[np.abs(index[None, :] - top[:, None]) < apart] = 0.0
    return np.stack(where, axis=1), np.stack(height, axis=1)


def fine(s: Array, at: NDArray[np.intp], f: Array) -> Array:
    """Return peaks (B, C) of s between the points of f, by the parabola through three of them."""
    rows = np.arange(len(s))[:, None]
    mid = np.clip(at, 1, s.shape[1] - 2)
    left, here, right = s[rows, mid - 1], s[rows, mid], s[rows, mid + 1]
    bend = left - 2 * here + right
    move = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0)
    move = np.where(at == mid, np.clip(move, -0.5, 0.5), 0.0)
    result: Array = f[at] + move * 0.5 * (f[mid + 1] - f[mid - 1])
    return result
