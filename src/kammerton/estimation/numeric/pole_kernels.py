"""Resonances in the complex plane by sums, in numba: a pole makes every product of columns simple.

A trace is exp(-2 pi i tau x) (b + a L + d t), L = 1/(1 + 2i (x - x0)/kappa), t = x - 1/2. Because
L + L* = 2 |L|^2 and t L = z L - i kappa/2, with z = x0 - 1/2 + i kappa/2, each product of two of
1, t, t^2, L, L^2 is a combination of t^k, L, L^2 and their conjugates: a few sums over the points
give the whole normal matrix. Real and imaginary part of a point have the same weight.

Several traces may share parameters: `where` (S, 9) says for each trace s which of the fit's own
parameters its own nine are, -1 for one that it has not. All in one file, see kernels.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.intp]
Room = tuple[Any, ...]  # arrays that a function works in

CENTRE, WIDTH, DELAY, LEVEL, LINE, SLOPE = 0, 1, 2, 3, 5, 7  # of a trace; the last three complex
OWN = 9
ONE, POLE, T, SQUARE, TT = range(5)  # functions: 1, L, t, L^2, t^2
FUNCTIONS = 5
LINEAR = 3  # of the functions: those that have coefficients
BLOCK = 16  # points: turns over so many are tabulated
USUAL = 12  # iterations, beyond which a fit creeps
ENOUGH = 2e-6  # relative gain at which a step is the last: 1e-4 of chi-square
ROUNDING = 1e-14  # of all of y: what sums cannot tell


@kernel
def weighted(x: Array, w: Array, y: Array, m: int, v: Array, z: Array, moment: Array) -> float:
    """Fill v (M,) with w^2, z (2, M) with w^2 y, moment with sums of w^2 t^k; return that of y."""
    all_ = one = two = three = four = five = 0.0
    for i in range(m):
        v[i] = w[i] * w[i]
        z[0, i], z[1, i] = v[i] * y[i], v[i] * y[m + i]
        all_ += z[0, i] * y[i] + z[1, i] * y[m + i]
    for i in range(m):
        t = x[i] - 0.5
        along, square = v[i] * t, v[i] * t * t
        one, two, three = one + v[i], two + along, three + square
        four, five = four + along * t * t, five + square * t * t
    moment[0], moment[1], moment[2], moment[3], moment[4] = one, two, three, four, five
    return all_


@kernel
def unwound(x: Array, step: float, z: Array, delay: float, table: Array, out: Array) -> None:
    """Fill out (2, M) with z exp(2 pi i delay x); uniform turns are products of two."""
    turn, m = 2.0 * math.pi * delay, x.size
    if step <= 0.0:
        for i in range(m):
            a, b = math.cos(turn * x[i]), math.sin(turn * x[i])
            out[0, i], out[1, i] = a * z[0, i] - b * z[1, i], a * z[1, i] + b * z[0, i]
        return
    each = complex(math.cos(turn * step), math.sin(turn * step))
    far = complex(1.0, 0.0)
    for k in range(BLOCK):
        table[0, k], table[1, k] = far.real, far.imag
        far *= each
    start = complex(math.cos(turn * x[0]), math.sin(turn * x[0]))
    for first in range(0, m, BLOCK):
        p, q = start.real, start.imag
        for k in range(min(BLOCK, m - first)):
            i = first + k
            a, b = p * table[0, k] - q * table[1, k], p * table[1, k] + q * table[0, k]
            out[0, i], out[1, i] = a * z[0, i] - b * z[1, i], a * z[1, i] + b * z[0, i]
        start *= far


@kernel
def summed(x: Array, v: Array, z: Array, p: Array, sums: Complex, r: Complex) -> None:
    """Fill sums (2,) of v L and v L^2, and r (5,) of z with the conjugate of each function."""
    centre, scale = p[CENTRE], 2.0 / p[WIDTH]
    s1 = s2 = s3 = s4 = 0.0
    y0 = y1 = t0 = t1 = tt0 = tt1 = l0 = l1 = q0 = q1 = 0.0
    for i in range(x.size):
        u, t = (x[i] - centre) * scale, x[i] - 0.5
        a = 1.0 / (1.0 + u * u)
        b = -u * a
        c, d = a * a - b * b, 2.0 * a * b
        g, re, im = v[i], z[0, i], z[1, i]
        s1, s2, s3, s4 = s1 + g * a, s2 + g * b, s3 + g * c, s4 + g * d
        y0, y1, t0, t1 = y0 + re, y1 + im, t0 + t * re, t1 + t * im
        tt0, tt1 = tt0 + t * t * re, tt1 + t * t * im
        l0, l1 = l0 + a * re + b * im, l1 + a * im - b * re
        q0, q1 = q0 + c * re + d * im, q1 + c * im - d * re
    sums[0], sums[1] = complex(s1, s2), complex(s3, s4)
    r[ONE], r[T], r[TT] = complex(y0, y1), complex(t0, t1), complex(tt0, tt1)
    r[POLE], r[SQUARE] = complex(l0, l1), complex(q0, q1)


@kernel
def products(moment: Array, sums: Complex, p: Array, h: Complex) -> None:
    """Fill h (5, 5) with the sums of v times the conjugate of one function times another."""
    half = 0.5j * p[WIDTH]
    zeta = p[CENTRE] - 0.5 + half
    one, two = sums[0], sums[1]
    along = zeta * one - half * moment[0]  # of t L
    for i in range(3):
        for j in range(3):
            powers = (ONE, T, TT)
            h[powers[i], powers[j]] = moment[i + j]
    h[ONE, POLE], h[ONE, SQUARE] = one, two
    h[T, POLE], h[T, SQUARE] = along, zeta * two - half * one
    h[TT, POLE] = zeta * along - half * moment[1]
    h[TT, SQUARE] = zeta * (zeta * two - 2.0 * half * one) + half * half * moment[0]
    h[POLE, POLE], h[POLE, SQUARE] = one.real, 0.5 * (two + one.real)
    h[SQUARE, SQUARE] = 0.5 * (two.real + one.real)
    for i in (ONE, T, TT):
        for j in (POLE, SQUARE):
            h[j, i] = h[i, j].conjugate()
    h[SQUARE, POLE] = h[POLE, SQUARE].conjugate()


@kernel
def columns(p: Array, c: Complex, q: Complex) -> None:
    """Fill q (3, 5): derivatives by centre, width and delay, in terms of the functions."""
    level, line, slope, half = c[ONE], c[POLE], c[T], 0.5j * p[WIDTH]
    turn = -2.0j * math.pi
    q[:, :] = 0.0
    q[CENTRE, SQUARE] = 2.0j * line / p[WIDTH]
    q[WIDTH, POLE], q[WIDTH, SQUARE] = line / p[WIDTH], -line / p[WIDTH]
    q[DELAY, ONE], q[DELAY, T] = turn * (0.5 * level - half * line), turn * (level + 0.5 * slope)
    q[DELAY, TT], q[DELAY, POLE] = turn * slope, turn * line * (p[CENTRE] + half)


@kernel
def solved(a: Array, b: Array) -> None:
    """Solve A b = b in place for columns b (n, q); A (n, n), symmetric, is scaled and lost."""
    n, q = b.shape
    scale = np.empty(n)
    for i in range(n):
        scale[i] = 1.0 / math.sqrt(max(a[i, i], 1e-200))
    for i in range(n):
        for j in range(n):
            a[i, j] *= scale[i] * scale[j]
        for k in range(q):
            b[i, k] *= scale[i]
    for j in range(n):
        a[j, j] = 1.0 / max(a[j, j], 1e-13)
        for i in range(j + 1, n):
            ratio = a[i, j] * a[j, j]
            for k in range(j + 1, n):
                a[i, k] -= ratio * a[j, k]
            for k in range(q):
                b[i, k] -= ratio * b[j, k]
    for i in range(n - 1, -1, -1):
        for k in range(q):
            for j in range(i + 1, n):
                b[i, k] -= a[i, j] * b[j, k]
            b[i, k] *= a[i, i]
    for i in range(n):
        for k in range(q):
            b[i, k] *= scale[i]


@kernel
def linear(
    where: Index, first: int, h: Complex, r: Complex, ridge: Array, gram: Array, told: Array
) -> None:
    """Fill the normal matrix (L, L) of the coefficients, and told (L, 1) of y along them."""
    gram[:, :], told[:, :] = 0.0, 0.0
    for s in range(where.shape[0]):
        for f in range(LINEAR):
            i = where[s, LEVEL + 2 * f] - first
            if i < 0:
                continue
            told[i, 0] += r[s, f].real
            told[i + 1, 0] += r[s, f].imag
            for g in range(LINEAR):
                j = where[s, LEVEL + 2 * g] - first
                if j >= 0:
                    gram[i, j] += h[s, f, g].real
                    gram[i + 1, j + 1] += h[s, f, g].real
                    gram[i, j + 1] -= h[s, f, g].imag
                    gram[i + 1, j] += h[s, f, g].imag
    for k in range(ridge.size):
        gram[k, k] += ridge[k]


@kernel
def project(
    where: Index, p: Array, x: Array, step: float, ridge: Array, given: Room,
    room: Room, h: Complex, r: Complex, gram: Array, c: Array,
) -> float:  # fmt: skip
    """Solve for the coefficients c (L, 1); return the cost, and leave the sums in h and r."""
    v, z, moments, whole = given
    own, turned, table, sums, told, square = room
    for s in range(where.shape[0]):
        for k in range(LEVEL):
            own[k] = p[where[s, k]]
        unwound(x, step, z[s], own[DELAY], table, turned)
        summed(x, v[s], turned, own, sums, r[s])
        products(moments[s], sums, own, h[s])
    linear(where, p.size, h, r, ridge, gram, told)
    for i in range(c.shape[0]):
        c[i, 0] = told[i, 0]
        for j in range(c.shape[0]):
            square[i, j] = gram[i, j]
    solved(square, c)
    cost: float = whole[0]
    for i in range(c.shape[0]):
        cost -= told[i, 0] * c[i, 0]
    return max(cost, 0.0)


@kernel
def fill_own(where: Index, p: Array, c: Array, own: Array, own_c: Complex) -> None:
    """Fill what is one trace's own of the parameters p and the coefficients c (L, 1)."""
    for k in range(LEVEL):
        own[k] = p[where[k]]
    for f in range(LINEAR):
        i = where[LEVEL + 2 * f] - p.size
        own_c[f] = complex(c[i, 0], c[i + 1, 0]) if i >= 0 else complex(0.0, 0.0)


