"""Variable projection for short sweeps of unusual laws, in numba: one trace after the other.

Same conventions as kernels.py, y = sum_l c_l phi_l(p); all of it in one file for the same reason.
What a law needs to know of each point comes as the rows of `given`; the row's number is all that
tells them apart, so each law says what its rows are. Functions keep to one signature each (whole
rows, no literal numbers): numba compiles every other one anew.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel, piece

Array = NDArray[np.float64]

COLUMNS = 0  # given: the columns                                no p
TRAIN = 1  # given: turn, part      exp(-g part) cos(turn + d part)/2, 1      p = d, g
REPEATED = 2  # given: r, u, sign   sign cos(s r (u - b))/2, 1                p = s, b
PAIRS = 3  # given: powers of p, see `pairs`     a polynomial, 1              p = 4 errors
DECAYS = 4  # given: x, which       exp(-g_which x), 1                        p = g_0, g_1
ALIKE = 5  # given: x, step, part of 1 in trace 0            p = centres, width, delay, 0 in 1

TRACES = 4  # rows of each point of ALIKE: Re and Im of two traces
PAIR = 4  # errors of PAIRS
SETTLED = 1e-7  # relative gain below which a step is the last


@piece
def train(p: Array, given: Array, phi: Array) -> None:
    """Fill the oscillation from gate to gate, and a constant."""
    for i in range(given.shape[1]):
        turn, part = given[0, i], given[1, i]
        phi[0, i] = 0.5 * math.exp(-p[1] * part) * math.cos(turn + p[0] * part)
        phi[1, i] = 1.0


@piece
def repeated(p: Array, given: Array, phi: Array) -> None:
    """Fill the cosine of a train of pulses, and a constant."""
    for i in range(given.shape[1]):
        phi[0, i] = 0.5 * given[2, i] * math.cos(p[0] * given[0, i] * (given[1, i] - p[1]))
        phi[1, i] = 1.0


@piece
def pairs(p: Array, given: Array, phi: Array) -> None:
    """Fill a polynomial of the errors, and a constant.

    Rows of given: 1; each error; its third power; then each error times each from itself on.
    """
    for i in range(given.shape[1]):
        y, row = given[0, i], 1 + 2 * PAIR
        for k in range(PAIR):
            y += p[k] * (given[1 + k, i] + p[k] * p[k] * given[1 + PAIR + k, i])
            for j in range(k, PAIR):
                y += p[k] * p[j] * given[row, i]
                row += 1
        phi[0, i], phi[1, i] = y, 1.0


@piece
def decays(p: Array, given: Array, phi: Array) -> None:
    """Fill one exponential of two rates, and a constant."""
    for i in range(given.shape[1]):
        rate = p[0] if given[1, i] == 0.0 else p[1]
        phi[0, i] = math.exp(-min(max(rate * given[0, i], -5.0), 500.0))
        phi[1, i] = 1.0


@piece
def pole(u: float) -> complex:
    """Return 1/(1 + iu)."""
    n = 1.0 / (1.0 + u * u)
    return complex(n, -n * u)


@piece
def put(column: Array, ifold: Array, i: int, m: int, z: complex) -> None:
    """Write z, and its i-fold, at a point of which Im lies m further."""
    column[i], column[m + i] = z.real, z.imag
    ifold[i], ifold[m + i] = -z.imag, z.real


@piece
def planes(p: Array, given: Array, phi: Array, room: Array) -> None:
    """Fill background, resonance and slope of two traces.

    room keeps the cable's turn, and both resonances without it, for `slopes_of_planes`: Re, and Im
    in the next row. step: of x where it is uniform, else 0.
    """
    level, level_i, wave, wave_i, slope, slope_i = phi[0], phi[1], phi[2], phi[3], phi[4], phi[5]
    m = given.shape[1]
    angle, step = -2.0 * math.pi * p[3], given[1, 0]
    onwards = complex(math.cos(angle * step), math.sin(angle * step))
    turn = complex(math.cos(angle * given[0, 0]), math.sin(angle * given[0, 0]))
    for i in range(m):
        x = given[0, i]
        if step <= 0.0:
            turn = complex(math.cos(angle * x), math.sin(angle * x))
        zero, one = pole(2.0 * (x - p[0]) / p[2]), pole(2.0 * (x - p[1]) / p[2])
        room[0, i], room[1, i] = turn.real, turn.imag
        room[2, i], room[3, i] = zero.real, zero.imag
        room[4, i], room[5, i] = one.real, one.imag
        zero, one = zero * turn, one * turn
        for s in range(2):
            at = 2 * s * m + i
            put(level, level_i, at, m, turn)
            put(slope, slope_i, at, m, turn * (x - 0.5))
            share = given[2, i] if s == 0 else 1.0 - p[4]
            put(wave, wave_i, at, m, zero + share * (one - zero))
        turn *= onwards


@piece
def columns(law: int, p: Array, given: Array, phi: Array, room: Array) -> None:
    """Fill phi (L, R) at the nonlinear parameters p; room (6, M) keeps what `slopes` may want."""
    if law == TRAIN:
        train(p, given, phi)
    elif law == REPEATED:
        repeated(p, given, phi)
    elif law == PAIRS:
        pairs(p, given, phi)
    elif law == DECAYS:
        decays(p, given, phi)
    elif law == COLUMNS:
        for k in range(phi.shape[0]):
            for i in range(phi.shape[1]):
                phi[k, i] = given[k, i]
    else:
        planes(p, given, phi, room)


@piece
def slopes_of_waves(law: int, p: Array, given: Array, c: Array, d: Array) -> None:
    """Derivatives of TRAIN and REPEATED."""
    for i in range(given.shape[1]):
        if law == TRAIN:
            turn, part = given[0, i] + p[0] * given[1, i], given[1, i]
            size = 0.5 * c[0, 0] * part * math.exp(-p[1] * part)
            d[0, i], d[1, i] = -size * math.sin(turn), -size * math.cos(turn)
        else:
            r, away = given[0, i], given[1, i] - p[1]
            size = 0.5 * c[0, 0] * given[2, i] * r * math.sin(p[0] * r * away)
            d[0, i], d[1, i] = -size * away, size * p[0]


@piece
def slopes_of_pairs(p: Array, given: Array, c: Array, d: Array) -> None:
    """Derivatives by the errors."""
    for i in range(given.shape[1]):
        row = 1 + 2 * PAIR
        for k in range(PAIR):
            d[k, i] = given[1 + k, i] + 3.0 * p[k] * p[k] * given[1 + PAIR + k, i]
        for k in range(PAIR):
            for j in range(k, PAIR):
                d[k, i] += p[j] * given[row, i]
                d[j, i] += p[k] * given[row, i]
                row += 1
        for k in range(PAIR):
            d[k, i] *= c[0, 0]


@piece
def slopes_of_decays(p: Array, given: Array, c: Array, d: Array) -> None:
    """Derivatives by both rates."""
    for i in range(given.shape[1]):
        first, x = given[1, i] == 0.0, given[0, i]
        turn = (p[0] if first else p[1]) * x
        slope = -c[0, 0] * x * math.exp(-turn) if -5.0 < turn < 500.0 else 0.0
        d[0, i], d[1, i] = slope if first else 0.0, 0.0 if first else slope


@piece
def slopes_of_planes(p: Array, given: Array, c: Array, d: Array, room: Array) -> None:
    """Derivatives by centres, width, delay, and what is in 0 instead of 1."""
    m, width = given.shape[1], p[2]
    level, slope = complex(c[0, 0], c[1, 0]), complex(c[4, 0], c[5, 0])
    line = complex(c[2, 0], c[3, 0])
    first, second, third, delay, fifth = d[0], d[1], d[2], d[3], d[4]
    for i in range(m):
        x = given[0, i]
        turn, zero = complex(room[0, i], room[1, i]), complex(room[2, i], room[3, i])
        one, height = complex(room[4, i], room[5, i]), line * turn
        for s in range(2):
            share = given[2, i] if s == 0 else 1.0 - p[4]
            by_zero = 2.0j * (1.0 - share) * height * zero * zero / width
            by_one = 2.0j * share * height * one * one / width
            whole = turn * (level + slope * (x - 0.5)) + height * (zero + share * (one - zero))
            at = 2 * s * m + i
            write(first, at, m, by_zero)
            write(second, at, m, by_one)
            write(third, at, m, (by_zero * (x - p[0]) + by_one * (x - p[1])) / width)
            write(delay, at, m, -2.0j * math.pi * x * whole)
            write(fifth, at, m, s * height * (zero - one))


@piece
def write(row: Array, i: int, m: int, z: complex) -> None:
    """Write z at a point of which Im lies m further."""
    row[i], row[m + i] = z.real, z.imag


@piece
def slopes(
    law: int, p: Array, lo: Array, hi: Array, given: Array, w: Array, c: Array, d: Array,
    room: Array,
) -> None:  # fmt: skip
    """Fill d (P, R), weighted: the derivatives of sum c phi by p; 0 where lo == hi.

    room: as `columns` left it at p.
    """
    if law in (TRAIN, REPEATED):
        slopes_of_waves(law, p, given, c, d)
    elif law == PAIRS:
        slopes_of_pairs(p, given, c, d)
    elif law == DECAYS:
        slopes_of_decays(p, given, c, d)
    elif law != COLUMNS:
        slopes_of_planes(p, given, c, d, room)
    for k in range(p.size):
        for i in range(w.size):
            d[k, i] = d[k, i] * w[i] if lo[k] < hi[k] else 0.0


@piece
def dot(a: Array, i: int, b: Array, j: int) -> float:
    """Return the inner product of two rows: views of them would cost more."""
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
def solved(a: Array, b: Array) -> None:
    """Solve A b = b in place for columns b (n, q), A (n, n) symmetric, scaled to a unit diagonal.

    What is known weighs 1e9. a: A in its first rows and columns; one more is room for the scales.
    """
    n, q = b.shape
    for i in range(n):
        a[i, n] = 1.0 / math.sqrt(max(a[i, i], 1e-200))
    for i in range(n):
        for j in range(n):
            a[i, j] *= a[i, n] * a[j, n]
        for k in range(q):
            b[i, k] *= a[i, n]
    for j in range(n):
        for i in range(j + 1, n):
            ratio = a[i, j] / a[j, j]
            for k in range(j + 1, n):
                a[i, k] -= ratio * a[j, k]
            for k in range(q):
                b[i, k] -= ratio * b[j, k]
    for i in range(n - 1, -1, -1):
        for k in range(q):
            for j in range(i + 1, n):
                b[i, k] -= a[i, j] * b[j, k]
            b[i, k] /= a[i, i]
    for i in range(n):
        for k in range(q):
            b[i, k] *= a[i, n]


@piece
def taken(matrix: Array, a: Array) -> None:
    """Copy a matrix (n, n) to where it may be destroyed."""
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[0]):
            a[i, j] = matrix[i, j]


@piece
def project(
    law: int, p: Array, given: Array, y: Array, w: Array, prior: Array, pull: Array,
    phi: Array, room: Array, gram: Array, c: Array, r: Array, a: Array,
) -> float:  # fmt: skip
    """Solve for c (L, 1); return the cost, and leave the residual and the normal matrix."""
    n = phi.shape[0]
    columns(law, p, given, phi, room)
    for k in range(n):
        for i in range(y.size):
            phi[k, i] *= w[i]
    for k in range(n):
        for j in range(k + 1):
            gram[k, j] = gram[j, k] = dot(phi, k, phi, j)
        c[k, 0] = along(phi, k, y) + prior[0, k] * prior[1, k]
    for k in range(n):
        gram[k, k] += 1e-12 * gram[k, k] + 1e-300 + prior[0, k]
    taken(gram, a)
    solved(a, c)
    cost = 0.0
    for i in range(y.size):
        r[i] = y[i]
    for k in range(n):
        cost += prior[0, k] * (c[k, 0] - prior[1, k]) ** 2
        for i in range(y.size):
            r[i] -= c[k, 0] * phi[k, i]
    for k in range(p.size):
        cost += pull[k] * p[k] * p[k]
    for i in range(y.size):
        cost += r[i] * r[i]
    return cost


@piece
def reduced_normal(
    d: Array, phi: Array, gram: Array, r: Array, normal: Array, fall: Array, both: Array, a: Array
) -> None:
    """Fill the normal matrix of Kaufman's Jacobian (1 - phi phi^+) d, and d's fall along r.

    both (2, L, P): room for phi d, and its solution.
    """
    n = phi.shape[0]
    for k in range(d.shape[0]):
        fall[k], normal[k, k] = along(d, k, r), dot(d, k, d, k)
        for i in range(n):  # a frozen parameter has no slope
            both[0, i, k] = both[1, i, k] = dot(phi, i, d, k) if normal[k, k] > 0.0 else 0.0
    taken(gram, a)
    solved(a, both[1])
    for k in range(d.shape[0]):
        for j in range(k + 1):
            s = 0.0
            if normal[k, k] > 0.0:
                s = normal[k, k] if j == k else dot(d, k, d, j)
            for i in range(n):
                s -= both[0, i, k] * both[1, i, j]
            normal[k, j] = normal[j, k] = s


@piece
def step(
    p: Array, normal: Array, fall: Array, pull: Array, damping: float, move: Array, a: Array
) -> None:
    """Fill move (P, 1) with Levenberg and Marquardt's step."""
    size, largest = p.size, 0.0
    for k in range(size):
        largest = max(largest, normal[k, k])
    for k in range(size):
        for j in range(size):
            a[k, j] = normal[k, j]
        a[k, k] += max(normal[k, k], 0.0) * damping + pull[k] + 1e-12 * largest + 1e-300
        move[k, 0] = fall[k] - pull[k] * p[k]
    solved(a, move)


