"""Laws and solver in numba: serial, without the GIL, cached on disk.

Everything that is compiled together lives in this one file on purpose: numba notices a changed
cache by the file of the outermost function only, so a law in another file could stay stale.

A law is y = sum_l c_l phi_l(x; p): c is linear and eliminated in closed form (variable
projection, Golub and Pereyra 1973, with Kaufman's Jacobian), p is refined by
Levenberg-Marquardt. Complex traces are two stacked real ones, [Re; Im]. x is normalised so that
the window has length 1; rows are weighted by w, 0 for a missing point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
F = TypeVar("F", bound=Callable[..., Any])

DECAY = 0  # e, 1                           p = rate, shape
RAMSEY = 1  # e cos, e sin, 1               p = rate, shape, w
BEAT = 2  # two cos and sin pairs, 1        p = rate, shape, w1, w2
RABI = 3  # exp(-g|x|) cos, 1               p = g, w
LINE = 4  # Lorentzian, Gaussian, 1, x     p = centre, half width at half maximum
TWO_LINES = 5  # both shapes twice, 1, x   p = centre, half width, centre, half width
RESONANCE = 6  # 1, i, L, iL; t, it, ...   p = centre, full width, delay
POWER = 7  # line, u line, 1; t, ...       p = centre, half width; t = x - 1/2

NONLINEAR = (2, 3, 4, 2, 2, 4, 3, 2)
LINEAR = (2, 3, 5, 2, 4, 6, 4, 3)  # the last two may have more, for their background
ENOUGH = 2e-6  # relative gain at which an iteration is the last: 1e-4 of chi-square
LN2 = math.log(2.0)


def kernel(function: F) -> F:
    """Compile for the CPU; the binary is kept on disk. Division by 0 is no exception."""
    return cast(F, njit(cache=True, fastmath=True, nogil=True, error_model="numpy")(function))


@kernel
def exponents(p: Array) -> tuple[float, float]:
    """Return a, b of exp(-a x - b x^2) that falls to 1/e at x = 1/rate; shape 0 is a = rate.

    The shape is held above the value at which the envelope would grow again by a factor e.
    """
    s, q = p[0], p[1]
    if s > 1.0:
        q = max(q, -(1.0 + s) / (s * s - s + 1e-9))
    return (1.0 - q) * s, q * s * s


@kernel
def envelope(p: Array, x: Array, step: float, out: Array) -> None:
    """Write exp(-a x - b x^2); by recurrence where x is uniform."""
    a, b = exponents(p)
    if step > 0.0:
        value = math.exp(-a * x[0] - b * x[0] * x[0])
        ratio = math.exp(-a * step - b * (2.0 * x[0] * step + step * step))
        turn = math.exp(-2.0 * b * step * step)
        for i in range(x.size):
            out[i] = value
            value *= ratio
            ratio *= turn
        return
    for i in range(x.size):
        out[i] = math.exp(-a * x[i] - b * x[i] * x[i])


@kernel
def turning(w: float, x: Array, step: float, cos: Array, sin: Array) -> None:
    """Multiply cos and sin (both holding the envelope) by cos(w x) and sin(w x)."""
    a, b = math.cos(w * x[0]), math.sin(w * x[0])
    ca, sa = math.cos(w * step), math.sin(w * step)
    for i in range(x.size):
        if step <= 0.0:
            a, b = math.cos(w * x[i]), math.sin(w * x[i])
        cos[i] *= a
        sin[i] *= b
        a, b = a * ca - b * sa, a * sa + b * ca


@kernel
def oscillations(p: Array, x: Array, step: float, phi: Array) -> None:
    """Fill a pair of decaying cosine and sine for every angular frequency, and the constant."""
    count = p.size - 2
    envelope(p, x, step, phi[0])
    for k in range(1, 2 * count):
        for i in range(x.size):
            phi[k, i] = phi[0, i]
    phi[2 * count, :] = 1.0
    for k in range(count):
        turning(p[2 + k], x, step, phi[2 * k], phi[2 * k + 1])


@kernel
def line(centre: float, half: float, x: Array, lorentz: Array, gauss: Array) -> None:
    """Fill both shapes of a line of height 1 that is 1/2 at centre +- half."""
    for i in range(x.size):
        u2 = ((x[i] - centre) / half) ** 2
        lorentz[i] = 1.0 / (1.0 + u2)
        gauss[i] = math.exp(-LN2 * min(u2, 500.0))


@kernel
def lines(p: Array, x: Array, phi: Array) -> None:
    """Fill one or two lines, a constant and a slope."""
    count = p.size // 2
    for k in range(count):
        line(p[2 * k], p[2 * k + 1], x, phi[2 * k], phi[2 * k + 1])
    for i in range(x.size):
        phi[2 * count, i], phi[2 * count + 1, i] = 1.0, x[i] - 0.5


@kernel
def power(p: Array, x: Array, phi: Array) -> None:
    """Fill |1/(1 + iu)|^2, u times it, a constant (and powers of x - 1/2)."""
    for i in range(x.size):
        u = (x[i] - p[0]) / p[1]
        phi[0, i] = 1.0 / (1.0 + u * u)
        phi[1, i], phi[2, i] = u * phi[0, i], 1.0
        for k in range(3, phi.shape[0]):
            phi[k, i] = phi[k - 1, i] * (x[i] - 0.5)


@kernel
def resonance(p: Array, x: Array, step: float, phi: Array) -> None:
    """Fill exp(-2 pi i delay x) times 1, i, L, iL (t, it, ...); L = 1 / (1 + 2i (x - x0)/k)."""
    m = x.size
    turn = -2.0 * math.pi * p[2]
    a, b = math.cos(turn * x[0]), math.sin(turn * x[0])
    ca, sa = math.cos(turn * step), math.sin(turn * step)
    for i in range(m):
        if step <= 0.0:
            a, b = math.cos(turn * x[i]), math.sin(turn * x[i])
        u = 2.0 * (x[i] - p[0]) / p[1]
        n = 1.0 / (1.0 + u * u)
        re, im = n * (a + b * u), n * (b - a * u)
        phi[0, i], phi[0, m + i], phi[1, i], phi[1, m + i] = a, b, -b, a
        phi[2, i], phi[2, m + i], phi[3, i], phi[3, m + i] = re, im, -im, re
        t = 1.0
        for k in range(4, phi.shape[0], 2):
            t *= x[i] - 0.5
            phi[k, i], phi[k, m + i] = a * t, b * t
            phi[k + 1, i], phi[k + 1, m + i] = -b * t, a * t
        a, b = a * ca - b * sa, a * sa + b * ca


@kernel
def basis(law: int, p: Array, x: Array, step: float, phi: Array) -> None:
    """Fill phi (L, R) at the nonlinear parameters p."""
    if law == DECAY:
        envelope(p, x, step, phi[0])
        phi[1, :] = 1.0
    elif law in (RAMSEY, BEAT):
        oscillations(p, x, step, phi)
    elif law == RABI:
        for i in range(x.size):
            phi[0, i] = math.exp(-p[0] * abs(x[i])) * math.cos(p[1] * x[i])
            phi[1, i] = 1.0
    elif law == RESONANCE:
        resonance(p, x, step, phi)
    elif law == POWER:
        power(p, x, phi)
    else:
        lines(p, x, phi)


@kernel
def slopes_of_oscillations(p: Array, x: Array, phi: Array, c: Array, d: Array) -> None:
    """Derivatives by rate, shape and each angular frequency; without one, the plain decay."""
    count = p.size - 2
    s, q = p[0], p[1]
    for i in range(x.size):
        d[0, i] = c[0, 0] * phi[0, i] if count == 0 else 0.0
    for k in range(count):
        a, b = c[2 * k, 0], c[2 * k + 1, 0]
        for i in range(x.size):
            cos, sin = phi[2 * k, i], phi[2 * k + 1, i]
            d[0, i] += a * cos + b * sin
            d[2 + k, i] = x[i] * (b * cos - a * sin)
    for i in range(x.size):
        t, y = x[i], d[0, i]
        d[0, i] = -y * t * (1.0 - q + 2.0 * q * s * t)
        d[1, i] = -y * s * t * (s * t - 1.0)


@kernel
def slopes_of_rabi(p: Array, x: Array, w: Array, phi: Array, c: Array, d: Array) -> None:
    """Derivatives by decay and angular frequency."""
    for i in range(x.size):
        d[0, i] = -abs(x[i]) * phi[0, i] * c[0, 0]
        d[1, i] = -x[i] * w[i] * math.exp(-p[0] * abs(x[i])) * math.sin(p[1] * x[i]) * c[0, 0]


@kernel
def slopes_of_lines(p: Array, x: Array, phi: Array, c: Array, d: Array) -> None:
    """Derivatives by centre and half width of each line."""
    for k in range(0, p.size, 2):
        for i in range(x.size):
            u = (x[i] - p[k]) / p[k + 1]
            lorentz = c[k, 0] * phi[k, i] / (1.0 + u * u)
            v = 2.0 * u / p[k + 1] * (lorentz + LN2 * c[k + 1, 0] * phi[k + 1, i])
            d[k, i], d[k + 1, i] = v, v * u


@kernel
def slopes_of_power(p: Array, x: Array, phi: Array, c: Array, d: Array) -> None:
    """Derivatives of (B + C u)/(1 + u^2) by centre and half width."""
    for i in range(x.size):
        u = (x[i] - p[0]) / p[1]
        n = 1.0 / (1.0 + u * u)
        by_u = phi[0, i] * (c[1, 0] - 2.0 * u * n * (c[0, 0] + c[1, 0] * u))
        d[0, i] = -by_u / p[1]
        d[1, i] = -by_u * u / p[1]


@kernel
def slopes_of_resonance(p: Array, x: Array, phi: Array, c: Array, d: Array) -> None:
    """Derivatives by centre, full width and delay."""
    m = x.size
    for i in range(m):
        u = 2.0 * (x[i] - p[0]) / p[1]
        n = 1.0 / (1.0 + u * u)
        re = c[2, 0] * phi[2, i] + c[3, 0] * phi[3, i]
        im = c[2, 0] * phi[2, m + i] + c[3, 0] * phi[3, m + i]
        qr, qi = n * (re + im * u), n * (im - re * u)
        d[0, i], d[0, m + i] = -2.0 * qi / p[1], 2.0 * qr / p[1]
        d[1, i], d[1, m + i] = -u * qi / p[1], u * qr / p[1]
        yr = c[0, 0] * phi[0, i] + c[1, 0] * phi[1, i] + re
        yi = c[0, 0] * phi[0, m + i] + c[1, 0] * phi[1, m + i] + im
        for k in range(4, phi.shape[0]):
            yr += c[k, 0] * phi[k, i]
            yi += c[k, 0] * phi[k, m + i]
        d[2, i], d[2, m + i] = 2.0 * math.pi * x[i] * yi, -2.0 * math.pi * x[i] * yr


@kernel
def slopes(law: int, p: Array, x: Array, w: Array, phi: Array, c: Array, d: Array) -> None:
    """Fill d (P, R), the derivative of sum c phi by p, from the weighted phi."""
    if law in (DECAY, RAMSEY, BEAT):
        slopes_of_oscillations(p, x, phi, c, d)
    elif law == RABI:
        slopes_of_rabi(p, x, w, phi, c, d)
    elif law == RESONANCE:
        slopes_of_resonance(p, x, phi, c, d)
    elif law == POWER:
        slopes_of_power(p, x, phi, c, d)
    else:
        slopes_of_lines(p, x, phi, c, d)


@kernel
def dot(a: Array, b: Array) -> float:
    """Return the inner product."""
    s = 0.0
    for i in range(a.size):
        s += a[i] * b[i]
    return s


@kernel
def factor(a: Array, n: int) -> bool:
    """Cholesky factor of the leading n by n block, in place; False if not positive."""
    for j in range(n):
        s = a[j, j]
        for k in range(j):
            s -= a[j, k] * a[j, k]
        if not s > 1e-280:
            return False
        a[j, j] = math.sqrt(s)
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s -= a[i, k] * a[j, k]
            a[i, j] = s / a[j, j]
    return True


@kernel
def substitute(a: Array, b: Array, n: int) -> None:
    """Solve A b = b for a column, in place, with the Cholesky factor of A."""
    for i in range(n):
        s = b[i]
        for k in range(i):
            s -= a[i, k] * b[k]
        b[i] = s / a[i, i]
    for i in range(n - 1, -1, -1):
        s = b[i]
        for k in range(i + 1, n):
            s -= a[k, i] * b[k]
        b[i] = s / a[i, i]


@kernel
def project(
    law: int, p: Array, x: Array, step: float, y: Array, w: Array, prior: Array,
    phi: Array, gram: Array, c: Array, r: Array,
) -> float:  # fmt: skip
    """Solve for the linear parameters; return the cost and leave residuals r and gram's factor."""
    basis(law, p, x, step, phi)
    n = c.shape[0]
    for k in range(n):
        for i in range(y.size):
            phi[k, i] *= w[i]
    for k in range(n):
        for j in range(k + 1):
            gram[k, j] = dot(phi[k], phi[j])
        gram[k, k] = gram[k, k] * (1.0 + 1e-12) + prior[0, k]
        c[k, 0] = dot(phi[k], y) + prior[0, k] * prior[1, k]
    if not factor(gram, n):
        return 1e300
    substitute(gram, c[:, 0], n)
    for i in range(y.size):
        r[i] = y[i]
    cost = 0.0
    for k in range(n):
        ck = c[k, 0]
        cost += prior[0, k] * (ck - prior[1, k]) ** 2
        for i in range(y.size):
            r[i] -= phi[k, i] * ck
    return cost + dot(r, r)