@kernel
def tangent(
    where: Index, p: Array, c: Array, h: Complex, r: Complex, room: Room,
    normal: Array, fall: Array,
) -> None:  # fmt: skip
    """Fill the rows of the whole normal matrix (K, K) of p, and fall (P,) of the cost along p."""
    own, own_c, q, hq, left = room
    size = p.size
    normal[:size, :], fall[:] = 0.0, 0.0
    for s in range(where.shape[0]):
        fill_own(where[s], p, c, own, own_c)
        columns(own, own_c, q)
        for b in range(FUNCTIONS):
            left[b] = r[s, b]
            for f in range(LINEAR):
                left[b] -= h[s, b, f] * own_c[f]
            for k in range(LEVEL):
                hq[k, b] = complex(0.0, 0.0)
                for d in range(FUNCTIONS):
                    hq[k, b] += h[s, b, d] * q[k, d]
        for k in range(LEVEL):
            at = where[s, k]
            for b in range(FUNCTIONS):
                fall[at] += (q[k, b].conjugate() * left[b]).real
                for j in range(LEVEL):
                    normal[at, where[s, j]] += (q[j, b].conjugate() * hq[k, b]).real
            for f in range(LINEAR):
                i = where[s, LEVEL + 2 * f]
                if i >= 0:
                    normal[at, i] += hq[k, f].real
                    normal[at, i + 1] += hq[k, f].imag


