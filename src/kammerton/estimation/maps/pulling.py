"""What each column of a map says of the lines in it: heights, misses, and how well they are known.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel

Array = NDArray[np.float64]
Numbers = NDArray[Any]
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

SHAPES = ("line", "pole", "fano")
LINE, POLE, FANO = range(3)


@kernel
def fill_pulled(
    f: Array, z: Numbers, w: Array, at: Array, half: float, reach: float, shape: int, tilt: float,
    parts: int, gradient: Array, information: Array, seen: Array, cost: Array, inside: Counts,
    heights: Numbers,
) -> None:  # fmt: skip
    """Fit every column (B) of z (B, A) with lines at `at` (K, B); see `tracks.Pull`.

    Only points within `reach` of a line count: inside (B,) of them are there. heights
    (B, ground + K): of background and lines.
    """
    count, points = at.shape[0], f.size
    ground, moving = heights.shape[1] - count, gradient.shape[1]
    size = ground + count
    room, more = np.empty(size * points, z.dtype), np.empty(moving * points, z.dtype)
    place, rest = np.empty(3 * count * points, z.dtype), np.empty(points, z.dtype)
    normal, both = np.empty((size, size), z.dtype), np.empty((size, 1 + moving), z.dtype)
    solved, inverse = np.empty((size, 1 + moving), z.dtype), np.empty((size, size), z.dtype)
    weights = np.empty(points)
    for b in range(z.shape[0]):
        gradient[b], information[b], seen[b], cost[b], heights[b] = 0.0, 0.0, 0.0, 0.0, 0.0
        first, end = span(f, at[:, b], reach)
        inside[b] = fill_weight(f[first:end], w[b, first:end], at[:, b], reach, weights)
        if inside[b] == 0:
            continue
        n = end - first
        phi, moves = room[: size * n].reshape(size, n), more[: moving * n].reshape(moving, n)
        change, weight = place[: 3 * count * n].reshape(3, count, n), weights[:n]
        fill_columns(f[first:end], at[:, b], half, shape, tilt, phi, change)
        y = z[b, first:end]
        invert(phi, weight, normal, inverse)
        overlap(phi, weight, y, both[:, 0])
        apply(inverse, both[:, 0], heights[b])
        fill_rest(phi, heights[b], y, rest[:n])
        cost[b] = power(rest[:n], weight)
        moves[:, :] = 0.0
        for k in range(count):
            height = heights[b, ground + k]
            seen[b, k] = abs(height) ** 2 / max(inverse[ground + k, ground + k].real, 1e-300)
            kept = height * max(0.0, 1.0 - parts / max(seen[b, k], 1e-9))
            add_moves(kept, change[:, k], shape, k, count, moves)
        inform(phi, moves, weight, rest[:n], inverse, both, solved, gradient[b], information[b])


@kernel
def span(f: Array, at: Array, reach: float) -> tuple[int, int]:
    """Return the first point within reach of a line, and the one behind the last."""
    first, end = f.size, 0
    for k in range(at.size):
        low, high = np.searchsorted(f, at[k] - reach), np.searchsorted(f, at[k] + reach)
        if high > low:
            first, end = min(first, low), max(end, high)
    return min(first, end), end


@kernel
def fill_weight(f: Array, w: Array, at: Array, reach: float, weight: Array) -> int:
    """Fill the weight of points within reach, 0 for others; return how many there are."""
    inside = 0
    for i in range(f.size):
        near = False
        for k in range(at.size):
            near |= abs(f[i] - at[k]) < reach
        near &= w[i] > 0.0
        weight[i] = w[i] * w[i] if near else 0.0
        inside += near
    return inside


@kernel
def add_moves(kept: Any, change: Numbers, shape: int, k: int, count: int, moves: Numbers) -> None:
    """Add how the model changes with the place of line k, the width, and the tilt."""
    for i in range(moves.shape[1]):
        moves[k, i] = kept * change[0, i]
        moves[count, i] += kept * change[1, i]
    if shape == FANO:
        for i in range(moves.shape[1]):
            moves[count + 1, i] += kept * change[2, i]


@kernel
def fill_image(
    f: Array, w: Array, at: Array, half: float, reach: float, shape: int, tilt: float,
    heights: Numbers, model: Numbers, lines: Numbers, near: Mask,
) -> None:  # fmt: skip
    """Fill the model (B, A), its lines alone, and which points counted."""
    count, points = at.shape[0], f.size
    size = heights.shape[1]
    phi = np.empty((size, points), heights.dtype)
    change, weight = np.empty((3, count, points), heights.dtype), np.empty(points)
    for b in range(model.shape[0]):
        model[b], lines[b] = 0.0, 0.0
        inside = fill_weight(f, w[b], at[:, b], reach, weight)
        for i in range(points):
            near[b, i] = weight[i] > 0.0
        if inside == 0:
            continue
        fill_columns(f, at[:, b], half, shape, tilt, phi, change)
        for k in range(size):
            for i in range(points):
                model[b, i] += heights[b, k] * phi[k, i]
                if k >= size - count:
                    lines[b, i] += heights[b, k] * phi[k, i]


@kernel
def fill_columns(
    f: Array, at: Array, half: float, shape: int, tilt: float, phi: Numbers, change: Numbers
) -> None:
    """Fill the background and the lines, and how lines change with place, width and tilt."""
    ground = phi.shape[0] - at.size
    for i in range(f.size):
        ramp = f[i] - 0.5
        phi[0, i], phi[1, i] = 1.0, ramp
        if shape == POLE:
            phi[2, i] = ramp * ramp
    for k in range(at.size):
        for i in range(f.size):
            u = (f[i] - at[k]) / half
            even = 1.0 / (1.0 + u * u)
            odd = u * even
            square = 2.0 * even * even
            if shape == POLE:
                put_pole(even, odd, u, half, i, phi[ground + k], change[0, k], change[1, k])
                continue
            line, slope = even, u * square
            if shape == FANO:
                line, slope = even + tilt * odd, u * square + tilt * (even - square)
            phi[ground + k, i] = line
            change[0, k, i], change[1, k, i] = slope / half, slope * (0.5 * u / half)
            change[2, k, i] = odd


@kernel
def put_pole(
    even: float, odd: float, u: float, half: float, i: int, line: Numbers, place: Numbers,
    width: Numbers,
) -> None:  # fmt: skip
    """Put 1/(1 + iu) and its changes; only complex columns have one."""
    re, im = even * even - odd * odd, -2.0 * even * odd  # of the line's square
    put(line, i, even, -odd)
    put(place, i, -im / half, re / half)
    put(width, i, -im * (0.5 * u / half), re * (0.5 * u / half))


@kernel
def put(row: Numbers, i: int, re: float, im: float) -> None:
    """Write a complex number as its two halves: this is compiled for real rows too."""
    halves = row.view(np.float64)
    halves[2 * i], halves[2 * i + 1] = re, im


@kernel
def invert(phi: Numbers, weight: Array, normal: Numbers, inverse: Numbers) -> None:
    """Invert the normal matrix of the columns, with a ridge, by its Cholesky factor."""
    size, most = phi.shape[0], 0.0
    for k in range(size):
        for j in range(k + 1):
            normal[k, j] = inner(phi[k], weight, phi[j])
        most = max(most, normal[k, k].real)
    for k in range(size):
        own = normal[k, k].real
        normal[k, k] = own + 1e-9 * own + 1e-12 * most + 1e-300
    for j in range(size):
        s = normal[j, j].real
        for k in range(j):
            s -= abs(normal[j, k]) ** 2
        normal[j, j] = math.sqrt(max(s, 1e-300))
        for i in range(j + 1, size):
            for k in range(j):
                normal[i, j] -= normal[i, k] * np.conj(normal[j, k])
            normal[i, j] /= normal[j, j]
    for q in range(size):
        inverse[:, q] = 0.0
        inverse[q, q] = 1.0
        for i in range(size):
            for k in range(i):
                inverse[i, q] -= normal[i, k] * inverse[k, q]
            inverse[i, q] /= normal[i, i]
        for i in range(size - 1, -1, -1):
            for k in range(i + 1, size):
                inverse[i, q] -= np.conj(normal[k, i]) * inverse[k, q]
            inverse[i, q] /= normal[i, i]


@kernel
def inner(a: Numbers, weight: Array, b: Numbers) -> Any:
    """Return the weighted sum of conj(a) b."""
    s = np.conj(a[0]) * b[0] * weight[0]
    for i in range(1, a.size):
        s += np.conj(a[i]) * b[i] * weight[i]
    return s


@kernel
def overlap(phi: Numbers, weight: Array, y: Numbers, out: Numbers) -> None:
    """Fill out (L,) with the inner products of the columns with y."""
    for k in range(phi.shape[0]):
        out[k] = inner(phi[k], weight, y)


@kernel
def apply(matrix: Numbers, y: Numbers, out: Numbers) -> None:
    """Fill out with the product."""
    for k in range(matrix.shape[0]):
        out[k] = 0.0
        for j in range(matrix.shape[1]):
            out[k] += matrix[k, j] * y[j]


@kernel
def fill_rest(phi: Numbers, heights: Numbers, y: Numbers, rest: Numbers) -> None:
    """Fill what the background and the lines leave of y."""
    for i in range(y.size):
        rest[i] = y[i]
    for k in range(heights.size):
        for i in range(y.size):
            rest[i] -= heights[k] * phi[k, i]


@kernel
def power(rest: Numbers, weight: Array) -> float:
    """Return the weighted sum of squares."""
    s = 0.0
    for i in range(rest.size):
        s += weight[i] * (rest[i].real ** 2 + rest[i].imag ** 2)
    return s


@kernel
def inform(
    phi: Numbers, moves: Numbers, weight: Array, rest: Numbers, inverse: Numbers, both: Numbers,
    solved: Numbers, gradient: Array, information: Array,
) -> None:  # fmt: skip
    """Fill gradient (F,) and information (F, F), heights and background eliminated."""
    for k in range(moves.shape[0]):
        overlap(phi, weight, moves[k], both[:, 1 + k])
        apply(inverse, both[:, 1 + k], solved[:, 1 + k])
        gradient[k] = inner(moves[k], weight, rest).real
    for k in range(moves.shape[0]):
        for j in range(k + 1):
            s = inner(moves[k], weight, moves[j]).real
            for i in range(phi.shape[0]):
                s -= (np.conj(both[i, 1 + k]) * solved[i, 1 + j]).real
            information[k, j] = information[j, k] = s