@kernel
def reduced_normal(d: Array, phi: Array, gram: Array, both: Array, solved: Array, a: Array) -> None:
    """Normal matrix of Kaufman's Jacobian (1 - phi phi^+) d, lower triangle into a."""
    np_, n = d.shape[0], phi.shape[0]
    for k in range(np_):
        square = dot(d[k], d[k])
        if square == 0.0:  # frozen
            a[k, : k + 1] = both[:, k] = solved[:, k] = 0.0
            continue
        for i in range(n):
            both[i, k] = dot(phi[i], d[k])
            solved[i, k] = both[i, k]
        substitute(gram, solved[:, k], n)
        for j in range(k + 1):
            s = dot(d[k], d[j])
            for i in range(n):
                s -= both[i, k] * solved[i, j]
            a[k, j] = s


@kernel
def covariance(d: Array, phi: Array, prior: Array, cov: Array, h: Array, scale: Array) -> None:
    """Inverse of the full normal matrix [d; phi], scaled by its diagonal; 0 for a frozen one."""
    np_, n = d.shape[0], d.shape[0] + phi.shape[0]
    for i in range(n):
        u = d[i] if i < np_ else phi[i - np_]
        for j in range(i + 1):
            v = d[j] if j < np_ else phi[j - np_]
            h[i, j] = dot(u, v)
        if i >= np_:
            h[i, i] += prior[0, i - np_]
        scale[i] = 1.0 / math.sqrt(h[i, i]) if h[i, i] > 1e-200 else 0.0
    for i in range(n):
        for j in range(i + 1):
            h[i, j] *= scale[i] * scale[j]
        h[i, i] = h[i, i] + 1e-13 if scale[i] > 0.0 else 1.0
        cov[i, :] = 0.0
        cov[i, i] = 1.0
    if not factor(h, n):
        cov[:, :] = 1e30
        return
    for j in range(n):
        substitute(h, cov[:, j], n)
    for i in range(n):
        for j in range(n):
            cov[i, j] *= scale[i] * scale[j]