@kernel
def reduced(normal: Array, gram: Array, a: Array, both: Array, square: Array) -> None:
    """Fill a (P, P) with the normal matrix of p after the coefficients have followed."""
    size, n = a.shape[0], gram.shape[0]
    for i in range(n):
        for j in range(n):
            square[i, j] = gram[i, j]
        for k in range(size):
            both[i, k] = normal[k, size + i]
    solved(square, both)
    for k in range(size):
        for j in range(size):
            a[k, j] = normal[k, j]
            for i in range(n):
                a[k, j] -= normal[k, size + i] * both[i, j]


@kernel
def covariance(normal: Array, gram: Array, size: int, cov: Array) -> None:
    """Fill cov (K, K) with the inverse of the whole normal matrix, which is lost."""
    for i in range(cov.shape[0]):
        for j in range(cov.shape[0]):
            if i >= size:
                normal[i, j] = gram[i - size, j - size] if j >= size else normal[j, i]
            cov[i, j] = 1.0 if i == j else 0.0
    solved(normal, cov)


@kernel
def slope_gain(
    where: Index, p: Array, c: Array, h: Complex, r: Complex, room: Room, cov: Array,
    cross: Array,
) -> float:  # fmt: skip
    """Return by how much the cost would fall if the background sloped (Rao's score test).

    A slope of its phase, b (1 + i v t), is a longer delay; what that leaves is b (v t)^2 / 2, and
    never less than 0. cross (2, K): room, for its size along t and along t^2.
    """
    own, own_c, q, _, _ = room
    falls0 = falls1 = all0 = all1 = both = 0.0
    cross[:] = 0.0
    for s in range(where.shape[0]):
        fill_own(where[s], p, c, own, own_c)
        columns(own, own_c, q)
        along = own_c[ONE].conjugate() / max(abs(own_c[ONE]), 1e-300)
        straight, bent = r[s, T], r[s, TT]
        for f in range(LINEAR):
            straight, bent = straight - h[s, T, f] * own_c[f], bent - h[s, TT, f] * own_c[f]
        falls0, falls1 = falls0 + (along * straight).real, falls1 + (along * bent).real
        all0, all1, both = all0 + h[s, T, T].real, all1 + h[s, TT, TT].real, both + h[s, T, TT].real
        for k in range(2):
            power = TT if k else T
            for f in range(LINEAR):
                i = where[s, LEVEL + 2 * f]
                if i >= 0:
                    cross[k, i] += (along * h[s, power, f]).real
                    cross[k, i + 1] -= (along * h[s, power, f]).imag
            for j in range(LEVEL):
                for b in range(FUNCTIONS):
                    cross[k, where[s, j]] += (along * h[s, power, b] * q[j, b]).real
    return gain_of_two(falls0, falls1, all0, all1, both, cross, cov)


