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

SHAPES = ("line", "pole", "fano")
LINE, POLE, FANO = range(3)


@kernel
def fill_pulled(
    f: Array, z: Numbers, w: Array, at: Array, half: float, reach: float, shape: int, tilt: float,
    parts: int, gradient: Array, information: Array, seen: Array, cost: Array, model: Numbers,
    lines: Numbers, near: Mask,
) -> None:  # fmt: skip
    """Fit every column (B) of z (B, A) with lines at `at` (K, B); see `tracks.Pull`."""
    count, points = at.shape[0], f.size
    ground, moving = 3 if shape == POLE else 2, gradient.shape[1]
    size = ground + count
    phi, moves = np.empty((size, points), z.dtype), np.empty((moving, points), z.dtype)
    change = np.empty((3, count, points), z.dtype)
    normal, both = np.empty((size, size), z.dtype), np.empty((size, 1 + moving), z.dtype)
    solved, inverse = np.empty((size, 1 + moving), z.dtype), np.empty((size, size), z.dtype)
    weight = np.empty(points)
    for b in range(z.shape[0]):
        fill_columns(f, at[:, b], half, shape, tilt, phi, change)
        inside = 0
        for i in range(points):
            least = math.inf
            for k in range(count):
                least = min(least, abs(f[i] - at[k, b]))
            near[b, i] = least < reach and w[b, i] > 0.0
            weight[i] = w[b, i] * w[b, i] if near[b, i] else 0.0
            inside += near[b, i]
        gradient[b], information[b], seen[b], cost[b] = 0.0, 0.0, 0.0, 0.0
        model[b], lines[b] = 0.0, 0.0
        if inside == 0:
            continue
        invert(phi, weight, normal, inverse)
        overlap(phi, weight, z[b], both[:, 0])
        apply(inverse, both[:, 0], solved[:, 0])
        moves[:, :] = 0.0
        for k in range(count):
            height = solved[ground + k, 0]
            variance = max(inverse[ground + k, ground + k].real, 1e-300)
            seen[b, k] = abs(height) ** 2 / variance
            kept = height * max(0.0, 1.0 - parts / max(seen[b, k], 1e-9))
            for i in range(points):
                moves[k, i] = kept * change[0, k, i]
                moves[count, i] += kept * change[1, k, i]
                lines[b, i] += height * phi[ground + k, i]
            if shape == FANO:
                for i in range(points):
                    moves[count + 1, i] += kept * change[2, k, i]
        fill_model(phi, solved[:, 0], ground, lines[b], model[b])
        cost[b] = left_over(z[b], model[b], weight)
        inform(phi, moves, weight, z[b], model[b], inverse, both, solved, gradient[b],
               information[b])  # fmt: skip


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
def fill_model(
    phi: Numbers, heights: Numbers, ground: int, lines: Numbers, model: Numbers
) -> None:  # fmt: skip
    """Fill the model: the lines over their background."""
    for i in range(phi.shape[1]):
        model[i] = lines[i]
    for k in range(ground):
        for i in range(phi.shape[1]):
            model[i] += heights[k] * phi[k, i]


@kernel
def left_over(z: Numbers, model: Numbers, weight: Array) -> float:
    """Return the weighted sum of squares of what the model leaves."""
    s = 0.0
    for i in range(z.size):
        s += weight[i] * abs(z[i] - model[i]) ** 2
    return s


@kernel
def inform(
    phi: Numbers, moves: Numbers, weight: Array, z: Numbers, model: Numbers, inverse: Numbers,
    both: Numbers, solved: Numbers, gradient: Array, information: Array,
) -> None:  # fmt: skip
    """Fill gradient (F,) and information (F, F), heights and background eliminated."""
    for k in range(moves.shape[0]):
        overlap(phi, weight, moves[k], both[:, 1 + k])
        apply(inverse, both[:, 1 + k], solved[:, 1 + k])
        s = 0.0
        for i in range(z.size):
            s += (np.conj(moves[k, i]) * (z[i] - model[i])).real * weight[i]
        gradient[k] = s
    for k in range(moves.shape[0]):
        for j in range(k + 1):
            s = inner(moves[k], weight, moves[j]).real
            for i in range(phi.shape[0]):
                s -= (np.conj(both[i, 1 + k]) * solved[i, 1 + j]).real
            information[k, j] = information[j, k] = s
