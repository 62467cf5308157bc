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

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.compiling import careful_kernel as careful_kernel
from kammerton.estimation.numeric.compiling import careful_making_piece as careful_making_piece
from kammerton.estimation.numeric.compiling import careful_piece as careful_piece
from kammerton.estimation.numeric.compiling import kernel as kernel
from kammerton.estimation.numeric.compiling import making_piece as making_piece
from kammerton.estimation.numeric.compiling import piece as piece

Array = NDArray[np.float64]

DECAY = 0  # e, 1                           p = rate, shape
RAMSEY = 1  # e cos, e sin, 1               p = rate, shape, w
BEAT = 2  # two cos and sin pairs, 1        p = rate, shape, w1, w2
RABI = 3  # exp(-g|x|) cos(w (x - d)), 1   p = g, w, d
LINE = 4  # Lorentzian, Gaussian, 1, x     p = centre, half width at half maximum
TWO_LINES = 5  # both shapes twice, 1, x   p = centre, half width, centre, half width
RESONANCE = 6  # 1, i, L, iL; t, it, ...   p = centre, full width, delay; fitted by `poles`
POWER = 7  # line, u line, 1; t, ...       p = centre, half width; t = x - 1/2
IN_PHASE = 8  # two e cos, 1               p = rate, shape, w1, w2, phase, origin
HUM = 9  # e cos, e sin, cos, sin, 1       p = rate, shape, w1, w2

NONLINEAR = (2, 3, 4, 3, 2, 4, 3, 2, 6, 4)
LINEAR = (2, 3, 5, 2, 4, 6, 4, 3, 3, 5)  # resonance and power may have more, for their background
USUAL = 12  # iterations, beyond which a fit creeps
ENOUGH = 2e-6  # relative gain at which an iteration is the last: 1e-4 of chi-square
SMALL = 0.1  # damping below which what a step promises is what is left to gain
LN2, FULL_TURN = math.log(2.0), 2.0 * math.pi
AHEAD = 8  # points: recurrences over so many go side by side
TOGETHER = 16  # rows that a processor takes at once: what is left over would be taken one by one


@piece
def exponents(p: Array) -> tuple[float, float]:
    """Return a, b of exp(-a x - b x^2) that falls to 1/e at x = 1/rate; shape 0 is a = rate.

    The shape is held above the value at which the envelope would grow again by a factor e.
    """
    s, q = p[0], p[1]
    if s > 1.0:
        q = max(q, -(1.0 + s) / (s * s - s + 1e-9))
    return (1.0 - q) * s, q * s * s


@piece
def envelope(
    p: Array, x: Array, step: float, out: Array, o: int, ratio: Array, r: int
) -> None:  # fmt: skip
    """Write exp(-a x - b x^2) into row o of out; where x is uniform, each from that AHEAD before.

    Row r of ratio: room; may be given out for something else afterwards. Rows go by their number
    because a view of one is counted by whom it is held, which costs more than what is done here.
    """
    a, b = exponents(p)
    if step <= 0.0:
        for i in range(x.size):
            out[o, i] = math.exp(-a * x[i] - b * x[i] * x[i])
        return
    value = math.exp(-a * x[0] - b * x[0] * x[0])
    next_ = math.exp(-a * step - b * (2.0 * x[0] * step + step * step))
    if b == 0.0:
        for i in range(min(AHEAD, x.size)):
            out[o, i] = value
            value *= next_
        far = next_**AHEAD
        for i in range(x.size - AHEAD):
            out[o, i + AHEAD] = out[o, i] * far
        return
    turn = math.exp(-2.0 * b * step * step)
    far = math.exp(-AHEAD * step * (a + b * (2.0 * x[0] + AHEAD * step)))
    for i in range(min(AHEAD, x.size)):
        out[o, i], ratio[r, i] = value, far
        value *= next_
        next_ *= turn
        far *= turn**AHEAD
    turn = turn ** (AHEAD * AHEAD)
    for i in range(x.size - AHEAD):
        out[o, i + AHEAD] = out[o, i] * ratio[r, i]
        ratio[r, i + AHEAD] = ratio[r, i] * turn