@kernel
def gain_of_two(
    falls0: float, falls1: float, all0: float, all1: float, both: float, cross: Array, cov: Array
) -> float:
    """Return what two more coefficients gain, of which the second may not be negative.

    falls: of the cost along them; all, both: their products with themselves and each other; cross
    (2, K): with the other parameters, whose part in them does not count.
    """
    one, two = all0, all1
    for i in range(cross.shape[1]):
        for j in range(cross.shape[1]):
            one -= cross[0, i] * cov[i, j] * cross[0, j]
            two -= cross[1, i] * cov[i, j] * cross[1, j]
            both -= cross[0, i] * cov[i, j] * cross[1, j]
    if one <= 1e-6 * all0:
        return 0.0
    rest, left = two - both * both / one, falls1 - both * falls0 / one
    more = left * left / rest if rest > 1e-6 * all1 and left > 0.0 else 0.0
    return falls0 * falls0 / one + more


@kernel
def hold(p: Array, lo: Array, hi: Array, fall: Array, a: Array) -> None:
    """Leave what is at a bound, and would go beyond, out of a step: the others else creep."""
    for k in range(p.size):
        if (p[k] <= lo[k] and fall[k] < 0.0) or (p[k] >= hi[k] and fall[k] > 0.0):
            fall[k], a[k, :k], a[:k, k], a[k, k + 1 :], a[k + 1 :, k] = 0.0, 0.0, 0.0, 0.0, 0.0


