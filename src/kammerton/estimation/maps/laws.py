"""Where laws put the lines of a map, how that changes with theta, and the way to bright points.

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
)

Array = NDArray[np.float64]

CROSSING, TRANSMON, RESONATOR, LEVELS = range(4)
LOWEST, HIGHEST = -3.0, 7.0  # logarithm of a period that is taken
LEAST = 1e-9  # of what the fourth root is taken of
LOGS = (-7.0, 12.0)  # logarithm of a detuning that is taken
STEPS, EASY, SETTLED = 12, 2, 0.1  # on the way to bright points; first ones; the last, in sigmas


@careful_piece
def place(law: int, numbers: Array, theta: Array, b: Array, at: Array, slope: Array) -> None:
    """Fill at (K, B), in windows, and its slope by theta (K, B, P).

    numbers: what a law needs besides theta; see where each is made. b: biases (B,); of LEVELS,
    which of theta each column shows.
    """
    if law == CROSSING:
        place_crossing(theta, b, at, slope)
    elif law == TRANSMON:
        place_transmon(numbers[0], theta, b, at, slope)
    elif law == RESONATOR:
        place_resonator(numbers, theta, b, at, slope)
    else:
        for i in range(b.size):
            for k in range(theta.size):
                slope[0, i, k] = 1.0 if k == int(b[i]) else 0.0
            at[0, i] = theta[int(b[i])]


@careful_piece
def place_crossing(theta: Array, b: Array, at: Array, slope: Array) -> None:
    """Place two branches: middle, bias of the crossing, mean and half the difference of slopes, g.

    See `crossing`.
    """
    middle, where, mean, steep, g = theta
    for i in range(b.size):
        away = b[i] - where
        up = steep * away
        half = math.sqrt(up * up + g * g + 1e-18)
        for k in range(2):
            sign = 1.0 - 2.0 * k
            at[k, i] = middle + mean * away + sign * half
            slope[k, i, 0], slope[k, i, 2] = 1.0, away
            slope[k, i, 1] = -mean - sign * up * steep / half
            slope[k, i, 3], slope[k, i, 4] = sign * up * away / half, sign * g / half


@careful_piece
def place_transmon(base: float, theta: Array, b: Array, at: Array, slope: Array) -> None:
    """Place the arc of a transmon: f_max, sweet spot, log period, d^2, E_C; see `flux`.

    base: of the window, in windows.
    """
    f_max, top, log_period, square, e_c = theta
    turn = math.pi * math.exp(-min(max(log_period, LOWEST), HIGHEST))
    free = 1.0 if LOWEST <= log_period <= HIGHEST else 0.0
    shift = base + e_c
    for i in range(b.size):
        phase = (b[i] - top) * turn
        sine, cosine = math.sin(phase), math.cos(phase)
        part = 1.0 + (square - 1.0) * sine * sine
        root = math.sqrt(math.sqrt(max(part, LEAST)))
        steep = 0.25 * (f_max + shift) * root / part if part > LEAST else 0.0
        bend = steep * (square - 1.0) * 2.0 * sine * cosine
        at[0, i] = (f_max + shift) * root - shift
        slope[0, i, 0], slope[0, i, 3], slope[0, i, 4] = root, steep * sine * sine, root - 1.0
        slope[0, i, 1], slope[0, i, 2] = -bend * turn, -bend * phase * free


@careful_making_piece
def place_resonator(numbers: Array, theta: Array, b: Array, at: Array, slope: Array) -> None:
    """Place the arc of a resonator: its sweet spot, bias, log period, fall, log D, d^(1/2).

    See `resonator_flux`; numbers: base, E_C, how far the qubit lies below the window, or NaN.
    """
    base, e_c, below = numbers
    spot, top, log_period, _, log_d, root_d = theta
    push, by_spot, by_fall, by_log, by_root = pushed(base + e_c, below, theta)
    bare, d, free, tied = spot - push, math.exp(min(max(log_d, LOGS[0]), LOGS[1])), 0.0, 0.0
    if math.isnan(below):
        free = d if LOGS[0] <= log_d <= LOGS[1] else 0.0
    else:
        d = max(below + bare, math.exp(LOGS[0]))
        tied = 1.0 if below + bare > math.exp(LOGS[0]) else 0.0
    g2, arc = push * (push + d), np.array([bare - d, top, log_period, root_d**4, e_c])
    place_transmon(base, arc, b, at, slope)
    for i in range(b.size):
        away = bare - at[0, i]
        root = math.sqrt(max(0.25 * away * away + g2, 0.0))
        by_g2 = 0.5 / root if root > 0.0 else 0.0
        by_away = 0.5 * away * by_g2 - 0.5
        by_max = -by_away * slope[0, i, 0]  # of the qubit's arc, which is bare - D at its top
        by_d = push * by_g2 - by_max
        by_bare = 1.0 + by_away + by_max + by_d * tied
        by_push = (2.0 * push + d) * by_g2 - by_bare
        at[0, i] = bare + root - 0.5 * away
        slope[0, i, 5] = -by_away * slope[0, i, 3] * 4.0 * root_d**3 + by_push * by_root
        slope[0, i, 0], slope[0, i, 3] = by_bare + by_push * by_spot, by_push * by_fall
        slope[0, i, 1], slope[0, i, 2] = -by_away * slope[0, i, 1], -by_away * slope[0, i, 2]
        slope[0, i, 4] = by_d * free + by_push * by_log


@careful_piece
def pushed(shift: float, below: float, theta: Array) -> tuple[float, float, float, float, float]:
    """Return the push at the sweet spot, and its slope by spot, fall, log D and d^(1/2).

    fall = push (1 - D / D') is how much less it is half a period away, where the detuning is D',
    as far as pushes are inverse to detunings. shift: of the window and E_C together.
    """
    spot, fall, log_d, root_d = theta[0], theta[3], theta[4], abs(theta[5])
    free, low = math.isnan(below), math.exp(LOGS[0])
    d = math.exp(min(max(log_d, LOGS[0]), LOGS[1])) if free else max(below + spot, low)
    more = (1.0 - root_d) * (shift + spot - d)  # D' - D
    if not more > low:
        return fall * (1.0 + d / low), 0.0, 1.0 + d / low, 0.0, 0.0
    part = d / more
    by_d = (1.0 + part * (1.0 - root_d)) / more
    own = 1.0 if free and LOGS[0] <= log_d <= LOGS[1] else 0.0
    tied = 0.0 if free or below + spot <= low else 1.0
    by_spot = by_d * tied - part * (1.0 - root_d) / more
    return (fall * (1.0 + part), fall * by_spot, 1.0 + part, fall * by_d * d * own,
            math.copysign(fall * part / (1.0 - root_d), theta[5]))  # fmt: skip


@careful_kernel
def fill_places(law: int, numbers: Array, theta: Array, b: Array, at: Array, slope: Array) -> None:
    """Fill at (T, K, B) for several theta (T, P); slope (K, B, P) of the last one."""
    for t in range(theta.shape[0]):
        place(law, numbers, theta[t], b, at[t], slope)


@careful_kernel
def step_on(
    law: int, numbers: Array, b: Array, step: Array, most: float, before: Array, theta: Array,
    at: Array, slope: Array,
) -> None:  # fmt: skip
    """Move theta (P,) on by step, less of it where most lines would move by more than `most`.

    before (K, B): where they were. Fills at (K, B) and slope (K, B, P).
    """
    start = theta.copy()
    theta += step
    place(law, numbers, theta, b, at, slope)
    far = four_fifths(np.abs(at - before).ravel(), most)
    if far > most:
        theta[:] = start + step * (most / far)
        place(law, numbers, theta, b, at, slope)


@careful_making_piece
def four_fifths(values: Array, least: float) -> float:
    """Return what four fifths of the values do not exceed, or `least` where that is less.

    Infinity if one is no number.
    """
    more, most = 0, (4 * values.size) // 5
    for value in values:
        if not math.isfinite(value):
            return math.inf
        more += value > least
    if more < values.size - most:  # there is no need to sort
        return least
    return float(np.sort(values)[most])


@careful_kernel
def run_through(
    law: int, numbers: Array, b: Array, f: Array, error: Array, mean: Array, known: Array,
    least: float, most: float, theta: Array, cost: Array,
) -> None:  # fmt: skip
    """Move each theta (T, P), with mean and known (T, P), on; fill its cost (T,). See `run`."""
    for t in range(theta.shape[0]):
        cost[t] = run(law, numbers, b, f, error, mean[t], known[t], least, most, theta[t])


@careful_making_piece
def run(
    law: int, numbers: Array, b: Array, f: Array, error: Array, mean: Array, known: Array,
    least: float, most: float, theta: Array,
) -> float:  # fmt: skip
    """Move theta (P,) of one line to where it runs through the bright points near it.

    f (B, C): points, with error (B, C), infinite where there is none. mean, known (P,): of theta,
    and its weight. least: reach within which points count in the end. most: see `near`, which
    gives the cost that is returned.
    """
    size, columns = theta.size, b.size
    at, slope = np.empty((1, columns)), np.empty((1, columns, size))
    then_at, then_slope = np.empty((1, columns)), np.empty((1, columns, size))
    miss, weight, away = np.empty(columns), np.empty(columns), np.empty(columns)
    then_miss, then_weight = np.empty(columns), np.empty(columns)
    hessian, pull, tried = np.empty((size, size)), np.empty(size), np.empty(size)
    rate, reach = 1e-3, 8.0 / 3.0 * least
    place(law, numbers, theta, b, at, slope)
    cost = near(at[0], f, error, reach, most, miss, weight)
    for turn in range(STEPS):
        sum_up(slope[0], miss, weight, hessian, pull)
        for k in range(size):
            pull[k] += known[k] * (mean[k] - theta[k])
            hessian[k, k] += known[k]
            hessian[k, k] += rate * hessian[k, k] + 1e-12
        solve(hessian, pull)
        for i in range(columns):
            away[i] = 0.0
            for k in range(size):
                away[i] += weight[i] * slope[0, i, k] * pull[k]
        np.abs(away, away)
        far = 0.3 * max(1e-9, weight.max())
        part = far / max(four_fifths(away, far), 1e-300)
        tried[:] = theta + part * pull
        place(law, numbers, tried, b, then_at, then_slope)
        then = near(then_at[0], f, error, reach, most, then_miss, then_weight)
        if then <= cost or turn < EASY:
            theta[:], at[:], slope[:] = tried, then_at, then_slope
            miss[:], weight[:] = then_miss, then_weight
            cost, rate = then, 0.2 * rate
            if turn > EASY + 1 and part * away.max() < SETTLED:
                break
        else:
            rate *= 20.0
        reach = max(0.8 * reach, least)
    return cost


@careful_piece
def near(
    line: Array, f: Array, error: Array, reach: float, most: float, miss: Array, weight: Array
) -> float:  # fmt: skip
    """Fill the miss of the nearest point of each column (B,) and its weight; return the cost.

    f (B, C): the points; error (B, C): infinite where there is none. The cost is robust: a point
    beyond `reach` has no weight, one that is `most` off in the square costs nothing, and one that
    fits is a gain.
    """
    cost = 0.0
    for n in range(line.size):
        best, least = 0, math.inf
        for k in range(f.shape[1]):
            away = abs(f[n, k] - line[n])
            if math.isfinite(error[n, k]) and away < least:
                best, least = k, away
        miss[n], weight[n] = f[n, best] - line[n], 0.0
        far = abs(miss[n]) / reach
        if far < 1.0 and math.isfinite(error[n, best]):
            weight[n] = (1.0 - far * far) / error[n, best]
        if weight[n] > 0.0:
            cost += min((miss[n] * weight[n]) ** 2 - most, 0.0)
    return cost


@careful_piece
def sum_up(slope: Array, miss: Array, weight: Array, hessian: Array, pull: Array) -> None:
    """Fill hessian (P, P) and pull (P,) of theta by the points' misses (B,)."""
    hessian[:, :], pull[:] = 0.0, 0.0
    for i in range(miss.size):
        w2 = weight[i] * weight[i]
        if w2 == 0.0:
            continue
        for k in range(pull.size):
            pull[k] += w2 * slope[i, k] * miss[i]
            for j in range(k + 1):
                hessian[k, j] += w2 * slope[i, k] * slope[i, j]
    for k in range(pull.size):
        for j in range(k):
            hessian[j, k] = hessian[k, j]


@careful_piece
def solve(a: Array, b: Array) -> None:
    """Solve A x = b in place for a positive A, by its Cholesky factor; A is lost."""
    n = b.size
    for k in range(n):
        for j in range(k):
            for i in range(j):
                a[k, j] -= a[k, i] * a[j, i]
            a[k, j] /= a[j, j]
            a[k, k] -= a[k, j] * a[k, j]
            b[k] -= a[k, j] * b[j]
        a[k, k] = math.sqrt(max(a[k, k], 1e-300))
        b[k] /= a[k, k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            b[k] -= a[j, k] * b[j]
        b[k] /= a[k, k]
