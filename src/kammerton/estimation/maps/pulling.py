"""What each column of a map says of the lines in it: heights, misses, and how well they are known.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import TOGETHER, kernel, piece

Array = NDArray[np.float64]
Numbers = NDArray[Any]
Mask = NDArray[np.bool_]

SHAPES = ("line", "pole", "fano")
LINE, POLE, FANO = range(3)


@kernel
def fill_pulled(
    f: Array, z: Numbers, w: Array, at: Array, half: float, reach: float, shape: int, tilt: float,
    unit: Any, gradient: Array, information: Array, seen: Array, cost: Array, freedom: Array,
    heights: Numbers,
) -> None:  # fmt: skip
    """Fit every column (B) of z (B, A) with lines at `at` (K, B); see `tracks.Pull`.

    Only points within `reach` of a line count: freedom (B,) is of theirs. heights (B, ground + K):
    of background and lines. unit: 1j, or 0.0 for real columns. Rows of points (parts, n) hold all
    real parts, then the imaginary ones: complex numbers would go one by one. The background is
    real, as are lines that are no poles: their imaginary parts are never looked at. Rows are as
    long as a processor takes them, points without weight behind the others.
    """
    count, points, parts = at.shape[0], together(f.size), 1 if unit == 0.0 else 2
    ground, moving = heights.shape[1] - count, gradient.shape[1]
    size = ground + count
    phi, moves = np.empty((size, parts, points)), np.empty((moving, parts, points))
    change, own = np.empty((3 * count, parts, points)), np.empty((2, parts, points))
    normal, both = np.empty((size, size), z.dtype), np.empty((size, 1 + moving), z.dtype)
    weights, x, real = np.empty(points), np.empty(points), ground if shape == POLE else size
    for b in range(z.shape[0]):
        gradient[b], information[b], seen[b], cost[b], heights[b] = 0.0, 0.0, 0.0, 0.0, 0.0
        first, end, inside = fill_weight(f, w[b], at[:, b], reach, weights)
        freedom[b] = parts * max(inside - size, 0)
        if inside == 0:
            continue
        n = fill_points(f, z, b, first, end, parts, x, weights, own)
        fill_columns(x[:n], at[:, b], half, shape, tilt, parts, phi, change)
        weigh(phi, 0, real, weights, n, 1)
        weigh(phi, real, size, weights, n, parts)
        weigh(own, 0, 1, weights, n, parts)
        factor(phi, real, n, parts, unit, normal)
        overlap(phi, real, own, 0, n, parts, unit, normal, both, 0)
        solve(normal, both, heights, b)
        fill_rest(phi, real, heights, b, n, parts, own)
        cost[b] = dots(own, 1, own, 1, n, parts)
        moves[:, :, :n] = 0.0
        for k in range(count):
            height = heights[b, ground + k]
            seen[b, k] = square(height) / max(variance(normal, ground + k), 1e-300)
            kept = height * max(0.0, 1.0 - parts / max(seen[b, k], 1e-9))
            add_moves(kept, change, shape, k, count, n, parts, moves)
        weigh(moves, 0, moving, weights, n, parts)
        inform(phi, real, moves, own, n, parts, unit, normal, both, gradient, information, b)


@piece
def together(points: int) -> int:
    """Return how long a row of so many points is, which a processor takes some at once."""
    return (points + TOGETHER - 1) // TOGETHER * TOGETHER


@piece
def fill_points(
    f: Array, z: Numbers, b: int, first: int, end: int, parts: int, x: Array, weight: Array,
    own: Array,
) -> int:  # fmt: skip
    """Fill places and the first row of own with some points of row b of z; return how many.

    Behind them are points of no weight.
    """
    n = together(end - first)
    for i in range(n):
        there = first + i < end
        at = first + i if there else end - 1
        x[i] = f[at]
        own[0, 0, i] = z[b, at].real
        if parts == 2:
            own[0, 1, i] = z[b, at].imag
        if not there:
            weight[i] = 0.0
    return n


@piece
def fill_weight(f: Array, w: Array, at: Array, reach: float, weight: Array) -> tuple[int, int, int]:
    """Fill the weight of points from the first within reach of a line to the last, 0 between.

    Return the first, the one behind the last, and how many count.
    """
    first, end, inside = f.size, 0, 0
    for k in range(at.size):
        low, high = first_from(f, at[k] - reach), first_from(f, at[k] + reach)
        if high > low:
            first, end = min(first, low), max(end, high)
    first = min(first, end)
    for i in range(end - first):
        weight[i] = 0.0
    for k in range(at.size):
        low, high = first_from(f, at[k] - reach), first_from(f, at[k] + reach)
        for i in range(low, high):
            weight[i - first] = w[i]
    for i in range(end - first):
        inside += weight[i] > 0.0
    return first, end, inside


@piece
def first_from(f: Array, place: float) -> int:
    """Return which of f, which runs from 0 to 1 and mostly evenly, is the first not below place."""
    at = min(max(int(min(max(place, 0.0), 1.0) * (f.size - 1)), 0), f.size - 1)
    while at > 0 and f[at - 1] >= place:
        at -= 1
    while at < f.size and f[at] < place:
        at += 1
    return at


@piece
def add_moves(
    kept: Any, change: Array, shape: int, k: int, count: int, n: int, parts: int, moves: Array
) -> None:
    """Add how the model changes with the place of line k, the width, and the tilt."""
    real = shape != POLE
    add_product(kept, change, 3 * k, real, n, parts, moves, k)
    add_product(kept, change, 3 * k + 1, real, n, parts, moves, count)
    if shape == FANO:
        add_product(kept, change, 3 * k + 2, real, n, parts, moves, count + 1)


@piece
def add_product(
    number: Any, a: Array, i: int, real: bool, n: int, parts: int, out: Array, j: int
) -> None:
    """Add row i of a, times a number, to row j of out."""
    re, im = number.real, number.imag
    if parts == 1:
        for m in range(n):
            out[j, 0, m] += re * a[i, 0, m]
        return
    if real:
        for m in range(n):
            out[j, 0, m] += re * a[i, 0, m]
            out[j, 1, m] += im * a[i, 0, m]
        return
    for m in range(n):
        out[j, 0, m] += re * a[i, 0, m] - im * a[i, 1, m]
        out[j, 1, m] += re * a[i, 1, m] + im * a[i, 0, m]


@kernel
def fill_image(
    f: Array, w: Array, at: Array, half: float, reach: float, shape: int, tilt: float,
    unit: Any, heights: Numbers, model: Numbers, lines: Numbers, near: Mask,
) -> None:  # fmt: skip
    """Fill the model (B, A), its lines alone, and which points counted."""
    count, points, parts = at.shape[0], f.size, 1 if unit == 0.0 else 2
    size = heights.shape[1]
    real = size - count if shape == POLE else size
    phi, change = np.empty((size, parts, points)), np.empty((3 * count, parts, points))
    weight = np.empty(points)
    for b in range(model.shape[0]):
        model[b], lines[b] = 0.0, 0.0
        first, end, inside = fill_weight(f, w[b], at[:, b], reach, weight)
        near[b] = False
        for i in range(first, end):
            near[b, i] = weight[i - first] > 0.0
        if inside == 0:
            continue
        fill_columns(f, at[:, b], half, shape, tilt, parts, phi, change)
        for k in range(size):
            for i in range(points):
                part = phi[k, 0, i] + (unit * phi[k, 1, i] if k >= real else 0.0 * unit)
                model[b, i] += heights[b, k] * part
                if k >= size - count:
                    lines[b, i] += heights[b, k] * part


@piece
def fill_columns(
    f: Array, at: Array, half: float, shape: int, tilt: float, parts: int, phi: Array,
    change: Array,
) -> None:  # fmt: skip
    """Fill the background and the lines, and how lines change with place, width and tilt."""
    n, ground = f.size, phi.shape[0] - at.size
    for i in range(n):
        ramp = f[i] - 0.5
        phi[0, 0, i], phi[1, 0, i] = 1.0, ramp
    if shape == POLE:
        for i in range(n):
            phi[2, 0, i] = phi[1, 0, i] * phi[1, 0, i]
    for k in range(at.size):
        if shape == POLE:
            fill_pole(f, at[k], half, phi, ground + k, change, 3 * k)
        else:
            fill_line(f, at[k], half, tilt if shape == FANO else 0.0, phi, ground + k, change,
                      3 * k)  # fmt: skip


@piece
def fill_line(
    f: Array, at: float, half: float, tilt: float, phi: Array, k: int, change: Array, j: int
) -> None:
    """Fill row k of phi with a tilted line, and rows of change from j on."""
    for i in range(f.size):
        u = (f[i] - at) / half
        even = 1.0 / (1.0 + u * u)
        square = 2.0 * even * even
        slope = u * square + tilt * (even - square)
        phi[k, 0, i] = even + tilt * u * even
        change[j, 0, i], change[j + 1, 0, i], change[j + 2, 0, i] = (
            slope / half, slope * (0.5 * u / half), u * even
        )  # fmt: skip


@piece
def fill_pole(f: Array, at: float, half: float, phi: Array, k: int, change: Array, j: int) -> None:
    """Fill row k of phi with 1/(1 + iu), and rows of change from j on."""
    for i in range(f.size):
        u = (f[i] - at) / half
        even = 1.0 / (1.0 + u * u)
        odd = u * even
        re, im = (even * even - odd * odd) / half, -2.0 * even * odd / half  # of the line's square
        phi[k, 0, i], phi[k, 1, i] = even, -odd
        change[j, 0, i], change[j, 1, i] = -im, re
        change[j + 1, 0, i], change[j + 1, 1, i] = -im * 0.5 * u, re * 0.5 * u


@piece
def weigh(rows: Array, first: int, end: int, weight: Array, n: int, parts: int) -> None:
    """Put every point of some rows in its sigmas."""
    for k in range(first, end):
        for q in range(parts):
            for i in range(n):
                rows[k, q, i] *= weight[i]


@piece
def factor(phi: Array, real: int, n: int, parts: int, unit: Any, normal: Numbers) -> None:
    """Fill Cholesky's factor of the normal matrix of the columns, with a ridge.

    Its diagonal, which is real, is kept as its reciprocal: no complex number is divided.
    """
    size, most = phi.shape[0], 0.0
    for k in range(size):
        for j in range(k + 1):
            both = 1 if k < real else parts
            normal[k, j] = np.conj(inner(phi, j, j < real, phi, k, n, both, unit))
        most = max(most, normal[k, k].real)
    for k in range(size):
        own = normal[k, k].real
        normal[k, k] = own + 1e-9 * own + 1e-12 * most + 1e-300
    for j in range(size):
        s = normal[j, j].real
        for k in range(j):
            s -= square(normal[j, k])
        root = 1.0 / math.sqrt(max(s, 1e-300))
        normal[j, j] = root
        for i in range(j + 1, size):
            own = normal[i, j]
            for k in range(j):
                own -= normal[i, k] * np.conj(normal[j, k])
            normal[i, j] = own * root


@piece
def solve(normal: Numbers, both: Numbers, heights: Numbers, b: int) -> None:
    """Fill row b of heights with what the first column of both asks for, see `overlap`."""
    for i in range(normal.shape[0] - 1, -1, -1):
        own = both[i, 0]
        for k in range(i + 1, normal.shape[0]):
            own -= np.conj(normal[k, i]) * heights[b, k]
        heights[b, i] = own * normal[i, i].real


@piece
def variance(normal: Numbers, at: int) -> float:
    """Return how well one height is known: an element of the inverse's diagonal.

    For the last but one, at most: of two lines.
    """
    own = normal[at, at].real ** 2
    if at + 1 == normal.shape[0]:
        return own  # type: ignore[no-any-return]
    return own * (1.0 + square(normal[at + 1, at]) * normal[at + 1, at + 1].real ** 2)  # type: ignore[no-any-return]


@piece
def square(number: Any) -> float:
    """Return the square of a number's size."""
    return number.real**2 + number.imag**2  # type: ignore[no-any-return]