@kernel
def refine(
    where: Index, p: Array, lo: Array, hi: Array, x: Array, step: float, ridge: Array,
    iterations: int, given: Room, rooms: tuple[Room, ...],
    c: Array, cov: Array,
) -> None:  # fmt: skip
    """Levenberg-Marquardt on one fit; p, c (L, 1) and cov are left at the minimum."""
    sums, slopes, (h, r, gram, normal, fall, a, both, square, damped, move, trial) = rooms
    lam, size, whole = 1e-2, p.size, given[3][0]
    cost = project(where, p, x, step, ridge, given, sums, h, r, gram, c)
    tangent(where, p, c, h, r, slopes, normal, fall)
    for turn in range(iterations):
        reduced(normal, gram, a, both, square)
        if turn >= USUAL:
            hold(p, lo, hi, fall, a)
        before, lower = cost, False
        for _ in range(8):
            for k in range(size):
                for j in range(size):
                    damped[k, j] = a[k, j]
                damped[k, k] = max(a[k, k], 0.0) * (1.0 + lam) + 1e-14 * normal[k, k] + 1e-200
                move[k, 0] = fall[k]
            solved(damped, move)
            for k in range(size):
                trial[k] = min(max(p[k] + move[k, 0], lo[k]), hi[k])
            cost = project(where, trial, x, step, ridge, given, sums, h, r, gram, c)
            lower = cost <= before
            if lower:
                break
            lam *= 10.0
        if not lower:
            cost = project(where, p, x, step, ridge, given, sums, h, r, gram, c)
            tangent(where, p, c, h, r, slopes, normal, fall)
            break
        for k in range(size):
            p[k] = trial[k]
        tangent(where, p, c, h, r, slopes, normal, fall)
        lam *= 0.1
        if before - cost <= ENOUGH * before + ROUNDING * whole:
            break
    covariance(normal, gram, size, cov)


@kernel
def rooms_for(traces: int, points: int, size: int, n: int) -> tuple[Room, ...]:
    """Return what `refine` works in, made once for all fits."""
    sums = (
        np.zeros(LEVEL), np.zeros((2, points)), np.zeros((2, BLOCK)),
        np.zeros(2, dtype=np.complex128), np.zeros((n, 1)), np.zeros((n, n)),
    )  # fmt: skip
    slopes = (
        np.zeros(LEVEL), np.zeros(LINEAR, dtype=np.complex128),
        np.zeros((LEVEL, FUNCTIONS), dtype=np.complex128),
        np.zeros((LEVEL, FUNCTIONS), dtype=np.complex128),
        np.zeros(FUNCTIONS, dtype=np.complex128),
    )  # fmt: skip
    rest = (
        np.zeros((traces, FUNCTIONS, FUNCTIONS), dtype=np.complex128),
        np.zeros((traces, FUNCTIONS), dtype=np.complex128), np.zeros((n, n)),
        np.zeros((size + n, size + n)), np.zeros(size), np.zeros((size, size)),
        np.zeros((n, size)), np.zeros((n, n)), np.zeros((size, size)), np.zeros((size, 1)),
        np.zeros(size),
    )  # fmt: skip
    return sums, slopes, rest


