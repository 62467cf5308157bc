"""How much each column of a map counts, and the step that all columns together ask for.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SEEN = 16.0  # chi-square by which a column shows its line
TOLD = 1e-30  # information from which a column says something
FEW = 5  # lines that are too few to tell their scatter
FAR = 1e15  # error, in windows, of a line of which nothing is told
MAD = 1.4826  # from the median of absolute values to a standard deviation


@kernel
def weigh(
    inside: Mask, seen: Array, most: float, gradient: Array, information: Array, off: Array,
    weight: Array,
) -> float:  # fmt: skip
    """Silence what is not inside (B, K), let lines scatter; fill misses (B, K) and weights (B,).

    most: misses in sigmas from which a column no longer counts. Returns the scatter.
    """
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
