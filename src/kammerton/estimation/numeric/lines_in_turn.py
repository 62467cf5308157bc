"""Several Lorentzian lines, each fitted to what the others leave, round after round.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`, whose steps this follows.
A background of a constant and a slope is taken out of everything first; what is left is a fit of
one height, centre and half width at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

ITERATIONS, TRIES = 40, 8
ENOUGH = 2e-6  # relative gain at which an iteration is the last
LINE, BARE, REST, LEFT, AGAIN = range(5)  # rows of the room
LEVEL, TILT, SQUARE, HEIGHT, COST = range(5)  # what a projection tells
TOTAL, SPREAD, BASE, RISE = range(4)  # of the background: weight, that of t^2; level, slope


@kernel
def take_turns(
    x: Array, y: Array, w: Array, which: Rows, count: Rows, low: Array, high: Array, rounds: int,
    p: Array, height: Array, cov: Array, shapes: Array, base: Array,
) -> None:  # fmt: skip
    """Refine the lines of the traces `which` in turn. x (1 or N, M), y, w, base (N, M).

    p (N, K, 2): centres and half widths; height (N, K); cov (N, K, 2, 2); shapes (N, K, M): the
    lines alone. base: what lies under the first line. count (N,): how many lines there are.
    """
    m = y.shape[1]
    t, v, room = np.empty(m), np.empty(m), np.empty((5, m))
    under, told = np.empty(4), np.empty((2, 5))
    for n in which:
        axis = x[n if x.shape[0] > 1 else 0]
        weighed(axis, w[n], t, v, under)
        for _ in range(rounds):
            for k in range(count[n]):
                for i in range(m):
                    room[REST, i] = y[n, i]
                for j in range(count[n]):
                    if j != k:
                        for i in range(m):
                            room[REST, i] -= shapes[n, j, i]
                levelled(t, v, room[REST], under)
                at = refine(axis, t, v, under, low, high, p[n, k], cov[n, k], room, told)
                height[n, k] = told[at, HEIGHT]
                for i in range(m):
                    shapes[n, k, i] = height[n, k] * room[LINE, i]
                    if k == 0:
                        base[n, i] = under[BASE] + under[RISE] * t[i] - height[n, k] * (
                            told[at, LEVEL] + told[at, TILT] * t[i])  # fmt: skip


@kernel
def weighed(x: Array, w: Array, t: Array, v: Array, under: Array) -> None:
    """Fill squared weights v, t = x less its mean, and what under says of them."""
    total = mean = spread = 0.0
    for i in range(x.size):
        v[i] = w[i] * w[i]
        total += v[i]
        mean += v[i] * x[i]
    for i in range(x.size):
        t[i] = x[i] - mean / total
        spread += v[i] * t[i] * t[i]
    under[TOTAL], under[SPREAD] = total, spread


@kernel
def levelled(t: Array, v: Array, y: Array, under: Array) -> None:
    """Take level and slope out of y, and keep them."""
    level = slope = 0.0
    for i in range(t.size):
        level += v[i] * y[i]
        slope += v[i] * t[i] * y[i]
    under[BASE], under[RISE] = level / under[TOTAL], slope / under[SPREAD]
    for i in range(t.size):
        y[i] -= under[BASE] + under[RISE] * t[i]


@kernel
def project(
    p: Array, x: Array, t: Array, v: Array, under: Array, room: Array, left: int, told: Array
) -> None:
    """Fill the line, what it is beside the background, and what its best height leaves."""
    level = tilt = square = along = cost = 0.0
    for i in range(x.size):
        u = (x[i] - p[0]) / p[1]
        shape = 1.0 / (1.0 + u * u)
        room[LINE, i] = shape
        level += v[i] * shape
        tilt += v[i] * t[i] * shape
    level, tilt = level / under[TOTAL], tilt / under[SPREAD]
    for i in range(x.size):
        bare = room[LINE, i] - level - tilt * t[i]
        room[BARE, i] = bare
        square += v[i] * bare * bare
        along += v[i] * bare * room[REST, i]
    height = along / max(square, 1e-300)
    for i in range(x.size):
        rest = room[REST, i] - height * room[BARE, i]
        room[left, i] = rest
        cost += v[i] * rest * rest
    told[LEVEL], told[TILT], told[SQUARE], told[HEIGHT], told[COST] = (
        level, tilt, square, height, cost,
    )  # fmt: skip


@kernel
def tangent(
    p: Array, x: Array, t: Array, v: Array, under: Array, room: Array, left: int, told: Array
) -> tuple[float, float, float, float, float]:
    """Return the normal matrix of Kaufman's Jacobian (3 numbers), and the fall along r (2)."""
    a00 = a01 = a11 = f0 = f1 = l0 = l1 = t0 = t1 = s0 = s1 = 0.0
    for i in range(x.size):
        u = (x[i] - p[0]) / p[1]
        d0 = v[i] * 2.0 * u * room[LINE, i] * room[LINE, i] * told[HEIGHT] / p[1]
        d1, plain = d0 * u, d0 / v[i] if v[i] > 0.0 else 0.0
        a00 += d0 * plain
        a01 += d1 * plain
        a11 += d1 * plain * u
        f0 += d0 * room[left, i]
        f1 += d1 * room[left, i]
        l0 += d0
        l1 += d1
        t0 += d0 * t[i]
        t1 += d1 * t[i]
        s0 += d0 * room[BARE, i]
        s1 += d1 * room[BARE, i]
    total, spread, square = under[TOTAL], under[SPREAD], max(told[SQUARE], 1e-300)
    a00 -= l0 * l0 / total + t0 * t0 / spread + s0 * s0 / square
    a01 -= l0 * l1 / total + t0 * t1 / spread + s0 * s1 / square
    a11 -= l1 * l1 / total + t1 * t1 / spread + s1 * s1 / square
    return a00, a01, a11, f0, f1


