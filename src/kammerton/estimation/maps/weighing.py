"""How much each column of a map counts, and the step that all columns together ask for.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel, careful_piece, kernel

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SEEN = 16.0  # chi-square by which a column shows its line
TOLD = 1e-30  # information from which a column says something
FEW = 5  # lines that are too few to tell their scatter
FAR = 1e15  # error, in windows, of a line of which nothing is told
MAD = 1.4826  # from the median of absolute values to a standard deviation


@kernel
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


@kernel
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


@kernel
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


@kernel
def middle(values: Array) -> float:
    """Return the median."""
    ordered = np.sort(values)
    return float(0.5 * (ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]))


@kernel
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


@kernel
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
    turn = np.zeros((moving, size))
    for k in range(lines, moving):
        turn[k, law + k - lines] = 1.0
    for b in range(columns):
        if weight[b] == 0.0:
            continue
        for k in range(lines):
            for i in range(law):
                turn[k, i] = slope[k, b, i]
        for k in range(moving):
            for i in range(size):
                pull[i] += weight[b] * turn[k, i] * gradient[b, k]
            for j in range(size):
                part = 0.0
                for m in range(moving):
                    part += information[b, k, m] * turn[m, j]
                part *= weight[b]
                for i in range(size):
                    hessian[i, j] += turn[k, i] * part


@careful_kernel
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


@careful_kernel
def beside(theta: Array, ends: Array, step: Array) -> None:
    """Fill ends (2P + 1, P): theta (P,), each of it a step up, each a step down; and the steps."""
    size = theta.size
    for k in range(2 * size + 1):
        for i in range(size):
            ends[k, i] = theta[i]
    for i in range(size):
        step[i] = 1e-5 * max(1.0, abs(theta[i]))
        ends[1 + i, i] += step[i]
        ends[1 + size + i, i] -= step[i]


@careful_kernel
def slopes(there: Array, step: Array, at: Array, slope: Array) -> None:
    """Fill at (K, B) and its slope (K, B, P), from a law's (K, 2P + 1, B) at ends that are so."""
    lines, columns, size = slope.shape
    for k in range(lines):
        for b in range(columns):
            at[k, b] = there[k, 0, b]
            for i in range(size):
                up, down = there[k, 1 + i, b], there[k, 1 + size + i, b]
                slope[k, b, i] = (up - down) / (2.0 * step[i])