@piece
def covariance(d: Array, phi: Array, prior: Array, pull: Array, cov: Array, a: Array) -> None:
    """Fill the inverse of the full normal matrix of [d; phi]; 0 for a frozen parameter."""
    np_, n = d.shape[0], d.shape[0] + phi.shape[0]
    for i in range(n):
        for j in range(i + 1):
            if i < np_:
                a[i, j] = dot(d, i, d, j)
            else:
                a[i, j] = dot(phi, i - np_, d, j) if j < np_ else dot(phi, i - np_, phi, j - np_)
            a[j, i] = a[i, j]
            cov[i, j] = cov[j, i] = 0.0
        a[i, i] += pull[i] if i < np_ else prior[0, i - np_]
        cov[i, i] = 1.0 if a[i, i] > 1e-200 else 0.0
        a[i, i] = a[i, i] * (1.0 + 1e-13) if a[i, i] > 1e-200 else 1.0
    solved(a, cov)


@piece
def refine(
    law: int, given: Array, y: Array, w: Array, prior: Array, pull: Array, p: Array, lo: Array,
    hi: Array, iterations: int, phi: Array, d: Array, room: Array, c: Array, r: Array,
    tools: tuple[Array, ...], cov: Array,
) -> tuple[int, float]:  # fmt: skip
    """Levenberg-Marquardt on one trace: where of two c and r are at the minimum, and its cost.

    p and cov are left there. phi (2, L, R), c (2, L, 1), r (2, R): of a point and of a trial.
    """
    gram, both, normal, move, trial, fall, a = tools
    size, now, damping, moved = p.size, 0, 1e-3, True
    cost = project(law, p, given, y, w, prior, pull, phi[now], room, gram[now], c[now], r[now], a)
    slopes(law, p, lo, hi, given, w, c[now], d, room)
    for _ in range(iterations if size else 0):
        if moved:
            reduced_normal(d, phi[now], gram[now], r[now], normal, fall, both, a)
        step(p, normal, fall, pull, damping, move, a)
        for k in range(size):
            trial[k] = min(max(p[k] + move[k, 0], lo[k]), hi[k])
        new = 1 - now
        after = project(
            law, trial, given, y, w, prior, pull, phi[new], room, gram[new], c[new], r[new], a
        )
        enough, moved = abs(cost - after) <= SETTLED * cost, after <= cost
        damping *= 0.1 if moved else 10.0
        if moved:
            now, cost = new, after
            for k in range(size):
                p[k] = trial[k]
            slopes(law, p, lo, hi, given, w, c[now], d, room)
        if enough:
            break
    covariance(d, phi[now], prior, pull, cov, a)
    return now, cost


