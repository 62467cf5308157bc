"""What each column of a map says of the lines in it: heights, misses, and how well they are known.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel, piece

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
    of background and lines. unit: 1j, or 0.0 for real columns. Rows of points hold all real parts,
    then the imaginary ones: complex numbers would go one by one.
    """
    count, points, parts = at.shape[0], f.size, 1 if unit == 0.0 else 2
    ground, moving = heights.shape[1] - count, gradient.shape[1]
    size = ground + count
    phi, moves = np.empty((size, parts * points)), np.empty((moving, parts * points))
    change, own = np.empty((3 * count, parts * points)), np.empty((2, parts * points))
    normal, both = np.empty((size, size), z.dtype), np.empty((size, 1 + moving), z.dtype)
    solved, inverse = np.empty((size, 1 + moving), z.dtype), np.empty((size, size), z.dtype)
    weights = np.empty(points)
    for b in range(z.shape[0]):
        gradient[b], information[b], seen[b], cost[b], heights[b] = 0.0, 0.0, 0.0, 0.0, 0.0
        first, end, inside = fill_weight(f, w[b], at[:, b], reach, weights)
        freedom[b] = parts * max(inside - size, 0)
        if inside == 0:
            continue
        n = end - first
        fill_columns(f[first:end], at[:, b], half, shape, tilt, parts, phi, change)
        for i in range(n):
            own[0, i] = z[b, first + i].real
            if parts == 2:
                own[0, n + i] = z[b, first + i].imag
        weigh(phi, weights, n, parts)
        weigh(own[:1], weights, n, parts)
        invert(phi, n, parts, unit, normal, inverse)
        overlap(phi, own, 0, n, parts, unit, both, 0)
        apply(inverse, both, 0, solved)
        for k in range(size):
            heights[b, k] = solved[k, 0]
        fill_rest(phi, heights, b, n, parts, own)
        cost[b] = dot(own, 1, own, 1, parts * n)
        moves[:, : parts * n] = 0.0
        for k in range(count):
            height = heights[b, ground + k]
            seen[b, k] = square(height) / max(inverse[ground + k, ground + k].real, 1e-300)
            kept = height * max(0.0, 1.0 - parts / max(seen[b, k], 1e-9))
            add_moves(kept, change, shape, k, count, n, parts, moves)
        weigh(moves, weights, n, parts)
        inform(phi, moves, own, n, parts, unit, inverse, both, solved, gradient[b], information[b])


@piece
def fill_weight(f: Array, w: Array, at: Array, reach: float, weight: Array) -> tuple[int, int, int]:
    """Fill the weight of points from the first within reach of a line to the last, 0 between.

    Return the first, the one behind the last, and how many count.
    """
    first, end, inside = f.size, 0, 0
    for k in range(at.size):
        low, high = np.searchsorted(f, at[k] - reach), np.searchsorted(f, at[k] + reach)
        if high > low:
            first, end = min(first, low), max(end, high)
    first = min(first, end)
    for i in range(end - first):
        weight[i] = 0.0
    for k in range(at.size):
        low, high = np.searchsorted(f, at[k] - reach), np.searchsorted(f, at[k] + reach)
        for i in range(low, high):
            weight[i - first] = w[i]
    for i in range(end - first):
        inside += weight[i] > 0.0
    return first, end, inside


@piece
def add_moves(
    kept: Any, change: Array, shape: int, k: int, count: int, n: int, parts: int, moves: Array
) -> None:
    """Add how the model changes with the place of line k, the width, and the tilt."""
    add_product(kept, change, 3 * k, n, parts, moves, k)
    add_product(kept, change, 3 * k + 1, n, parts, moves, count)
    if shape == FANO:
        add_product(kept, change, 3 * k + 2, n, parts, moves, count + 1)


@piece
def add_product(number: Any, a: Array, i: int, n: int, parts: int, out: Array, j: int) -> None:
    """Add row i of a, times a number, to row j of out."""
    re, im = number.real, number.imag
    if parts == 1:
        for m in range(n):
            out[j, m] += re * a[i, m]
        return
    for m in range(n):
        out[j, m] += re * a[i, m] - im * a[i, n + m]
        out[j, n + m] += re * a[i, n + m] + im * a[i, m]


@kernel
def fill_image(
    f: Array, w: Array, at: Array, half: float, reach: float, shape: int, tilt: float,
    unit: Any, heights: Numbers, model: Numbers, lines: Numbers, near: Mask,
) -> None:  # fmt: skip
    """Fill the model (B, A), its lines alone, and which points counted."""
    count, points, parts = at.shape[0], f.size, 1 if unit == 0.0 else 2
    size = heights.shape[1]
    phi, change = np.empty((size, parts * points)), np.empty((3 * count, parts * points))
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
                part = phi[k, i] + unit * phi[k, (parts - 1) * points + i]
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
    if parts == 2:
        phi[:, n : 2 * n], change[:, n : 2 * n] = 0.0, 0.0
    for i in range(n):
        ramp = f[i] - 0.5
        phi[0, i], phi[1, i] = 1.0, ramp
        if shape == POLE:
            phi[2, i] = ramp * ramp
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
        phi[k, i] = even + tilt * u * even
        change[j, i], change[j + 1, i], change[j + 2, i] = (
            slope / half, slope * (0.5 * u / half), u * even
        )  # fmt: skip