@piece
def cosine_and_sine(angle: float) -> tuple[float, float]:
    """Return both by their series at a quarter of the angle, doubled twice, to some 1e-15.

    Without a branch or a call, so that several points are taken at once.
    """
    a = 0.25 * (angle - FULL_TURN * np.rint(angle / FULL_TURN))
    z = a * a
    s = 1.0 - z / 156.0 * (1.0 - z / 210.0)
    s = 1.0 - z / 42.0 * (1.0 - z / 72.0 * (1.0 - z / 110.0 * s))
    s = a * (1.0 - z / 6.0 * (1.0 - z / 20.0 * s))
    c = 1.0 - z / 132.0 * (1.0 - z / 182.0 * (1.0 - z / 240.0))
    c = 1.0 - z / 30.0 * (1.0 - z / 56.0 * (1.0 - z / 90.0 * c))
    c = 1.0 - z / 2.0 * (1.0 - z / 12.0 * c)
    c, s = 1.0 - 2.0 * s * s, 2.0 * s * c
    return 1.0 - 2.0 * s * s, 2.0 * s * c


@piece
def turning(w: float, x: Array, step: float, cos: Array, c: int, sin: Array, s: int) -> None:
    """Fill rows c and s with cos(w x) and sin(w x); uniform ones from those AHEAD points before."""
    if step <= 0.0:
        for i in range(x.size):
            cos[c, i], sin[s, i] = cosine_and_sine(w * x[i])
        return
    a, b = math.cos(w * x[0]), math.sin(w * x[0])
    ca, sa = math.cos(w * step), math.sin(w * step)
    for i in range(min(AHEAD, x.size)):
        cos[c, i], sin[s, i] = a, b
        a, b = a * ca - b * sa, a * sa + b * ca
    ca, sa = math.cos(AHEAD * w * step), math.sin(AHEAD * w * step)
    for i in range(x.size - AHEAD):
        cos[c, i + AHEAD] = cos[c, i] * ca - sin[s, i] * sa
        sin[s, i + AHEAD] = cos[c, i] * sa + sin[s, i] * ca


@piece
def oscillations(p: Array, x: Array, step: float, phi: Array, falling: int) -> None:
    """Fill a cosine and a sine for every angular frequency, and the constant; so many decay."""
    count = p.size - 2
    last = 2 * count
    envelope(p, x, step, phi, last, phi, 0)
    for k in range(count):
        turning(p[2 + k], x, step, phi, 2 * k, phi, 2 * k + 1)
    for k in range(2 * falling):
        for i in range(x.size):
            phi[k, i] *= phi[last, i]
    fill(phi, last, 1.0)


@piece
def in_phase(p: Array, x: Array, step: float, phi: Array, room: Array) -> None:
    """Fill e cos(w (x + origin) + phase) of both, and the constant; room with the sines."""
    envelope(p, x, step, phi, 2, phi, 0)
    for k in range(2):
        start = p[4] + p[2 + k] * p[5]
        c, s = math.cos(start), math.sin(start)
        turning(p[2 + k], x, step, phi, k, room, k)
        for i in range(x.size):
            cos, sin, e = phi[k, i], room[k, i], phi[2, i]
            phi[k, i], room[k, i] = e * (cos * c - sin * s), e * (sin * c + cos * s)
    fill(phi, 2, 1.0)


@piece
def swing(p: Array, x: Array, step: float, phi: Array, room: Array) -> None:
    """Fill exp(-g |x|) cos(w (x - d)), and the first row of room with its sine."""
    turning(p[1], x, step, phi, 0, room, 0)
    decay = math.exp(-p[0] * step)
    for i in range(x.size):
        if step <= 0.0 or i == 0 or x[i - 1] * x[i] <= 0.0:
            room[1, i] = math.exp(-p[0] * abs(x[i]))
        else:
            room[1, i] = room[1, i - 1] * decay if x[i] > 0.0 else room[1, i - 1] / decay
    c, s = math.cos(p[1] * p[2]), math.sin(p[1] * p[2])
    for i in range(x.size):
        a, b = phi[0, i] * room[1, i], room[0, i] * room[1, i]
        phi[0, i], room[0, i] = a * c + b * s, b * c - a * s