@kernel
def curve_of(
    where: Index, theta: Array, x: Array, step: float, table: Array, unit: Array, curve: Array
) -> None:
    """Fill curve (S, 2, M) with the law; unit (2, M): ones, and room for the cable's turn."""
    for s in range(where.shape[0]):
        unwound(x, step, unit, -theta[where[s, DELAY]], table, curve[s])
        i, j, k, scale = (
            where[s, LEVEL],
            where[s, LINE],
            where[s, SLOPE],
            2.0 / theta[where[s, WIDTH]],
        )
        b0, b1, a0, a1 = theta[i], theta[i + 1], theta[j], theta[j + 1]
        d0, d1 = (theta[k], theta[k + 1]) if k >= 0 else (0.0, 0.0)
        centre = theta[where[s, CENTRE]]
        for n in range(x.size):
            u, t = (x[n] - centre) * scale, x[n] - 0.5
            e = 1.0 / (1.0 + u * u)
            f = -u * e
            re = b0 + d0 * t + a0 * e - a1 * f
            im = b1 + d1 * t + a0 * f + a1 * e
            a, b = curve[s, 0, n], curve[s, 1, n]
            curve[s, 0, n], curve[s, 1, n] = a * re - b * im, a * im + b * re


@kernel
def evaluate(where: Index, x: Array, step: Array, theta: Array, curve: Array) -> None:
    """Fill curve (N, S, 2, M) at theta (N, K)."""
    table, unit = np.zeros((2, BLOCK)), np.zeros((2, x.shape[1]))
    unit[0, :] = 1.0
    for n in range(theta.shape[0]):
        k = n if x.shape[0] > 1 else 0
        curve_of(where, theta[n], x[k], step[k], table, unit, curve[n])


@kernel
def solve(
    where: Index, x: Array, step: Array, y: Array, w: Array, ridge: Array, theta: Array, lo: Array,
    hi: Array, cov: Array, r: Array, cost: Array, gain: Array, iterations: int,
) -> None:  # fmt: skip
    """Refine N fits of S traces each. x (1 or N, M), step (1 or N,); y, w, r (N, S, 2 M).

    theta (N, K): starts in its first P columns; lo, hi (1 or N, P); ridge (N, L); cov (N, K, K);
    r: weighted residuals; cost (N,) with what the ridge adds; gain (N,): see `slope_gain`.
    """
    traces, m, size = y.shape[1], x.shape[1], lo.shape[1]
    n = theta.shape[1] - size
    v, z, moments = np.zeros((traces, m)), np.zeros((traces, 2, m)), np.zeros((traces, FUNCTIONS))
    whole, p, c, cross = np.zeros(1), np.zeros(size), np.zeros((n, 1)), np.zeros((2, size + n))
    table, unit = np.zeros((2, BLOCK)), np.zeros((2, m))
    given, rooms = (v, z, moments, whole), rooms_for(traces, m, size, n)
    curve = np.zeros((traces, 2, m))
    unit[0, :] = 1.0
    for f in range(y.shape[0]):
        k = f if x.shape[0] > 1 else 0
        low, high = lo[f if lo.shape[0] > 1 else 0], hi[f if hi.shape[0] > 1 else 0]
        whole[0] = 0.0
        for s in range(traces):
            whole[0] += weighted(x[k], w[f, s], y[f, s], m, v[s], z[s], moments[s])
        for i in range(size):
            p[i] = min(max(theta[f, i], low[i]), high[i])
        refine(where, p, low, high, x[k], step[k], ridge[f], iterations, given, rooms, c, cov[f])
        gain[f] = slope_gain(where, p, c, rooms[2][0], rooms[2][1], rooms[1], cov[f], cross)
        cost[f] = 0.0
        for i in range(size):
            theta[f, i] = p[i]
        for i in range(n):
            theta[f, size + i] = c[i, 0]
            cost[f] += ridge[f, i] * c[i, 0] * c[i, 0]
        curve_of(where, theta[f], x[k], step[k], table, unit, curve)
        for s in range(traces):
            for i in range(m):
                r[f, s, i] = w[f, s, i] * (y[f, s, i] - curve[s, 0, i])
                r[f, s, m + i] = w[f, s, m + i] * (y[f, s, m + i] - curve[s, 1, i])
                cost[f] += r[f, s, i] * r[f, s, i] + r[f, s, m + i] * r[f, s, m + i]


