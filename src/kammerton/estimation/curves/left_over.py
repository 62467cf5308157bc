"""Whether what a law leaves follows what an amplifier, a drift or a second tone would add to it.

A chi-square of many points hides a misfit of one kind (see `kammerton.estimation.verdict.further`),
and T2* or a width may be off by ten of their errors for it. A score test (Rao 1948) asks: what is
left is projected on what each such thing moves to first order, less what the law's own parameters
can do. An amplifier that compresses takes from a signal u in proportion to u^3. A frequency that
drifts, and a second one, turn the phase by x^2, x^3, and change the envelope by more than its rate
and shape do.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import Beats, amplitudes
from kammerton.estimation.numeric.kernels import (
    RAMSEY,
    along,
    dot,
    factor,
    kernel,
    lines,
    oscillations,
    piece,
    slopes_of_lines,
    slopes_of_oscillations,
    substitute,
)
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import UNLIKELY, Mask, limits, structured
from kammerton.estimation.verdict.further import chance_of

Array = NDArray[np.float64]

SELDOM = 3e-3  # chance of what is left, by the noise as by the scatter: both is half as seldom
TOO_LARGE = 3.0  # amplitudes of two together, in parts of their curve's
HINT = 0.1  # chance of a chi-square of the law, above which nothing more is looked for
LITTLE = 0.005  # of the signal's extent, in the root of the mean square, that may be left
MUCH = 0.03  # compression that matters, in parts of the largest signal
MOST = 0.5  # of all that is gained, that a compression alone must gain to be named
NONE, RIDGE = 1e-9, 1e-7  # squares of columns that the law has already, and steadiness of the rest
ALL, CUBE, AMOUNT, LARGEST = range(4)  # what the kernel fills
CURVES, OF_A_LINE = 5, 1  # columns that are tried: of fringes; of a line the compression alone
TURN = 2  # of the fringes' parameters


def follows_more(batch: Batch, fit: Solution, among: Mask) -> tuple[Mask, Mask]:
    """Return which fringes (N,) of `among` leave more than noise, and which are compressed."""
    which = np.flatnonzero(among & _doubtful(batch, fit))
    seen, bent = np.zeros((2, batch.traces), dtype=bool)
    if len(which):
        part, one = batch.take(which), fit.take(which)
        tried = _tried(part, one, CURVES)
        seen[which] = (_chance(part, one, tried[:, ALL], CURVES) < SELDOM) & _large(part, tried)
        bent[which] = (tried[:, CUBE] > MOST * tried[:, ALL]) & (tried[:, AMOUNT] > MUCH)
    return seen, seen & bent


def cancelling(batch: Batch, beats: Beats, curve: Array) -> Mask:
    """Return which traces (N,) two frequencies follow that all but cancel each other, and poorly.

    What turns its phase by x^2 looks like such a pair, but for a little. curve: (N, R).
    """
    result = np.zeros(batch.traces, dtype=bool)
    apart = ~np.isin(beats.which, beats.joint)
    if apart.any():
        which, fit = beats.which[apart], beats.fit.take(apart)
        large = sum(amplitudes(fit.theta)) > TOO_LARGE * 0.5 * np.ptp(curve[which], axis=1)
        result[which] = large & structured(batch.take(which), fit, chance=HINT)
    return result


def _doubtful(batch: Batch, fit: Solution) -> Mask:
    """Return where what is left may be more than noise: of those alone more is asked."""
    if not batch.known_noise:
        return structured(batch, fit)
    return np.asarray(fit.cost > limits(np.maximum(batch.rows - fit.free, 1), HINT))


def flattened(batch: Batch, fit: Solution, among: Mask) -> Mask:
    """Return which lines (N,) of `among` are compressed where they are strongest.

    None without sigma: what a line leaves is in its bars then, and those of pulses are flat, too.
    """
    result = np.zeros(batch.traces, dtype=bool)
    which = np.flatnonzero(among & batch.known_noise)
    if len(which):
        part, one = batch.take(which), fit.take(which)
        tried = _tried(part, one, OF_A_LINE)
        seldom = _chance(part, one, tried[:, CUBE], OF_A_LINE) < UNLIKELY
        result[which] = seldom & (tried[:, AMOUNT] > MUCH)
    return result


def _tried(batch: Batch, fit: Solution, columns: int) -> Array:
    out = np.zeros((batch.traces, LARGEST + 1))
    theta, residual = (np.ascontiguousarray(each) for each in (fit.theta, fit.residual))
    fill_tried(fit.law, batch.x, batch.step, batch.w, residual, theta, fit.cov, columns, out)
    return out


def _chance(batch: Batch, fit: Solution, gain: Array, columns: int) -> Array:
    freedom = np.maximum(batch.rows - fit.free - columns, 1.0)
    noise = np.maximum(fit.cost - gain, 0.0) / freedom
    asked = np.full(batch.traces, columns)
    return chance_of(gain, asked, noise, freedom, batch.known_noise)


def _large(batch: Batch, tried: Array) -> Mask:
    least = (LITTLE * 2.0 * tried[:, LARGEST]) ** 2 * np.square(batch.w).sum(axis=1)
    return np.asarray(tried[:, ALL] > least)


@kernel
def fill_tried(
    law: int, x: Array, step: Array, w: Array, residual: Array, theta: Array, cov: Array,
    columns: int, out: Array,
) -> None:  # fmt: skip
    """Fill out (N, 4): gains in chi-square of all columns and of a compression, and its amount.

    And the signal's largest size. The gain of a compression that would be none is 0.
    """
    count, rows = 3 if law == RAMSEY else 2, w.shape[1]
    size = theta.shape[1]
    phi, law_s, more = np.empty((size - count, rows)), np.empty((size, rows)), np.empty((5, rows))
    square, shared, own = np.empty((5, 5)), np.empty((size, 5)), np.empty(size)
    move, solved, c = np.empty((5, 1)), np.empty((5, 1)), np.empty((size - count, 1))
    for n in range(theta.shape[0]):
        k = n % x.shape[0]
        fill_slopes(law, theta[n, :count], theta[n, count:], x[k], step[k], w[n], phi, law_s, c)
        largest = fill_more(law, x[k], w[n], law_s, c, count, more)
        for i in range(size):
            own[i] = along(law_s, i, residual[n])
            for j in range(columns):
                shared[i, j] = dot(law_s, i, more, j)
        for j in range(columns):
            move[j, 0] = along(more, j, residual[n]) - through(shared, j, cov[n], own)
        fill_left(more, shared, cov[n], columns, square)
        cube, whole = move[0, 0], square[0, 0]
        out[n, LARGEST] = largest
        if whole > 0.0 and cube < 0.0:
            out[n, CUBE], out[n, AMOUNT] = cube * cube / whole, -cube / whole * largest**2
        out[n, ALL] = gained_by(square, move, solved, columns)


@piece
def fill_slopes(
    law: int, p: Array, linear: Array, x: Array, step: float, w: Array, phi: Array, slopes: Array,
    c: Array,
) -> None:  # fmt: skip
    """Fill the weighted slopes of a law: by its nonlinear parameters, then by its linear ones."""
    if law == RAMSEY:
        oscillations(p, x, step, phi, 1)
    else:
        lines(p, x, phi)
    for k in range(phi.shape[0]):
        c[k, 0] = linear[k]
        for i in range(x.size):
            phi[k, i] *= w[i]
            slopes[p.size + k, i] = phi[k, i]
    if law == RAMSEY:
        slopes_of_oscillations(p, x, phi, c, slopes, 1)
    else:
        slopes_of_lines(p, x, phi, c, slopes)


@piece
def fill_more(
    law: int, x: Array, w: Array, slopes: Array, c: Array, count: int, more: Array
) -> float:  # fmt: skip
    """Fill what a compression moves, a drift, and another envelope; return the largest signal.

    The signal has two parts: cosine and sine, or both shapes of a line.
    """
    largest = 0.0
    for i in range(x.size):
        signal = c[0, 0] * slopes[count, i] + c[1, 0] * slopes[count + 1, i]
        plain = signal / w[i] if w[i] > 0.0 else 0.0
        largest = max(largest, abs(plain))
        more[0, i] = signal * plain * plain
        if law == RAMSEY:
            turn, square = slopes[TURN, i], x[i] * x[i]
            more[1, i], more[2, i] = x[i] * turn, square * turn
            more[3, i], more[4, i] = square * x[i] * signal, square * square * signal
    return largest


@piece
def fill_left(more: Array, shared: Array, cov: Array, columns: int, square: Array) -> None:
    """Fill the squares of columns less what the law's slopes have of them; 0 where that is all."""
    for j in range(columns):
        for k in range(j + 1):
            left = whole = dot(more, j, more, k)
            for a in range(shared.shape[0]):
                for b in range(shared.shape[0]):
                    left -= shared[a, j] * cov[a, b] * shared[b, k]
            if j == k and not left > NONE * whole:
                left = 0.0
            square[j, k] = square[k, j] = left


@piece
def through(shared: Array, j: int, cov: Array, own: Array) -> float:
    """Return what the law's slopes have of column j times what is left along them.

    A fit that ends a little before its minimum leaves some, and most of a column may be theirs.
    """
    total = 0.0
    for a in range(own.size):
        for b in range(own.size):
            total += shared[a, j] * cov[a, b] * own[b]
    return total


@piece
def gained_by(square: Array, move: Array, solved: Array, columns: int) -> float:
    """Return what all columns gain together; square is lost."""
    for j in range(columns):
        if square[j, j] > 0.0:
            square[j, j] *= 1.0 + RIDGE
        else:
            move[j, 0] = 0.0
            for k in range(columns):
                square[j, k] = square[k, j] = 1.0 if j == k else 0.0
        solved[j, 0] = move[j, 0]
    if not factor(square, columns):
        return 0.0
    substitute(square, solved, columns, 0)
    gain = 0.0
    for j in range(columns):
        gain += move[j, 0] * solved[j, 0]
    return gain