@piece
def lines(p: Array, x: Array, phi: Array) -> None:
    """Fill both shapes of each line, of height 1 and 1/2 at centre +- half; constant and slope."""
    count = p.size // 2
    for k in range(count):
        centre, half = p[2 * k], p[2 * k + 1]
        for i in range(x.size):
            u2 = ((x[i] - centre) / half) ** 2
            phi[2 * k, i] = 1.0 / (1.0 + u2)
            phi[2 * k + 1, i] = math.exp(-LN2 * min(u2, 500.0))
    for i in range(x.size):
        phi[2 * count, i], phi[2 * count + 1, i] = 1.0, x[i] - 0.5


@piece
def power(p: Array, x: Array, phi: Array) -> None:
    """Fill |1/(1 + iu)|^2, u times it, a constant (and powers of x - 1/2)."""
    for i in range(x.size):
        u = (x[i] - p[0]) / p[1]
        phi[0, i] = 1.0 / (1.0 + u * u)
        phi[1, i], phi[2, i] = u * phi[0, i], 1.0
        for k in range(3, phi.shape[0]):
            phi[k, i] = phi[k - 1, i] * (x[i] - 0.5)


@piece
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


@piece
def basis(law: int, p: Array, x: Array, step: float, phi: Array, room: Array) -> None:
    """Fill phi (L, R) at the nonlinear parameters p; room (2, R) keeps what `slopes` may want."""
    if law == DECAY:
        envelope(p, x, step, phi, 0, phi, 1)
        fill(phi, 1, 1.0)
    elif law in (RAMSEY, BEAT, HUM):
        oscillations(p, x, step, phi, 1 if law == HUM else p.size - 2)
    elif law == RABI:
        swing(p, x, step, phi, room)
        fill(phi, 1, 1.0)
    elif law == IN_PHASE:
        in_phase(p, x, step, phi, room)
    elif law == RESONANCE:
        resonance(p, x, step, phi)
    elif law == POWER:
        power(p, x, phi)
    else:
        lines(p, x, phi)


@piece
def slopes_of_oscillations(p: Array, x: Array, phi: Array, c: Array, d: Array, falls: int) -> None:
    """Derivatives by rate, shape and each angular frequency; without one, the plain decay."""
    count = p.size - 2
    s, q, decay = p[0], p[1], c[0, 0] if count == 0 else 0.0
    for i in range(x.size):
        d[0, i] = decay * phi[0, i]
    for k in range(count):
        a, b = c[2 * k, 0], c[2 * k + 1, 0]
        part = 1.0 if k < falls else 0.0
        for i in range(x.size):
            cos, sin = phi[2 * k, i], phi[2 * k + 1, i]
            d[0, i] += part * (a * cos + b * sin)
            d[2 + k, i] = x[i] * (b * cos - a * sin)
    for i in range(x.size):
        t, y = x[i], d[0, i]
        d[0, i] = -y * t * (1.0 - q + 2.0 * q * s * t)
        d[1, i] = -y * s * t * (s * t - 1.0)


@piece
def slopes_of_rabi(
    p: Array, x: Array, w: Array, phi: Array, sines: Array, c: Array, d: Array
) -> None:
    """Derivatives by decay, angular frequency and where the law turns."""
    for i in range(x.size):
        steep = -w[i] * sines[0, i] * c[0, 0]
        d[0, i] = -abs(x[i]) * phi[0, i] * c[0, 0]
        d[1, i], d[2, i] = (x[i] - p[2]) * steep, -p[1] * steep


