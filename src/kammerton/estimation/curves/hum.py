"""A second tone in Ramsey fringes that does not decay with the first: a hum, and no frequency.

Two frequencies of one qubit have one envelope. What comes from the mains, a compressor or a clock
goes on to the end of the window; taken for the second of two, it moves their mean.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import Beats, amplitudes
from kammerton.estimation.numeric.kernels import (
    along,
    dot,
    factor,
    fill,
    kernel,
    piece,
    substitute,
    turning,
)
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import UNLIKELY, Mask, limits

Array = NDArray[np.float64]

BETTER = 9.0  # in chi-square, by which a tone that does not decay explains a trace better
STEPS = 5  # of Gauss and Newton from the fit of two
RIDGE = 1e-9  # of the largest square, for directions of which the trace tells nothing
LARGEST = 30.0  # of the exponent of an envelope


def hums(batch: Batch, beats: Beats) -> tuple[Mask, Mask]:
    """Return in which traces (N,) the weaker of two frequencies goes on without decay.

    And in which of these that is all there is: what it leaves is noise.
    """
    better, all_of_it = np.zeros((2, batch.traces), dtype=bool)
    if len(beats.which):
        part = batch.take(beats.which)
        better[beats.which], all_of_it[beats.which] = _better(part, beats.fit)
    return better, all_of_it


def _better(batch: Batch, double: Solution) -> tuple[Mask, Mask]:
    cost = np.empty(batch.traces)
    fill_least(batch.x, batch.step, batch.y, batch.w, _start(double), cost)
    freedom, noise = np.maximum(batch.rows - double.free, 1), np.ones(batch.traces)
    if not batch.known_noise:
        noise = double.cost / freedom
    better = cost < double.cost - BETTER * noise
    return better, better & (cost < limits(freedom, UNLIKELY))


def _start(double: Solution) -> Array:
    """Return rate, shape, both turns, decaying cosine and sine, those of the hum, the constant."""
    first, second = amplitudes(double.theta)
    swapped = np.array([0, 1, 3, 2, 6, 7, 4, 5, 8])
    own = np.arange(len(swapped))
    order = np.where((first < second)[:, None], swapped, own)
    return np.take_along_axis(double.theta, order, axis=1)


@kernel
def fill_least(x: Array, step: Array, y: Array, w: Array, theta: Array, cost: Array) -> None:
    """Fill cost (N,) with where steps of Gauss and Newton from theta (N, 9) lead to."""
    size, rows = theta.shape[1], y.shape[1]
    slopes, waves, rest = np.empty((size, rows)), np.empty((6, rows)), np.empty(rows)
    square, move, at = np.empty((size, size)), np.empty((size, 1)), np.empty(size)
    for n in range(theta.shape[0]):
        k = n % x.shape[0]
        for i in range(size):
            at[i] = theta[n, i]
        cost[n] = left(at, x[k], step[k], y[n], w[n], waves, rest)
        for _ in range(STEPS):
            bend(at, x[k], w[n], waves, slopes)
            if not towards(slopes, rest, square, move):
                break
            for i in range(size):
                at[i] += move[i, 0]
            tried = left(at, x[k], step[k], y[n], w[n], waves, rest)
            if tried >= cost[n]:
                break
            cost[n] = tried


@piece
def left(
    p: Array, x: Array, step: float, y: Array, w: Array, waves: Array, rest: Array
) -> float:  # fmt: skip
    """Return the cost at p, and fill waves and what is left: decay, envelope, cosines and sines."""
    turning(p[2], x, step, waves, 2, waves, 3)
    turning(p[3], x, step, waves, 4, waves, 5)
    cost = 0.0
    for i in range(x.size):
        fall = (1.0 - p[1]) * p[0] * x[i] + p[1] * (p[0] * x[i]) ** 2
        waves[1, i] = math.exp(-min(max(fall, -1.0), LARGEST))
        waves[0, i] = waves[1, i] * (p[4] * waves[2, i] + p[5] * waves[3, i])
        hum = p[6] * waves[4, i] + p[7] * waves[5, i]
        rest[i] = w[i] * (y[i] - waves[0, i] - hum - p[8])
        cost += rest[i] * rest[i]
    return cost


@piece
def bend(p: Array, x: Array, w: Array, waves: Array, slopes: Array) -> None:
    """Fill slopes (9, M), weighted."""
    fill(slopes, 8, 1.0)
    for i in range(x.size):
        e, cos, sin = waves[1, i], waves[2, i], waves[3, i]
        square = p[0] * x[i] * x[i]
        slopes[0, i] = -waves[0, i] * ((1.0 - p[1]) * x[i] + 2.0 * p[1] * square)
        slopes[1, i] = waves[0, i] * (p[0] * x[i] - p[0] * square)
        slopes[2, i] = e * x[i] * (p[5] * cos - p[4] * sin)
        slopes[3, i] = x[i] * (p[7] * waves[4, i] - p[6] * waves[5, i])
        slopes[4, i], slopes[5, i] = e * cos, e * sin
        slopes[6, i], slopes[7, i] = waves[4, i], waves[5, i]
    for k in range(slopes.shape[0]):
        for i in range(x.size):
            slopes[k, i] *= w[i]


@piece
def towards(slopes: Array, rest: Array, square: Array, move: Array) -> bool:
    """Fill move with a step down; False where there is none."""
    largest, size = 0.0, slopes.shape[0]
    for k in range(size):
        move[k, 0] = along(slopes, k, rest)
        for j in range(k + 1):
            square[k, j] = square[j, k] = dot(slopes, k, slopes, j)
        largest = max(largest, square[k, k])
    for k in range(size):
        square[k, k] += RIDGE * largest
    if not factor(square, size):
        return False
    substitute(square, move, size, 0)
    return True
