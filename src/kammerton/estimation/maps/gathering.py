"""What a whole map says of lines whose heights, width and background all its columns share.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.pulling import FANO, POLE
from kammerton.estimation.numeric.kernels import TOGETHER, kernel, making_piece, piece

Array = NDArray[np.float64]


@kernel
def fill_gathered(
    f: Array, y: Array, w: Array, at: Array, half: float, delay: float, shape: int, share: Array,
    gradient: Array, information: Array, chi2: Array,
) -> None:  # fmt: skip
    """Compare y (B, parts, A) with lines at `at` (K, B).

    share (L, parts): of ramps of growing power, then of each line (and of its slanted part, FANO).
    Fills gradient (B, F) and information (B, F, F) of positions, width, delay (POLE), share;
    and chi2 (B,). y is turned back by the delay, which changes no product of what is compared.
    Rows are as long as a processor takes them, points without weight behind the others.
    """
    columns, parts = y.shape[:2]
    x = together(f)
    points = x.size
    lines, size = at.shape[0], share.shape[0]
    per, moving = 2 if shape == FANO else 1, gradient.shape[1] - size * parts
    ground = size - per * lines
    real = ground if shape == POLE else size
    turn, basis = np.empty((2, points)), np.empty((size, parts, points))
    moves, bent = np.empty((moving + 1, parts, points)), np.empty((parts, points))
    own, weight = np.zeros((parts, points)), np.zeros(points)
    fill_turn(x, delay, shape == POLE, turn)
    for b in range(columns):
        moves[: lines + 1] = 0.0
        weight[: f.size] = w[b]
        fill_ground(x, ground, basis)
        for k in range(lines):
            for part in range(per):
                l = ground + k * per + part  # noqa: E741  # as in the sum of share and basis
                fill_line(x, at[k, b], half, shape, part, basis, l, bent)
                add_bent(x, at[k, b], half, shape, share, l, bent, moves, k, lines)
        fill_turned(y[b], turn, own)
        fill_rest(own, share, real, basis, moves, moving)
        if shape == POLE:
            fill_delayed(x, own, moves, moving)
        weigh(weight, parts, real, basis, moves)
        sum_up(moves, basis, real, parts, gradient[b], information[b])
        chi2[b] = dots(moves, moving, moves, moving, parts, points)


@kernel
def fill_image(
    f: Array, at: Array, half: float, delay: float, shape: int, share: Array, image: Array
) -> None:
    """Fill image (B, parts, A) with the model."""
    columns, parts, points = image.shape
    lines, size = at.shape[0], share.shape[0]
    per = 2 if shape == FANO else 1
    ground = size - per * lines
    real = ground if shape == POLE else size
    turn, basis = np.empty((2, points)), np.empty((size, parts, points))
    none, bent = np.zeros((parts, points)), np.empty((parts, points))
    rest = np.empty((1, parts, points))
    fill_turn(f, delay, shape == POLE, turn)
    fill_ground(f, ground, basis)
    for b in range(columns):
        for k in range(lines):
            for part in range(per):
                fill_line(f, at[k, b], half, shape, part, basis, ground + k * per + part, bent)
        fill_rest(none, share, real, basis, rest, 0)
        for i in range(points):
            re, im = -rest[0, 0, i], -rest[0, parts - 1, i]
            image[b, 0, i] = re if parts == 1 else re * turn[0, i] - im * turn[1, i]
            if parts == 2:
                image[b, 1, i] = re * turn[1, i] + im * turn[0, i]


@kernel
def fill_compressed(
    f: Array, rest: Array, w: Array, at: Array, half: float, height: Array, slope: Array,
    along: Array,
) -> None:  # fmt: skip
    """Fill along with products of what compresses real lines, d -> d - d^3.

    rest (B, A): what the fit leaves; at (K, B), height (K,); slope (K, B, P): of the places. along
    (P + K + 5,): with what law, width, level, ramp and heights move, with itself and the rest.
    """
    lines, size = height.size, slope.shape[2]
    even, aside, of_place = np.empty(lines), np.empty(lines), np.empty(lines)
    along[:] = 0.0
    for b in range(w.shape[0]):
        of_place[:] = 0.0
        for i in range(f.size):
            line, width = 0.0, 0.0
            for k in range(lines):
                u = (f[i] - at[k, b]) / half
                even[k] = 1.0 / (1.0 + u * u)
                aside[k] = 2.0 * height[k] * u * even[k] * even[k] / half
                line += height[k] * even[k]
                width += 0.5 * u * aside[k]
            way = -line * line * line
            weighted = w[b, i] * w[b, i] * way
            along[size] += weighted * width
            along[size + 1] += weighted
            along[size + 2] += weighted * (f[i] - 0.5)
            for k in range(lines):
                of_place[k] += weighted * aside[k]
                along[size + 3 + k] += weighted * even[k]
            along[size + 3 + lines] += weighted * way
            along[size + 4 + lines] += weighted * rest[b, i]
        for k in range(lines):
            for j in range(size):
                along[j] += slope[k, b, j] * of_place[k]


@making_piece
def together(f: Array) -> Array:
    """Return f with the last point repeated, so that a processor takes some points at once."""
    longer = np.empty((f.size + TOGETHER - 1) // TOGETHER * TOGETHER)
    longer[: f.size], longer[f.size :] = f, f[-1]
    return longer


@piece
def fill_turn(f: Array, delay: float, turning: bool, turn: Array) -> None:
    """Fill cosine and sine of the delay's phase (2, A)."""
    for i in range(f.size):
        angle = delay * (f[i] - 0.5) if turning else 0.0
        turn[0, i], turn[1, i] = math.cos(angle), math.sin(angle)