@kernel
def against_another(
    x: Array, v: Array, z: Array, centre: float, p: Array, cross: Complex
) -> tuple[complex, float]:
    """Compare D = L at another centre less L at p's, over the points of a trace.

    Fill cross (5,) with the sums of v D times the conjugate of each function; return that of z
    with the conjugate of D, and that of v |D|^2.
    """
    scale, size = 2.0 / p[WIDTH], 0.0
    along0 = along1 = one0 = one1 = l0 = l1 = q0 = q1 = t0 = t1 = tt0 = tt1 = 0.0
    for i in range(x.size):
        u, o, t = (x[i] - p[CENTRE]) * scale, (x[i] - centre) * scale, x[i] - 0.5
        a, e = 1.0 / (1.0 + u * u), 1.0 / (1.0 + o * o)
        b, f = -u * a, -o * e
        re, im, c, d = e - a, f - b, a * a - b * b, 2.0 * a * b
        along0 += re * z[0, i] + im * z[1, i]
        along1 += re * z[1, i] - im * z[0, i]
        re, im = v[i] * re, v[i] * im
        size += re * (e - a) + im * (f - b)
        one0, one1, t0, t1 = one0 + re, one1 + im, t0 + t * re, t1 + t * im
        tt0, tt1 = tt0 + t * t * re, tt1 + t * t * im
        l0, l1 = l0 + a * re + b * im, l1 + a * im - b * re
        q0, q1 = q0 + c * re + d * im, q1 + c * im - d * re
    cross[ONE], cross[POLE], cross[T] = complex(one0, one1), complex(l0, l1), complex(t0, t1)
    cross[SQUARE], cross[TT] = complex(q0, q1), complex(tt0, tt1)
    return complex(along0, along1), size


@kernel
def fill_mixing(
    where: Index, x: Array, step: Array, y: Array, w: Array, theta: Array, cov: Array,
    part: Array, gain: Array,
) -> None:  # fmt: skip
    """Fill part and gain (N,): see `poles.mixing`. Where the last two traces hold one resonance."""
    m, size, last = x.shape[1], theta.shape[1], where.shape[0] - 1
    v, z, turned, moment = np.zeros(m), np.zeros((2, m)), np.zeros((2, m)), np.zeros(FUNCTIONS)
    table, own, cross = np.zeros((2, BLOCK)), np.zeros(LEVEL), np.zeros(size)
    q, c = np.zeros((LEVEL, FUNCTIONS), dtype=np.complex128), np.zeros(LINEAR, dtype=np.complex128)
    sums = np.zeros(FUNCTIONS, dtype=np.complex128)
    at = where[last]
    for n in range(theta.shape[0]):
        k = n if x.shape[0] > 1 else 0
        for i in range(LEVEL):
            own[i] = theta[n, at[i]]
        for f in range(LINEAR):
            i = at[LEVEL + 2 * f]
            c[f] = complex(theta[n, i], theta[n, i + 1]) if i >= 0 else complex(0.0, 0.0)
        columns(own, c, q)
        weighted(x[k], w[n, last], y[n, last], m, v, z, moment)
        unwound(x[k], step[k], z, own[DELAY], table, turned)
        falls, square = against_another(x[k], v, turned, theta[n, where[0, CENTRE]], own, sums)
        line, along = c[POLE], 0.0
        cross[:] = 0.0
        for f in range(LINEAR):
            falls -= sums[f].conjugate() * c[f]
            i = at[LEVEL + 2 * f]
            if i >= 0:
                cross[i] += (line * sums[f]).real
                cross[i + 1] += (line * sums[f]).imag
        for i in range(LEVEL):
            for b in range(FUNCTIONS):
                cross[at[i]] += (line * sums[b] * q[i, b].conjugate()).real
        along, square = (line.conjugate() * falls).real, square * abs(line) ** 2
        free = square
        for i in range(size):
            for j in range(size):
                free -= cross[i] * cov[n, i, j] * cross[j]
        there = free > 1e-6 * square
        part[n], gain[n] = (along / free, along * along / free) if there else (0.0, 0.0)
