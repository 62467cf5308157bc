"""How much each column of a map counts, and the step that all columns together ask for.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import (
    careful_kernel,
    careful_making_piece,
    careful_piece,
    kernel,
    making_piece,
    piece,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SEEN = 16.0  # chi-square by which a column shows its line
TOLD = 1e-30  # information from which a column says something
FEW = 5  # lines that are too few to tell their scatter
FAR = 1e15  # error, in windows, of a line of which nothing is told
MAD = 1.4826  # from the median of absolute values to a standard deviation


@piece
def weigh(
    at: Array, width: float, freedom: Array, seen: Array, most: float, gradient: Array,
    information: Array, inside: Mask, off: Array, weight: Array,
) -> float:  # fmt: skip
    """Silence what lies outside, let lines scatter; fill misses (B, K) and weights (B,).

    at (K, B): places of the lines; inside (B, K) is filled with which lie within the window. most:
    misses in sigmas from which a column no longer counts. Returns the scatter.
    """
    for b in range(inside.shape[0]):
        for k in range(inside.shape[1]):
            within = (at[k, b] > 0.5 * width) & (at[k, b] < 1.0 - 0.5 * width)
            inside[b, k] = within & (freedom[b] > 0.0)
    silence(inside, gradient, information)
    spread = scatter(inside, seen, gradient, information)
    lines = inside.shape[1]
    for b in range(inside.shape[0]):
        if spread > 0.0:
            blur(spread, lines, gradient[b], information[b])
        worst = 0.0
        for k in range(lines):
            told = inside[b, k] and information[b, k, k] > TOLD
            off[b, k] = gradient[b, k] / math.sqrt(information[b, k, k]) if told else 0.0
            worst = max(worst, abs(off[b, k]) / most)
        weight[b] = (1.0 - worst * worst) ** 2 if worst < 1.0 else 0.0
    return spread


@making_piece
def silence(inside: Mask, gradient: Array, information: Array) -> None:
    """Silence lines outside the window; a column without any says nothing of the width."""
    moving, lines = gradient.shape[1], inside.shape[1]
    for b in range(inside.shape[0]):
        some = inside[b].any()
        for k in range(moving):
            if inside[b, k] if k < lines else some:
                continue
            gradient[b, k] = 0.0
            for j in range(moving):
                information[b, k, j] = information[b, j, k] = 0.0


@making_piece
def scatter(inside: Mask, seen: Array, gradient: Array, information: Array) -> float:
    """Return how far lines scatter about the law beyond their errors, 0 if that may be chance."""
    shift, error = np.empty(inside.size), np.empty(inside.size)
    n = 0
    for b in range(inside.shape[0]):
        for k in range(inside.shape[1]):
            if not (inside[b, k] and seen[b, k] > SEEN):
                continue
            told = information[b, k, k] > TOLD
            shift[n] = abs(gradient[b, k] / information[b, k, k]) if told else 0.0
            error[n] = 1.0 / math.sqrt(information[b, k, k]) if told else FAR
            n += 1
    if n < FEW:
        return 0.0
    shift, error = shift[:n], error[:n]
    if MAD * middle(shift / error) < 1.0 + 3.5 / math.sqrt(n):
        return 0.0
    beyond = (MAD * middle(shift)) ** 2 - middle(error * error)
    return math.sqrt(max(beyond, 0.0))


@making_piece
def middle(values: Array) -> float:
    """Return the median."""
    ordered = np.sort(values)
    return float(0.5 * (ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]))


@making_piece
def blur(spread: float, lines: int, gradient: Array, information: Array) -> None:
    """Let each position of a column scatter freely, which it can know no better than that.

    Else a few bright columns would decide all. The positions are eliminated one after another.
    """
    free = 1.0 / (spread * spread)
    size = gradient.size
    before, pull = information.copy(), gradient.copy()
    own = np.empty((lines, lines))
    for k in range(lines):
        for j in range(lines):
            own[k, j] = before[k, j] + (free if k == j else 0.0)
    inverse = inverted(own)
    for i in range(size):
        for k in range(lines):
            lost = 0.0
            for j in range(lines):
                lost += before[i, j] * inverse[j, k]
            gradient[i] -= lost * pull[k]
            for j in range(size):
                information[i, j] -= lost * before[k, j]


@making_piece
def inverted(matrix: Array) -> Array:
    """Return the inverse of a matrix of one or two rows."""
    result = np.empty_like(matrix)
    if matrix.shape[0] == 1:
        result[0, 0] = 1.0 / matrix[0, 0]
        return result
    size = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
    result[0, 0], result[1, 1] = matrix[1, 1] / size, matrix[0, 0] / size
    result[0, 1], result[1, 0] = -matrix[0, 1] / size, -matrix[1, 0] / size
    return result


@kernel
def sum_up(
    slope: Array, gradient: Array, information: Array, weight: Array, hessian: Array, pull: Array
) -> None:
    """Fill hessian (T, T) and pull (T,) of theta: the law (P), then width and tilt.

    slope (K, B, P): how the law's positions change with its theta.
    """
    lines, columns, law = slope.shape
    moving, size = gradient.shape[1], pull.size
    hessian[:, :], pull[:] = 0.0, 0.0
    for b in range(columns):
        if weight[b] == 0.0:
            continue
        for k in range(lines):
            for i in range(law):
                turn = weight[b] * slope[k, b, i]
                if turn == 0.0:
                    continue
                pull[i] += turn * gradient[b, k]
                for q in range(lines):
                    for j in range(i, law):
                        hessian[i, j] += turn * information[b, k, q] * slope[q, b, j]
                for m in range(lines, moving):
                    hessian[i, law + m - lines] += turn * information[b, k, m]
        for m in range(lines, moving):
            pull[law + m - lines] += weight[b] * gradient[b, m]
            for q in range(m, moving):
                hessian[law + m - lines, law + q - lines] += weight[b] * information[b, m, q]
    for i in range(size):
        for j in range(i):
            hessian[i, j] = hessian[j, i]


@careful_kernel
def ask(
    at: Array, slope: Array, width: float, freedom: Array, seen: Array, most: float,
    gradient: Array, information: Array, away: Array, known: Array, inside: Mask, off: Array,
    weight: Array, hessian: Array, step: Array,
) -> tuple[float, float]:  # fmt: skip
    """Weigh all columns, and fill the step of theta that they ask for; see `weigh`, `step_of`.

    Returns the scatter, and the step in its sigmas.
    """
    spread = weigh(
        at, width, freedom, seen, most, gradient, information, inside, off, weight
    )  # fmt: skip
    return spread, step_of(slope, gradient, information, weight, away, known, hessian, step)


@careful_making_piece
def step_of(
    slope: Array, gradient: Array, information: Array, weight: Array, away: Array, known: Array,
    hessian: Array, step: Array,
) -> float:  # fmt: skip
    """Fill hessian (T, T) and the step (T,) that all columns ask for; return it in its sigmas.

    away: of theta from what is known of it, with weights `known` (T,).
    """
    sum_up(slope, gradient, information, weight, hessian, step)
    matrix, size = hessian.copy(), step.size
    for k in range(size):
        step[k] += known[k] * away[k]
        hessian[k, k] += known[k]
        matrix[k, k] = hessian[k, k] + (1e-9 * hessian[k, k] + 1e-12)
    solve(matrix, step)
    square = 0.0
    for i in range(size):
        for j in range(size):
            square += step[i] * hessian[i, j] * step[j]
    return math.sqrt(max(square, 0.0))


@careful_kernel
def ask_all(
    slope: Array, gradient: Array, information: Array, chi2: Array, away: Array, known: Array,
    least: float, hessian: Array, pull: Array, off: Array,
) -> float:  # fmt: skip
    """Fill hessian (T, T) and pull (T,) of all columns alike, and misses (B, K); return the cost.

    away: of the law's theta (P,) from what is known of it, with weights `known`. chi2 (B,): of
    the columns. least: information of a line that tells where it is.
    """
    sum_up(slope, gradient, information, np.ones(chi2.size), hessian, pull)
    cost = chi2.sum()
    for k in range(known.size):
        hessian[k, k] += known[k]
        pull[k] += known[k] * away[k]
        cost += known[k] * away[k] * away[k]
    for b in range(chi2.size):
        for k in range(off.shape[1]):
            own = information[b, k, k]
            off[b, k] = gradient[b, k] / math.sqrt(own) if own > least else 0.0
    return float(cost)


@careful_kernel
def fill_damped(hessian: Array, pull: Array, rate: float, first: int, step: Array) -> None:
    """Fill the damped step (T,) of the parameters from `first` on; the others stay."""
    size = step.size - first
    scale, matrix = np.empty(size), np.empty((size, size))
    step[:first] = 0.0
    for k in range(size):
        scale[k] = math.sqrt(max(hessian[first + k, first + k], 1e-300))
        step[first + k] = pull[first + k] / scale[k]
    for k in range(size):
        for j in range(size):
            matrix[k, j] = hessian[first + k, first + j] / (scale[k] * scale[j])
        matrix[k, k] += rate + 1e-12
    solve(matrix, step[first:])
    for k in range(size):
        step[first + k] /= scale[k]


@careful_piece
def solve(a: Array, b: Array) -> None:
    """Solve A x = b in place, by elimination with the largest pivot of each column; A is lost."""
    n = b.size
    for k in range(n):
        best = k
        for i in range(k + 1, n):
            if abs(a[i, k]) > abs(a[best, k]):
                best = i
        if best != k:
            for j in range(n):
                a[k, j], a[best, j] = a[best, j], a[k, j]
            b[k], b[best] = b[best], b[k]
        for i in range(k + 1, n):
            part = a[i, k] / a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= part * a[k, j]
            b[i] -= part * b[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            b[k] -= a[k, j] * b[j]
        b[k] /= a[k, k]
