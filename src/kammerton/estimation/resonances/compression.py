"""A resonance in the plane that an amplifier compresses: deepest where it should be deeper still.

The law with a compressed line, d (1 - a |d|^2 / max |d|^2) instead of d, is tried to first order
in a (a score test, Rao 1948): what is left of the fit is projected on the direction in which a
moves the trace, less what the law's own parameters can do.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import NONLINEAR, RESONANCE, kernel, piece
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Mask, structured

Array = NDArray[np.float64]

P = NONLINEAR[RESONANCE]
MOVING = 9  # parameters of the law, over a background that slopes
TINY = 1e-24  # square of a unit vector that lost all but rounding
SURE = 3.3  # sigmas of a compression that is not chance: in one of 2000
BLIND = 6.0  # the same where noise is what the law leaves: that is structure, too
MUCH = 0.03  # compression that matters, in parts of the line


def compressed(batch: Batch, fit: Solution, among: Mask) -> Mask:
    """Return which resonances (N,) are compressed beyond chance; only `among` these is asked."""
    amount, error = amounts(batch, fit, among)
    return np.asarray((amount > asked(batch) * error) & (amount > MUCH))


def compressed_pairs(batch: Batch, fit: Solution, among: Mask) -> Mask:
    """Return the same of traces that follow in twos and have one amplifier (2 N,).

    Both count, each by its error: neither alone shows what both do.
    """
    amount, error = amounts(batch, fit, among)
    weight = 1.0 / error.reshape(-1, 2) ** 2
    whole = weight.sum(axis=1)
    mean = (weight * amount.reshape(-1, 2)).sum(axis=1) / np.maximum(whole, 1e-300)
    both = (mean * np.sqrt(whole) > asked(batch)) & (mean > MUCH)
    each = (amount > asked(batch) * error) & (amount > MUCH)
    return np.asarray((each | np.repeat(both, 2)) & among)


def amounts(batch: Batch, fit: Solution, among: Mask) -> tuple[Array, Array]:
    """Return the compression (N,) and its error, which is endless where it is not asked."""
    amount, error = np.zeros(batch.traces), np.full(batch.traces, np.inf)
    which = np.flatnonzero(doubted(batch, fit, among)) if among.any() else np.array([], int)
    if len(which):
        amount[which], error[which] = _amount(batch.take(which), fit.take(which))
    return amount, error


def doubted(batch: Batch, fit: Solution, among: Mask) -> Mask:
    """Return which traces of `among` to ask: without sigma those whose residuals hint at more."""
    return among if batch.known_noise else among & structured(batch, fit)


def asked(batch: Batch) -> float:
    """Return how many sigmas a compression must have."""
    return SURE if batch.known_noise else BLIND


def _amount(batch: Batch, fit: Solution) -> tuple[Array, Array]:
    """Return the compression (N,) and its error."""
    along, size = np.empty((2, batch.traces))
    fill_moved(batch.x, batch.w, fit.residual, np.ascontiguousarray(fit.theta), along, size)
    return of_score(batch, fit, along, size)


def of_score(batch: Batch, fit: Solution, along: Array, size: Array) -> tuple[Array, Array]:
    """Return the compression (N,) and its error; noise is what it leaves.

    along: what moves by it times the residual (N,); size: times itself.
    """
    size = np.maximum(size, 1e-300)
    left = np.maximum(fit.cost - along**2 / size, 0.0)
    noise = left / np.maximum(batch.rows - fit.free - 1, 1)
    return -along / size, np.sqrt(noise / size)


@kernel
def fill_moved(
    x: Array, w: Array, residual: Array, theta: Array, along: Array, size: Array
) -> None:
    """Fill what a compression moves of each trace that nothing else does: its square (N,).

    And its product with the residual (N,). x (1 or N, M); w, residual (N, 2M); theta (N, K).
    """
    rows = np.empty((MOVING + 1, w.shape[1]))
    for n in range(theta.shape[0]):
        fill_tangents(x[n if x.shape[0] > 1 else 0], theta[n], rows)
        for k in range(MOVING + 1):
            for i in range(w.shape[1]):
                rows[k, i] *= w[n, i]
            if k < MOVING:
                scale(rows[k])
            for _ in range(2):  # once more: what rounding left
                for j in range(k):
                    take_off(rows[j], rows[k])
            if k < MOVING:
                scale(rows[k])
        along[n], size[n] = dot(rows[MOVING], residual[n]), dot(rows[MOVING], rows[MOVING])


@piece
def fill_tangents(x: Array, theta: Array, rows: Array) -> None:
    """Fill what each parameter of the law moves (but for its size), and then a compression.

    Background, its slope and the line, each with both parts; centre, width, delay.
    """
    m, centre, wide = x.size, theta[0], 2.0 / theta[1]
    b, a = complex(theta[P], theta[P + 1]), complex(theta[P + 2], theta[P + 3])
    d = complex(theta[P + 4], theta[P + 5])
    largest = 1e-300
    for i in range(m):
        u = (x[i] - centre) * wide
        largest = max(largest, 1.0 / (1.0 + u * u))
    for i in range(m):
        u, angle = (x[i] - centre) * wide, -2.0 * math.pi * theta[2] * x[i]
        turn = complex(math.cos(angle), math.sin(angle))
        line = turn / complex(1.0, u)
        bent = 1j * a * line / complex(1.0, u)
        whole = turn * (b + d * (x[i] - 0.5)) + a * line
        each = (
            turn, 1j * turn, line, 1j * line, turn * (x[i] - 0.5), 1j * turn * (x[i] - 0.5),
            bent, u * bent, 1j * whole * (x[i] - 0.5), a * line / ((1.0 + u * u) * largest),
        )  # fmt: skip
        for k in range(MOVING + 1):
            rows[k, i], rows[k, m + i] = each[k].real, each[k].imag


@piece
def dot(a: Array, b: Array) -> float:
    """Return the inner product."""
    s = 0.0
    for i in range(a.size):
        s += a[i] * b[i]
    return s


@piece
def scale(a: Array) -> None:
    """Make a of length 1; 0 where it is hardly more than rounding."""
    square = dot(a, a)
    part = 1.0 / math.sqrt(square) if square > TINY else 0.0
    for i in range(a.size):
        a[i] *= part


@piece
def take_off(unit: Array, a: Array) -> None:
    """Take what a has along a unit vector off it."""
    part = dot(unit, a)
    for i in range(a.size):
        a[i] -= part * unit[i]