@piece
def dots(a: Array, i: int, b: Array, j: int, n: int, parts: int) -> float:
    """Return the sum of the inner products of the parts of row i of a and of row j of b."""
    s = dot(a, i, 0, b, j, 0, n)
    return s if parts == 1 else s + dot(a, i, 1, b, j, 1, n)


@piece
def dot(a: Array, i: int, p: int, b: Array, j: int, q: int, n: int) -> float:
    """Return the inner product of part p of row i of a and part q of row j of b."""
    s = 0.0
    for k in range(n):
        s += a[i, p, k] * b[j, q, k]
    return s


@piece
def inner(a: Array, i: int, real: bool, b: Array, j: int, n: int, parts: int, unit: Any) -> Any:
    """Return the sum of conj(a) b over n points; real: of row i of a. parts: of row j of b."""
    re, im = dot(a, i, 0, b, j, 0, n), 0.0
    if parts == 2:
        im = dot(a, i, 0, b, j, 1, n)
    if parts == 2 and not real:
        re += dot(a, i, 1, b, j, 1, n)
        im -= dot(a, i, 1, b, j, 0, n)
    return re + im * unit


@piece
def overlap(
    phi: Array, real: int, y: Array, j: int, n: int, parts: int, unit: Any, normal: Numbers,
    out: Numbers, q: int,
) -> None:  # fmt: skip
    """Fill column q of out with the inner products of the columns, made orthonormal, with row j."""
    for k in range(phi.shape[0]):
        own = inner(phi, k, k < real, y, j, n, parts, unit)
        for i in range(k):
            own -= normal[k, i] * out[i, q]
        out[k, q] = own * normal[k, k].real


@piece
def fill_rest(
    phi: Array, real: int, heights: Numbers, b: int, n: int, parts: int, own: Array
) -> None:
    """Fill the second row of own with what the background and the lines leave of the first."""
    for q in range(parts):
        for i in range(n):
            own[1, q, i] = own[0, q, i]
    for k in range(heights.shape[1]):
        add_product(-heights[b, k], phi, k, k < real, n, parts, own, 1)


@piece
def inform(
    phi: Array, real: int, moves: Array, own: Array, n: int, parts: int, unit: Any,
    normal: Numbers, both: Numbers, gradient: Array, information: Array, b: int,
) -> None:  # fmt: skip
    """Fill gradient (B, F) and information (B, F, F), heights and background eliminated."""
    for k in range(moves.shape[0]):
        overlap(phi, real, moves, k, n, parts, unit, normal, both, 1 + k)
        gradient[b, k] = dots(moves, k, own, 1, n, parts)
    for k in range(moves.shape[0]):
        for j in range(k + 1):
            s = dots(moves, k, moves, j, n, parts)
            for i in range(phi.shape[0]):
                s -= (np.conj(both[i, 1 + k]) * both[i, 1 + j]).real
            information[b, k, j] = information[b, j, k] = s