@piece
def fill_turned(y: Array, turn: Array, own: Array) -> None:
    """Fill y (parts, A) turned back by the delay."""
    if len(y) == 1:
        for i in range(y.shape[1]):
            own[0, i] = y[0, i]
        return
    for i in range(y.shape[1]):
        own[0, i] = y[0, i] * turn[0, i] + y[1, i] * turn[1, i]
        own[1, i] = y[1, i] * turn[0, i] - y[0, i] * turn[1, i]


@piece
def fill_ground(f: Array, ground: int, basis: Array) -> None:
    """Fill the first rows of basis, which are real: their second part is never looked at."""
    for i in range(f.size):
        basis[0, 0, i] = 1.0
    for l in range(1, ground):  # noqa: E741
        for i in range(f.size):
            basis[l, 0, i] = basis[l - 1, 0, i] * (f[i] - 0.5)


@piece
def fill_line(
    f: Array, at: float, half: float, shape: int, part: int, basis: Array, l: int,  # noqa: E741
    bent: Array,
) -> None:  # fmt: skip
    """Fill a line, row l of basis, and how it changes with u = (f - at) / half."""
    if shape == POLE:  # 1 / (1 + iu)
        for i in range(f.size):
            u = (f[i] - at) / half
            even = 1.0 / (1.0 + u * u)
            odd = u * even
            basis[l, 0, i], basis[l, 1, i] = even, -odd
            bent[0, i], bent[1, i] = -2.0 * even * odd, odd * odd - even * even
        return
    for i in range(f.size):
        u = (f[i] - at) / half
        even = 1.0 / (1.0 + u * u)
        odd = u * even
        basis[l, 0, i] = even if part == 0 else odd
        bent[0, i] = -2.0 * even * odd if part == 0 else even * even - odd * odd


@piece
def add_bent(
    f: Array, at: float, half: float, shape: int, share: Array, l: int, bent: Array,  # noqa: E741
    moves: Array, place: int, width: int,
) -> None:  # fmt: skip
    """Add how a line of share l changes with place and width."""
    turns = shape == POLE
    for q in range(share.shape[1]):
        own = -share[l, q] / half
        other = (share[l, 1 - q] if q == 0 else -share[l, 1 - q]) / half if turns else 0.0
        for i in range(f.size):
            change = own * bent[0, i]
            if turns:
                change += other * bent[1, i]
            moves[place, q, i] += change
            moves[width, q, i] += change * (0.5 * (f[i] - at) / half)