@kernel
def refine(
    law: int, x: Array, step: float, y: Array, w: Array, prior: Array, p: Array, lo: Array,
    hi: Array, iterations: int, phi: Array, d: Array, c: Array, r: Array, cov: Array, space: Array,
) -> float:  # fmt: skip
    """Levenberg-Marquardt on one trace; p, c, r and cov are left at the minimum.

    space (7, K, K): room for K = P + L parameters; only whole rows of it are taken, so that every
    function below is compiled once, for contiguous arrays.
    """
    np_, n = p.size, c.shape[0]
    gram, both, solved = space[0][:n], space[1][:n], space[2][:n]
    a, damped, move = space[3][:np_], space[4][:np_], space[5][:np_]
    trial, fall = space[6][0][:np_], space[6][1][:np_]
    lam = 1e-2
    cost = project(law, p, x, step, y, w, prior, phi, gram, c, r)
    tangent(law, p, lo, hi, x, w, phi, c, d)
    for _ in range(iterations):
        reduced_normal(d, phi, gram, both, solved, a)
        for k in range(np_):
            fall[k] = dot(d[k], r)
        before, lower = cost, False
        for _ in range(8):
            for k in range(np_):
                for j in range(k):
                    damped[k, j] = a[k, j]
                damped[k, k] = a[k, k] * (1.0 + lam) + 1e-14
                move[k, 0] = fall[k]
            if factor(damped, np_):
                substitute(damped, move[:, 0], np_)
                for k in range(np_):
                    trial[k] = min(max(p[k] + move[k, 0], lo[k]), hi[k])
                cost = project(law, trial, x, step, y, w, prior, phi, gram, c, r)
                lower = cost <= before
                if lower:
                    break
            lam *= 10.0
        if not lower:
            cost = project(law, p, x, step, y, w, prior, phi, gram, c, r)
            tangent(law, p, lo, hi, x, w, phi, c, d)
            break
        for k in range(np_):
            p[k] = trial[k]
        tangent(law, p, lo, hi, x, w, phi, c, d)
        lam *= 0.1
        if before - cost <= ENOUGH * before:
            break
    covariance(d, phi, prior, cov, space[0], space[1, 0])
    return cost