@piece
def slopes_in_phase(
    p: Array, x: Array, w: Array, phi: Array, sines: Array, c: Array, d: Array
) -> None:
    """Derivatives by rate, shape, both angular frequencies, the phase and the origin."""
    s, q = p[0], p[1]
    for i in range(x.size):
        t, y = x[i], c[0, 0] * phi[0, i] + c[1, 0] * phi[1, i]
        first, second = -w[i] * c[0, 0] * sines[0, i], -w[i] * c[1, 0] * sines[1, i]
        d[0, i], d[1, i] = -y * t * (1.0 - q + 2.0 * q * s * t), -y * s * t * (s * t - 1.0)
        d[2, i], d[3, i], d[4, i] = (t + p[5]) * first, (t + p[5]) * second, first + second
        d[5, i] = p[2] * first + p[3] * second


@piece
def slopes_of_lines(p: Array, x: Array, phi: Array, c: Array, d: Array) -> None:
    """Derivatives by centre and half width of each line."""
    for k in range(0, p.size, 2):
        for i in range(x.size):
            u = (x[i] - p[k]) / p[k + 1]
            lorentz = c[k, 0] * phi[k, i] / (1.0 + u * u)
            v = 2.0 * u / p[k + 1] * (lorentz + LN2 * c[k + 1, 0] * phi[k + 1, i])
            d[k, i], d[k + 1, i] = v, v * u


@piece
def slopes_of_power(p: Array, x: Array, phi: Array, c: Array, d: Array) -> None:
    """Derivatives of (B + C u)/(1 + u^2) by centre and half width."""
    for i in range(x.size):
        u = (x[i] - p[0]) / p[1]
        n = 1.0 / (1.0 + u * u)
        by_u = phi[0, i] * (c[1, 0] - 2.0 * u * n * (c[0, 0] + c[1, 0] * u))
        d[0, i] = -by_u / p[1]
        d[1, i] = -by_u * u / p[1]


@piece
def slopes(
    law: int, p: Array, x: Array, w: Array, phi: Array, room: Array, c: Array, d: Array
) -> None:  # fmt: skip
    """Fill d (P, R), the derivative of sum c phi by p, from the weighted phi and basis's room."""
    if law in (DECAY, RAMSEY, BEAT, HUM):
        slopes_of_oscillations(p, x, phi, c, d, 1 if law == HUM else p.size - 2)
    elif law == RABI:
        slopes_of_rabi(p, x, w, phi, room, c, d)
    elif law == IN_PHASE:
        slopes_in_phase(p, x, w, phi, room, c, d)
    elif law == POWER:
        slopes_of_power(p, x, phi, c, d)
    else:
        slopes_of_lines(p, x, phi, c, d)


@piece
def fill(a: Array, i: int, value: float) -> None:
    """Fill row i of a."""
    for k in range(a.shape[1]):
        a[i, k] = value


@piece
def dot(a: Array, i: int, b: Array, j: int) -> float:
    """Return the inner product of row i of a and row j of b: views of rows would cost more."""
    s = 0.0
    for k in range(a.shape[1]):
        s += a[i, k] * b[j, k]
    return s


@piece
def along(a: Array, i: int, b: Array) -> float:
    """Return the inner product of row i of a and b."""
    s = 0.0
    for k in range(b.size):
        s += a[i, k] * b[k]
    return s


@piece
def factor(a: Array, n: int) -> bool:
    """Cholesky factor of the leading n by n block, in place; False if not positive.

    The diagonal is left inverted: divisions are what such small systems cost.
    """
    for j in range(n):
        s = a[j, j]
        for k in range(j):
            s -= a[j, k] * a[j, k]
        if not s > 1e-280:
            return False
        a[j, j] = 1.0 / math.sqrt(s)
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s -= a[i, k] * a[j, k]
            a[i, j] = s * a[j, j]
    return True


@piece
def substitute(a: Array, b: Array, n: int, q: int) -> None:
    """Solve A b = b for column q, in place, with the Cholesky factor of A."""
    for i in range(n):
        s = b[i, q]
        for k in range(i):
            s -= a[i, k] * b[k, q]
        b[i, q] = s * a[i, i]
    for i in range(n - 1, -1, -1):
        s = b[i, q]
        for k in range(i + 1, n):
            s -= a[k, i] * b[k, q]
        b[i, q] = s * a[i, i]