@kernel
def solve(
    law: int, given: Array, y: Array, w: Array, prior: Array, pull: Array, p: Array, lo: Array,
    hi: Array, iterations: int, c: Array, cov: Array, r: Array, cost: Array,
) -> None:  # fmt: skip
    """Refine every trace. given (K, D, M) with K = 1 or N; y, w, r (N, R); prior (N, 2, L).

    p, lo, hi, pull (N, P), c (N, L), cov (N, P + L, P + L), cost (N,).
    """
    size, linear, rows = p.shape[1], c.shape[1], y.shape[1]
    phi, d, room = np.zeros((2, linear, rows)), np.zeros((size, rows)), np.zeros((6, rows))
    one, rest, whole = np.zeros((2, linear, 1)), np.zeros((2, rows)), size + linear
    tools = (
        np.zeros((2, linear, linear)), np.zeros((2, linear, size)), np.zeros((size, size)),
        np.zeros((size, 1)), np.zeros(size), np.zeros(size),
        np.zeros((whole, whole + 1)),
    )  # fmt: skip
    for n in range(y.shape[0]):
        at, cost[n] = refine(
            law, given[n if given.shape[0] > 1 else 0], y[n], w[n], prior[n], pull[n], p[n],
            lo[n], hi[n], iterations, phi, d, room, one, rest, tools, cov[n],
        )  # fmt: skip
        for k in range(linear):
            c[n, k] = one[at, k, 0]
        for i in range(rows):
            r[n, i] = rest[at, i]


@kernel
def evaluate(law: int, given: Array, p: Array, c: Array, curve: Array) -> None:
    """Fill curve (N, R) with the law, unweighted."""
    phi, room = np.zeros((c.shape[1], curve.shape[1])), np.zeros((6, curve.shape[1]))
    for n in range(c.shape[0]):
        columns(law, p[n], given[n if given.shape[0] > 1 else 0], phi, room)
        for i in range(curve.shape[1]):
            curve[n, i] = 0.0
        for k in range(c.shape[1]):
            for i in range(curve.shape[1]):
                curve[n, i] += c[n, k] * phi[k, i]