@piece
def fill_rest(own: Array, share: Array, real: int, basis: Array, rest: Array, row: int) -> None:
    """Fill a row of rest with what the model leaves of what is given; real: rows of basis."""
    size, parts = share.shape
    for q in range(parts):
        for i in range(own.shape[1]):
            rest[row, q, i] = own[q, i]
        for l in range(size):  # noqa: E741
            for i in range(own.shape[1]):
                rest[row, q, i] -= share[l, q] * basis[l, 0, i]
    if parts == 1:
        return
    for l in range(real, size):  # noqa: E741
        for i in range(own.shape[1]):
            rest[row, 0, i] += share[l, 1] * basis[l, 1, i]
            rest[row, 1, i] -= share[l, 0] * basis[l, 1, i]


@piece
def fill_delayed(f: Array, own: Array, moves: Array, rest: int) -> None:
    """Fill the row before the rest with how the model changes with the delay: i (f - 1/2) of it."""
    for i in range(f.size):
        moves[rest - 1, 0, i] = -(f[i] - 0.5) * (own[1, i] - moves[rest, 1, i])
        moves[rest - 1, 1, i] = (f[i] - 0.5) * (own[0, i] - moves[rest, 0, i])


@piece
def weigh(w: Array, parts: int, real: int, basis: Array, moves: Array) -> None:
    """Put everything in sigmas."""
    for l in range(basis.shape[0]):  # noqa: E741
        for q in range(1 if l < real else parts):
            for i in range(w.size):
                basis[l, q, i] *= w[i]
    for k in range(moves.shape[0]):
        for q in range(parts):
            for i in range(w.size):
                moves[k, q, i] *= w[i]


@piece
def sum_up(
    moves: Array, basis: Array, real: int, parts: int, gradient: Array, information: Array
) -> None:
    """Fill gradient and information of one column; the last of moves is what is left.

    A share has a real and an imaginary part, whose products are those of one complex number.
    """
    moving, points = moves.shape[0] - 1, basis.shape[2]
    for k in range(moving):
        gradient[k] = dots(moves, k, moves, moving, parts, points)
        for j in range(k + 1):
            information[k, j] = dots(moves, k, moves, j, parts, points)
    for l in range(basis.shape[0]):  # noqa: E741
        own = moving + parts * l
        for k in range(moving + 1):
            re, im = inner(basis, l, l < real, moves, k, parts, points)
            if k == moving:
                gradient[own + parts - 1], gradient[own] = im, re
            else:
                information[own + parts - 1, k], information[own, k] = im, re
        for m in range(l + 1):
            other = moving + parts * m
            re, im = inner(basis, m, m < real, basis, l, 1 if l < real else parts, points)
            if parts == 2:
                information[own + 1, other + 1] = re
                information[own + 1, other], information[own, other + 1] = -im, im
            information[own, other] = re
    for k in range(gradient.size):
        for j in range(k):
            information[j, k] = information[k, j]


@piece
def inner(
    a: Array, i: int, real: bool, b: Array, j: int, parts: int, points: int
) -> tuple[float, float]:
    """Return the sum of conj(a) b, its real and imaginary part; real: row i of a."""
    re, im = dot(a, i, 0, b, j, 0, points), 0.0
    if parts == 2:
        im = dot(a, i, 0, b, j, 1, points)
    if parts == 2 and not real:
        re += dot(a, i, 1, b, j, 1, points)
        im -= dot(a, i, 1, b, j, 0, points)
    return re, im


@piece
def dots(a: Array, i: int, b: Array, j: int, parts: int, points: int) -> float:
    """Return the sum of the inner products of the parts of row i of a and of row j of b."""
    s = dot(a, i, 0, b, j, 0, points)
    return s if parts == 1 else s + dot(a, i, 1, b, j, 1, points)


@piece
def dot(a: Array, i: int, p: int, b: Array, j: int, q: int, points: int) -> float:
    """Return the inner product of part p of row i of a and part q of row j of b."""
    s = 0.0
    for k in range(points):
        s += a[i, p, k] * b[j, q, k]
    return s