@piece
def inverted(a: Array, n: int, out: Array) -> None:
    """Fill out (n, n) with the inverse of A, from its Cholesky factor, which is lost."""
    for j in range(n):
        for i in range(j + 1, n):
            s = 0.0
            for k in range(j, i):
                s -= a[i, k] * a[k, j]
            a[i, j] = s * a[i, i]
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(i, n):
                s += a[k, i] * a[k, j]
            out[i, j] = out[j, i] = s


@piece
def project(
    law: int, p: Array, x: Array, step: float, y: Array, w: Array, prior: Array,
    phi: Array, room: Array, gram: Array, c: Array, r: Array,
) -> float:  # fmt: skip
    """Solve for the linear parameters; return the cost and leave residuals r and gram's factor."""
    basis(law, p, x, step, phi, room)
    n = c.shape[0]
    for k in range(n):
        for i in range(y.size):
            phi[k, i] *= w[i]
    for k in range(n):
        for j in range(k + 1):
            gram[k, j] = dot(phi, k, phi, j)
        gram[k, k] = gram[k, k] * (1.0 + 1e-12) + prior[0, k]
        c[k, 0] = along(phi, k, y) + prior[0, k] * prior[1, k]
    if not factor(gram, n):
        return 1e300
    substitute(gram, c, n, 0)
    cost, first = 0.0, c[0, 0]
    for i in range(y.size):
        r[i] = y[i] - phi[0, i] * first
    for k in range(n):
        ck = c[k, 0]
        cost += prior[0, k] * (ck - prior[1, k]) ** 2
        for i in range(y.size if k > 0 else 0):
            r[i] -= phi[k, i] * ck
    for k in range(prior.shape[1] - n):
        cost += prior[0, n + k] * (p[k] - prior[1, n + k]) ** 2
    for i in range(y.size):
        cost += r[i] * r[i]
    return cost


@piece
def reduced_normal(d: Array, phi: Array, gram: Array, both: Array, solved: Array, a: Array) -> None:
    """Normal matrix of Kaufman's Jacobian (1 - phi phi^+) d, lower triangle into a."""
    np_, n = d.shape[0], phi.shape[0]
    for k in range(np_):
        square = dot(d, k, d, k)
        if square == 0.0:  # frozen
            for j in range(k + 1):
                a[k, j] = 0.0
            for i in range(n):
                both[i, k] = solved[i, k] = 0.0
            continue
        for i in range(n):
            both[i, k] = dot(phi, i, d, k)
            solved[i, k] = both[i, k]
        substitute(gram, solved, n, k)
        for j in range(k + 1):
            s = square if j == k else dot(d, k, d, j)
            for i in range(n):
                s -= both[i, k] * solved[i, j]
            a[k, j] = s


@piece
def covariance(d: Array, phi: Array, prior: Array, cov: Array, h: Array, scale: Array) -> None:
    """Inverse of the full normal matrix [d; phi], scaled by its diagonal; 0 for a frozen one.

    Not where cov has no size.
    """
    if cov.size == 0:
        return
    np_, n = d.shape[0], d.shape[0] + phi.shape[0]
    for i in range(n):
        h[i, i] = dot(d, i, d, i) if i < np_ else dot(phi, i - np_, phi, i - np_)
        for j in range(i):
            if h[j, j] == 0.0 or h[i, i] == 0.0:  # frozen
                h[i, j] = 0.0
            elif i < np_:
                h[i, j] = dot(d, i, d, j)
            else:
                h[i, j] = dot(phi, i - np_, d, j) if j < np_ else dot(phi, i - np_, phi, j - np_)
        if i >= np_:
            h[i, i] += prior[0, i - np_]
        elif prior.shape[1] > phi.shape[0] and h[i, i] > 0.0:
            h[i, i] += prior[0, phi.shape[0] + i]
        scale[i] = 1.0 / math.sqrt(h[i, i]) if h[i, i] > 1e-200 else 0.0
    for i in range(n):
        for j in range(i + 1):
            h[i, j] *= scale[i] * scale[j]
        h[i, i] = h[i, i] + 1e-13 if scale[i] > 0.0 else 1.0
    if not factor(h, n):
        cov[:, :] = 1e30
        return
    inverted(h, n, cov)
    for i in range(n):
        for j in range(n):
            cov[i, j] *= scale[i] * scale[j]