@piece
def fill_pole(f: Array, at: float, half: float, phi: Array, k: int, change: Array, j: int) -> None:
    """Fill row k of phi with 1/(1 + iu), and rows of change from j on."""
    n = f.size
    for i in range(n):
        u = (f[i] - at) / half
        even = 1.0 / (1.0 + u * u)
        odd = u * even
        re, im = (even * even - odd * odd) / half, -2.0 * even * odd / half  # of the line's square
        phi[k, i], phi[k, n + i] = even, -odd
        change[j, i], change[j, n + i] = -im, re
        change[j + 1, i], change[j + 1, n + i] = -im * 0.5 * u, re * 0.5 * u


@piece
def weigh(rows: Array, weight: Array, n: int, parts: int) -> None:
    """Put every point of the rows in its sigmas."""
    for k in range(rows.shape[0]):
        for q in range(parts):
            for i in range(n):
                rows[k, q * n + i] *= weight[i]


@piece
def invert(phi: Array, n: int, parts: int, unit: Any, normal: Numbers, inverse: Numbers) -> None:
    """Invert the normal matrix of the columns, with a ridge, by its Cholesky factor.

    The factor's diagonal, which is real, is kept as its reciprocal: no complex number is divided.
    """
    size, most = phi.shape[0], 0.0
    for k in range(size):
        for j in range(k + 1):
            normal[k, j] = inner(phi, k, phi, j, n, parts, unit)
        most = max(most, normal[k, k].real)
    for k in range(size):
        own = normal[k, k].real
        normal[k, k] = own + 1e-9 * own + 1e-12 * most + 1e-300
    for j in range(size):
        s = normal[j, j].real
        for k in range(j):
            s -= square(normal[j, k])
        normal[j, j] = 1.0 / math.sqrt(max(s, 1e-300))
        for i in range(j + 1, size):
            for k in range(j):
                normal[i, j] -= normal[i, k] * np.conj(normal[j, k])
            normal[i, j] *= normal[j, j].real
    for q in range(size):
        inverse[:, q] = 0.0
        inverse[q, q] = normal[q, q].real
        for i in range(q + 1, size):
            for k in range(q, i):
                inverse[i, q] -= normal[i, k] * inverse[k, q]
            inverse[i, q] *= normal[i, i].real
        for i in range(size - 1, -1, -1):
            for k in range(i + 1, size):
                inverse[i, q] -= np.conj(normal[k, i]) * inverse[k, q]
            inverse[i, q] *= normal[i, i].real


@piece
def square(number: Any) -> float:
    """Return the square of a number's size."""
    return number.real**2 + number.imag**2  # type: ignore[no-any-return]


@piece
def dot(a: Array, i: int, b: Array, j: int, n: int) -> float:
    """Return the inner product of the first n of row i of a and of row j of b."""
    s = 0.0
    for k in range(n):
        s += a[i, k] * b[j, k]
    return s


@piece
def inner(a: Array, i: int, b: Array, j: int, n: int, parts: int, unit: Any) -> Any:
    """Return the sum of conj(a) b over n points."""
    im = 0.0
    if parts == 2:
        for k in range(n):
            im += a[i, k] * b[j, n + k] - a[i, n + k] * b[j, k]
    return dot(a, i, b, j, parts * n) + im * unit


@piece
def overlap(
    phi: Array, y: Array, j: int, n: int, parts: int, unit: Any, out: Numbers, q: int
) -> None:
    """Fill column q of out with the inner products of the columns with row j of y."""
    for k in range(phi.shape[0]):
        out[k, q] = inner(phi, k, y, j, n, parts, unit)


@piece
def apply(matrix: Numbers, y: Numbers, q: int, out: Numbers) -> None:
    """Fill column q of out with the product of matrix and column q of y."""
    for k in range(matrix.shape[0]):
        out[k, q] = 0.0
        for j in range(matrix.shape[1]):
            out[k, q] += matrix[k, j] * y[j, q]


@piece
def fill_rest(phi: Array, heights: Numbers, b: int, n: int, parts: int, own: Array) -> None:
    """Fill the second row of own with what the background and the lines leave of the first."""
    for i in range(parts * n):
        own[1, i] = own[0, i]
    for k in range(heights.shape[1]):
        add_product(-heights[b, k], phi, k, n, parts, own, 1)


@piece
def inform(
    phi: Array, moves: Array, own: Array, n: int, parts: int, unit: Any, inverse: Numbers,
    both: Numbers, solved: Numbers, gradient: Array, information: Array,
) -> None:  # fmt: skip
    """Fill gradient (F,) and information (F, F), heights and background eliminated."""
    for k in range(moves.shape[0]):
        overlap(phi, moves, k, n, parts, unit, both, 1 + k)
        apply(inverse, both, 1 + k, solved)
        gradient[k] = dot(moves, k, own, 1, parts * n)
    for k in range(moves.shape[0]):
        for j in range(k + 1):
            s = dot(moves, k, moves, j, parts * n)
            for i in range(phi.shape[0]):
                s -= (np.conj(both[i, 1 + k]) * solved[i, 1 + j]).real
            information[k, j] = information[j, k] = s
