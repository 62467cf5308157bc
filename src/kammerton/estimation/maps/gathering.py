"""What a whole map says of lines whose heights, width and background all its columns share.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.pulling import FANO, POLE
from kammerton.estimation.numeric.kernels import kernel, piece

Array = NDArray[np.float64]


@kernel
def fill_gathered(
    f: Array, y: Array, w: Array, at: Array, half: float, delay: float, shape: int, share: Array,
    gradient: Array, information: Array, chi2: Array,
) -> None:  # fmt: skip
    """Compare y (B, parts, A) with lines at `at` (K, B).

    share (L, parts): of ramps of growing power, then of each line (and of its slanted part, FANO).
    Fills gradient (B, F) and information (B, F, F) of positions, width, delay (POLE), share;
    and chi2 (B,).
    """
    columns, parts, points = y.shape
    lines, size = at.shape[0], share.shape[0]
    moving = gradient.shape[1]
    turn, basis, bent = np.empty((2, points)), np.empty((size, 2, points)), np.empty((2, points))
    moves, rest = np.empty((moving, parts * points)), np.empty(parts * points)
    per = 2 if shape == FANO else 1
    ground = size - per * lines
    fill_turn(f, delay, shape == POLE, turn)
    fill_ground(f, turn, ground, basis)
    for b in range(columns):
        moves[: lines + 1] = 0.0
        for k in range(lines):
            for part in range(per):
                l = ground + k * per + part  # noqa: E741  # as in the sum of share and basis
                fill_line(f, at[k, b], half, shape, part, turn, basis[l], bent)
                add_bent(f, at[k, b], half, share[l], bent, moves[k], moves[lines])
        fill_rest(y[b], share, basis, rest)
        if shape == POLE:
            fill_delayed(f, y[b], rest, moves[lines + 1])
        fill_shares(basis, parts, moves[moving - size * parts :])
        weigh(w[b], parts, moves, rest)
        chi2[b] = sum_up(moves, rest, gradient[b], information[b])


@kernel
def fill_image(
    f: Array, at: Array, half: float, delay: float, shape: int, share: Array, image: Array
) -> None:
    """Fill image (B, parts, A) with the model."""
    columns, parts, points = image.shape
    lines, size = at.shape[0], share.shape[0]
    turn, basis, bent = np.empty((2, points)), np.empty((size, 2, points)), np.empty((2, points))
    per = 2 if shape == FANO else 1
    ground = size - per * lines
    none, rest = np.zeros((parts, points)), np.empty(parts * points)
    fill_turn(f, delay, shape == POLE, turn)
    fill_ground(f, turn, ground, basis)
    for b in range(columns):
        for k in range(lines):
            for part in range(per):
                fill_line(f, at[k, b], half, shape, part, turn, basis[ground + k * per + part],
                          bent)  # fmt: skip
        fill_rest(none, share, basis, rest)
        for q in range(parts):
            for i in range(points):
                image[b, q, i] = -rest[q * points + i]


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


@piece
def fill_turn(f: Array, delay: float, turning: bool, turn: Array) -> None:
    """Fill turn (2, A) with the factor that the delay makes."""
    for i in range(f.size):
        angle = delay * (f[i] - 0.5) if turning else 0.0
        turn[0, i], turn[1, i] = math.cos(angle), math.sin(angle)


@piece
def fill_ground(f: Array, turn: Array, ground: int, basis: Array) -> None:
    """Fill the first rows of basis (L, 2, A)."""
    for l in range(ground):  # noqa: E741
        for i in range(f.size):
            power = (f[i] - 0.5) ** l
            basis[l, 0, i], basis[l, 1, i] = power * turn[0, i], power * turn[1, i]


@piece
def fill_line(
    f: Array, at: float, half: float, shape: int, part: int, turn: Array, line: Array, bent: Array
) -> None:
    """Fill a line (2, A), and how it changes with u = (f - at) / half."""
    for i in range(f.size):
        u = (f[i] - at) / half
        even = 1.0 / (1.0 + u * u)
        odd = u * even
        if shape == POLE:  # 1 / (1 + iu)
            re, im = turn[0, i], turn[1, i]
            down, side = -2.0 * even * odd, odd * odd - even * even
            line[0, i], line[1, i] = re * even + im * odd, im * even - re * odd
            bent[0, i], bent[1, i] = re * down - im * side, re * side + im * down
        elif part == 0:
            line[0, i], line[1, i] = even, 0.0
            bent[0, i], bent[1, i] = -2.0 * even * odd, 0.0
        else:
            line[0, i], line[1, i] = odd, 0.0
            bent[0, i], bent[1, i] = even * even - odd * odd, 0.0


@piece
def add_bent(
    f: Array, at: float, half: float, share: Array, bent: Array, place: Array, width: Array
) -> None:
    """Add how a line of this share changes with place and width."""
    points = f.size
    for q in range(share.size):
        for i in range(points):
            if share.size == 1:
                change = share[0] * bent[0, i]
            elif q == 0:
                change = share[0] * bent[0, i] - share[1] * bent[1, i]
            else:
                change = share[0] * bent[1, i] + share[1] * bent[0, i]
            change /= -half
            place[q * points + i] += change
            width[q * points + i] += change * 0.5 * (f[i] - at) / half


@piece
def fill_rest(y: Array, share: Array, basis: Array, rest: Array) -> None:
    """Fill what the model leaves of y (parts, A)."""
    parts, points = y.shape
    for q in range(parts):
        for i in range(points):
            rest[q * points + i] = y[q, i]
    for l in range(share.shape[0]):  # noqa: E741
        for i in range(points):
            if parts == 1:
                rest[i] -= share[l, 0] * basis[l, 0, i]
                continue
            rest[i] -= share[l, 0] * basis[l, 0, i] - share[l, 1] * basis[l, 1, i]
            rest[points + i] -= share[l, 0] * basis[l, 1, i] + share[l, 1] * basis[l, 0, i]


@piece
def fill_delayed(f: Array, y: Array, rest: Array, move: Array) -> None:
    """Fill how the model, y less the rest, changes with the delay: i (f - 1/2) times it."""
    points = f.size
    for i in range(points):
        move[i] = -(f[i] - 0.5) * (y[1, i] - rest[points + i])
        move[points + i] = (f[i] - 0.5) * (y[0, i] - rest[i])


@piece
def fill_shares(basis: Array, parts: int, moves: Array) -> None:
    """Fill how the model changes with each part of each share."""
    points = basis.shape[2]
    for l in range(basis.shape[0]):  # noqa: E741
        for i in range(points):
            if parts == 1:
                moves[l, i] = basis[l, 0, i]
                continue
            moves[2 * l, i], moves[2 * l, points + i] = basis[l, 0, i], basis[l, 1, i]
            moves[2 * l + 1, i], moves[2 * l + 1, points + i] = -basis[l, 1, i], basis[l, 0, i]


@piece
def weigh(w: Array, parts: int, moves: Array, rest: Array) -> None:
    """Put everything in sigmas."""
    points = w.size
    for q in range(parts):
        for i in range(points):
            rest[q * points + i] *= w[i]
    for k in range(moves.shape[0]):
        for q in range(parts):
            for i in range(points):
                moves[k, q * points + i] *= w[i]


@piece
def sum_up(moves: Array, rest: Array, gradient: Array, information: Array) -> float:
    """Fill gradient and information of one column; return its chi-square."""
    for k in range(moves.shape[0]):
        gradient[k] = dot(moves[k], rest)
        for j in range(k + 1):
            information[k, j] = information[j, k] = dot(moves[k], moves[j])
    return dot(rest, rest)


@piece
def dot(a: Array, b: Array) -> float:
    """Return the inner product."""
    s = 0.0
    for i in range(a.size):
        s += a[i] * b[i]
    return s