@piece
def dampen(a: Array, lam: float, fall: Array, damped: Array, move: Array) -> None:
    """Fill damped with the lower triangle of a, its diagonal larger by lam, and move with fall."""
    for k in range(fall.size):
        for j in range(k):
            damped[k, j] = a[k, j]
        damped[k, k] = a[k, k] * (1.0 + lam) + 1e-14
        move[k, 0] = fall[k]


@piece
def refine(
    law: int, x: Array, step: float, y: Array, w: Array, prior: Array, p: Array, lo: Array,
    hi: Array, iterations: int, phi: Array, d: Array, room: Array, c: Array, r: Array,
    cov: Array, tools: tuple[Array, ...],
) -> float:  # fmt: skip
    """Levenberg-Marquardt on one trace; p, c, r and cov are left at the minimum."""
    gram, both, solved, a, damped, move, whole, trial, fall, scale = tools
    np_, lam, holding = p.size, 1e-2, False
    cost = project(law, p, x, step, y, w, prior, phi, room, gram, c, r)
    tangent(law, p, lo, hi, x, w, phi, room, c, d)
    for turn in range(iterations):
        reduced_normal(d, phi, gram, both, solved, a)
        falls(d, r, p, lo, hi, prior, c.shape[0], fall, a)
        if holding or turn >= USUAL:
            hold(p, lo, hi, fall, a)
        before, lower, arrived, cut = cost, False, False, False
        for failed in range(8):
            dampen(a, lam, fall, damped, move)
            if factor(damped, np_):
                substitute(damped, move, np_, 0)
                promised = 0.0
                for k in range(np_):
                    trial[k] = min(max(p[k] + move[k, 0], lo[k]), hi[k])
                    cut = cut or trial[k] != p[k] + move[k, 0]
                    promised += fall[k] * move[k, 0]
                arrived = failed == 0 and lam < SMALL and promised <= ENOUGH * before
                if arrived:
                    break
                cost = project(law, trial, x, step, y, w, prior, phi, room, gram, c, r)
                lower = cost <= before
                if lower:
                    break
            lam *= 10.0
        if arrived:
            break
        if lower:
            lam *= 0.1
            for k in range(np_):
                p[k] = trial[k]
        else:
            cost = project(law, p, x, step, y, w, prior, phi, room, gram, c, r)
        tangent(law, p, lo, hi, x, w, phi, room, c, d)
        if not before - cost > ENOUGH * before:
            if holding or not cut:
                break
            lam, holding = 1e-2, True  # along the bound that cut it off
    covariance(d, phi, prior, cov, whole, scale)
    return cost


@piece
def falls(
    d: Array, r: Array, p: Array, lo: Array, hi: Array, prior: Array, n: int, fall: Array, a: Array
) -> None:
    """Fill fall with how a cost falls.

    What is usual of free nonlinear parameters, in prior after the n linear ones, is in it and in a.
    """
    for k in range(p.size):
        fall[k] = along(d, k, r)
    for k in range(prior.shape[1] - n):
        if lo[k] < hi[k]:
            fall[k] -= prior[0, n + k] * (p[k] - prior[1, n + k])
            a[k, k] += prior[0, n + k]