@kernel
def tangent(
    law: int, p: Array, lo: Array, hi: Array, x: Array, w: Array, phi: Array, c: Array, d: Array
) -> None:
    """Fill the derivatives; a parameter whose bounds coincide is frozen."""
    slopes(law, p, x, w, phi, c, d)
    for k in range(p.size):
        if lo[k] == hi[k]:
            d[k, :] = 0.0


@kernel
def solve(
    law: int, x: Array, step: Array, y: Array, w: Array, prior: Array, p: Array, lo: Array,
    hi: Array, c: Array, cov: Array, r: Array, cost: Array, iterations: int,
) -> None:  # fmt: skip
    """Refine every trace. x (K, M), step (K,) with K = 1 or N; y, w, r (N, R); prior (N, 2, L).

    p (N, P), lo, hi (N, P), c (N, L), cov (N, P + L, P + L), cost (N,).
    """
    rows, linear = y.shape[1], c.shape[1]
    phi, d, column = np.zeros((linear, rows)), np.zeros((p.shape[1], rows)), np.zeros((linear, 1))
    space = np.zeros((7, p.shape[1] + linear, p.shape[1] + linear))
    for n in range(y.shape[0]):
        k = n if x.shape[0] > 1 else 0
        cost[n] = refine(
            law, x[k], step[k], y[n], w[n], prior[n], p[n], lo[n], hi[n], iterations,
            phi, d, column, r[n], cov[n], space,
        )  # fmt: skip
        for k in range(linear):
            c[n, k] = column[k, 0]


@kernel
def evaluate(law: int, x: Array, step: Array, p: Array, c: Array, curve: Array) -> None:
    """Fill curve (N, R) with the unweighted law."""
    phi = np.zeros((c.shape[1], curve.shape[1]))
    for n in range(p.shape[0]):
        k = n if x.shape[0] > 1 else 0
        basis(law, p[n], x[k], step[k], phi)
        curve[n, :] = 0.0
        for j in range(c.shape[1]):
            for i in range(curve.shape[1]):
                curve[n, i] += c[n, j] * phi[j, i]