@kernel
def refine(
    x: Array, t: Array, v: Array, under: Array, low: Array, high: Array, p: Array, cov: Array,
    room: Array, told: Array,
) -> int:  # fmt: skip
    """Levenberg-Marquardt on one line; return which row of told, and of room, is of the minimum."""
    lam, now = 1e-2, 0
    trial = np.empty(2)
    project(p, x, t, v, under, room, LEFT + now, told[now])
    a00, a01, a11, f0, f1 = tangent(p, x, t, v, under, room, LEFT + now, told[now])
    for _ in range(ITERATIONS):
        before, lower = told[now, COST], False
        for _ in range(TRIES):
            b00, b11 = a00 * (1.0 + lam) + 1e-14, a11 * (1.0 + lam) + 1e-14
            whole = b00 * b11 - a01 * a01
            if b00 > 0.0 and whole > 0.0:
                trial[0] = min(max(p[0] + (b11 * f0 - a01 * f1) / whole, low[0]), high[0])
                trial[1] = min(max(p[1] + (b00 * f1 - a01 * f0) / whole, low[1]), high[1])
                project(trial, x, t, v, under, room, AGAIN - now, told[1 - now])
                lower = told[1 - now, COST] <= before
                if lower:
                    break
            lam *= 10.0
        if not lower:
            project(p, x, t, v, under, room, LEFT + now, told[now])
            break
        p[0], p[1], now = trial[0], trial[1], 1 - now
        a00, a01, a11, f0, f1 = tangent(p, x, t, v, under, room, LEFT + now, told[now])
        lam *= 0.1
        if before - told[now, COST] <= ENOUGH * before:
            break
    whole = a00 * a11 - a01 * a01
    known = whole > 0.0
    cov[0, 0], cov[1, 1] = (a11 / whole, a00 / whole) if known else (1e30, 1e30)
    cov[0, 1] = cov[1, 0] = -a01 / whole if known else 0.0
    return now


@kernel
def fill_another(
    new: Array, lines: Array, least: float, widest: float, there: NDArray[np.bool_]
) -> None:
    """Fill there (N,): lines (N, 2) inside the window and no wider, apart from others (N, K, 2).

    least, widest: full widths, in windows.
    """
    for n in range(new.shape[0]):
        centre, half = new[n, 0], new[n, 1]
        there[n] = 0.0 < centre < 1.0 and least < 2.0 * half < widest
        for k in range(lines.shape[1]):
            if not abs(centre - lines[n, k, 0]) > half + lines[n, k, 1]:
                there[n] = False