@piece
def hold(p: Array, lo: Array, hi: Array, fall: Array, a: Array) -> None:
    """Leave what is at a bound, and would go beyond, out of a step: the others else creep."""
    for k in range(p.size):
        if (p[k] <= lo[k] and fall[k] < 0.0) or (p[k] >= hi[k] and fall[k] > 0.0):
            fall[k], a[k, :k], a[k + 1 :, k] = 0.0, 0.0, 0.0


@piece
def tangent(
    law: int, p: Array, lo: Array, hi: Array, x: Array, w: Array, phi: Array, room: Array,
    c: Array, d: Array,
) -> None:  # fmt: skip
    """Fill the derivatives; a parameter whose bounds coincide is frozen."""
    slopes(law, p, x, w, phi, room, c, d)
    for k in range(p.size):
        if lo[k] == hi[k]:
            fill(d, k, 0.0)


@making_piece
def tooled(np_: int, n: int) -> tuple[Array, ...]:
    """Return the room that `refine` works in, made once for all traces."""
    return (
        np.zeros((n, n)), np.zeros((n, np_)), np.zeros((n, np_)), np.zeros((np_, np_)),
        np.zeros((np_, np_)), np.zeros((np_, 1)), np.zeros((np_ + n, np_ + n)), np.zeros(np_),
        np.zeros(np_), np.zeros(np_ + n),
    )  # fmt: skip


@kernel
def solve(
    law: int, x: Array, step: Array, y: Array, w: Array, prior: Array, theta: Array, lo: Array,
    hi: Array, cov: Array, r: Array, cost: Array, free: NDArray[np.intp], iterations: int,
) -> None:  # fmt: skip
    """Refine S starts of every trace. x (K, M), step (K,) with K = 1 or N; y, w (N, R).

    theta (S N, P + L): one start of all traces before the next, in its first P columns. prior (1 or
    S N, 2, L or L + P); lo, hi (1 or S N, P); r, cov (of no size: not asked for), cost, free of
    S N fits.
    """
    rows, np_ = y.shape[1], lo.shape[1]
    linear, wide = theta.shape[1] - np_, -(-rows // TOGETHER) * TOGETHER
    phi, d, room = np.zeros((linear, wide)), np.zeros((np_, wide)), np.zeros((2, wide))
    column, p, low, high = np.zeros((linear, 1)), np.empty(np_), np.empty(np_), np.empty(np_)
    weighted, weights, rest = np.zeros(wide), np.zeros(wide), np.empty(wide)
    tools = tooled(np_, linear)
    for n in range(theta.shape[0]):
        trace, known = n % y.shape[0], n if prior.shape[0] > 1 else 0
        free[n] = linear
        for k in range(np_):
            low[k], high[k] = lo[n % lo.shape[0], k], hi[n % hi.shape[0], k]
            p[k] = min(max(theta[n, k], low[k]), high[k])
            free[n] += low[k] < high[k]
        for k in range(linear):
            free[n] -= prior[known, 0, k] != 0.0
        for i in range(rows):
            weighted[i], weights[i] = y[trace, i] * w[trace, i], w[trace, i]
        cost[n] = refine(
            law, x[trace % x.shape[0]], step[trace % x.shape[0]], weighted, weights, prior[known],
            p, low, high, iterations, phi, d, room, column, rest, cov[n], tools,
        )  # fmt: skip
        for k in range(theta.shape[1]):
            theta[n, k] = p[k] if k < np_ else column[k - np_, 0]
        for i in range(rows):
            r[n, i] = rest[i]


@kernel
def evaluate(law: int, count: int, x: Array, step: Array, theta: Array, curve: Array) -> None:
    """Fill curve (N, R) with the unweighted law of `count` nonlinear parameters."""
    linear = theta.shape[1] - count
    phi, room = np.zeros((linear, curve.shape[1])), np.zeros((2, curve.shape[1]))
    for n in range(theta.shape[0]):
        basis(law, theta[n, :count], x[n % x.shape[0]], step[n % x.shape[0]], phi, room)
        curve[n, :] = 0.0
        for j in range(linear):
            for i in range(curve.shape[1]):
                curve[n, i] += theta[n, count + j] * phi[j, i]
