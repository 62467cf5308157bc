"""A chevron's refinement, and what it sums over its map: products of the law, its slopes, the data.

Along one row (one amplitude) the law and its six slopes are combinations of five functions of the
length: 1, C, S, late S and late C, where C and S are the damped cosine and sine. So their products
are summed once a row, and combined afterwards; height and level are eliminated then. Compiled in a
file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel, careful_piece, kernel, piece

Array = NDArray[np.float64]

FUNCTIONS = 6  # 1, C, S, late S, late C, y
SUMMED = 9  # six slopes, the law, 1, y
MADE = 7  # slopes by gap, detuning, delay and damping, the law, 1, y
AHEAD, DOUBLED = 8, 3  # points: recurrences over so many, 2 to the 3rd, go side by side
EVEN = 1e-9  # windows by which the points of an even axis may be off
SINGULAR = 1e-15  # determinant, in parts of the square of the trace
SLOPES = 6
ITERATIONS, TURNS = 25, 20  # of one exchange, of two
ENOUGH, ENOUGH_OF_TWO = 1e-8, 0.1  # in parts of chi-square; chi-square: gains that end a descent


@careful_kernel
def descend(
    theta: Array, a: Array, t: Array, y: Array, w: Array, prior: Array, bounds: Array,
    total: Array, c: Array,
) -> float:  # fmt: skip
    """Refine theta (6,) in place by Levenberg-Marquardt's steps; return the cost.

    prior (2, 6): mean and 1/sigma; bounds (2, 6). total (9, 9), height and level c (2,): at theta.
    """
    late, tried, damp = np.empty(t.size), theta.copy(), 1e-3
    new, both = np.empty_like(total), np.empty(2)
    pull, hessian = np.empty(SLOPES), np.empty((SLOPES, SLOPES))
    step, matrix = np.empty(SLOPES), np.empty((SLOPES, SLOPES))
    cost = asked(theta, a, t, y, w, prior, late, total, c, pull, hessian)
    for _ in range(ITERATIONS):
        damped(hessian, damp, matrix)
        step[:] = pull
        solve(matrix, step)
        for k in range(SLOPES):
            tried[k] = min(max(theta[k] + step[k], bounds[0, k]), bounds[1, k])
        after = asked(tried, a, t, y, w, prior, late, new, both, pull, hessian)
        if after < cost:
            gained, cost, damp = cost - after, after, max(damp * 0.1, 1e-9)
            theta[:], total[:], c[:] = tried, new, both
            if gained < ENOUGH * (cost + gained) + 1e-3:
                break
        else:
            damp *= 10.0
            if damp > 1e6:
                break
            with_prior(theta, prior, eliminate(total, c, pull, hessian), pull, hessian)
    return cost


@careful_piece
def asked(
    theta: Array, a: Array, t: Array, y: Array, w: Array, prior: Array, late: Array,
    total: Array, c: Array, pull: Array, hessian: Array,
) -> float:  # fmt: skip
    """Fill what the map and the prior say at theta; return the cost."""
    for i in range(t.size):
        late[i] = t[i] - theta[4]
    sum_up(theta, a, late, y, w, total)
    return with_prior(theta, prior, eliminate(total, c, pull, hessian), pull, hessian)


@careful_piece
def with_prior(theta: Array, prior: Array, rest: float, pull: Array, hessian: Array) -> float:
    """Add to pull and hessian what is known of theta; return the cost of both."""
    cost = max(rest, 0.0)
    for k in range(SLOPES):
        off = (prior[0, k] - theta[k]) * prior[1, k]
        cost += off * off
        pull[k] += off * prior[1, k]
        hessian[k, k] += prior[1, k] * prior[1, k]
    return cost


@careful_piece
def damped(hessian: Array, damp: float, matrix: Array) -> None:
    """Fill matrix with the hessian, more on its diagonal."""
    for i in range(SLOPES):
        for j in range(SLOPES):
            matrix[i, j] = hessian[i, j]
        matrix[i, i] += damp * hessian[i, i] + 1e-12


@careful_piece
def solve(a: Array, b: Array) -> None:
    """Solve A x = b in place, by elimination with the largest pivot of each column; A is lost.

    Stands in weighing.py too: numba notices a changed cache by the outermost function's file only.
    """
    n = b.size
    for k in range(n):
        best = k
        for i in range(k + 1, n):
            if abs(a[i, k]) > abs(a[best, k]):
                best = i
        if best != k:
            for j in range(n):
                a[k, j], a[best, j] = a[best, j], a[k, j]
            b[k], b[best] = b[best], b[k]
        for i in range(k + 1, n):
            part = a[i, k] / a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= part * a[k, j]
            b[i] -= part * b[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            b[k] -= a[k, j] * b[j]
        b[k] /= a[k, k]


@kernel
def precession(gap: float, detuned: float) -> tuple[float, float, float]:
    """Return the square of the frequency of an exchange, its angular frequency, and half its depth.

    gap, detuned: in turns. Rabi's formula.
    """
    square = gap * gap + detuned * detuned
    return square, 2.0 * math.pi * math.sqrt(square), 0.5 * gap * gap / square


@kernel
def fill_ways(thetas: Array, a: Array, t: Array, w: Array, ways: Array) -> None:
    """Fill ways (K, A, B) with the law, in sigmas, at each of thetas (K, 6)."""
    cos, sin, late = np.empty(t.size), np.empty(t.size), np.empty(t.size)
    step = even(t)
    for k in range(thetas.shape[0]):
        gap, rate = thetas[k, 0], thetas[k, 5]
        for i in range(t.size):
            late[i] = t[i] - thetas[k, 4]
        for row in range(a.size):
            away = a[row] - thetas[k, 1]
            detuned = thetas[k, 2] * away + thetas[k, 3] * away * away
            _, turn, share = precession(gap, detuned)
            fill_waves(turn, rate, late, step, cos, sin)
            for i in range(t.size):
                ways[k, row, i] = w[row, i] * share * (1.0 - cos[i])


@kernel
def fill_tangents(theta: Array, a: Array, t: Array, w: Array, out: Array) -> None:
    """Fill out (8, A, B), in sigmas, with the slopes of the law by theta, the law, and 1."""
    cos, sin, late, step = np.empty(t.size), np.empty(t.size), t - theta[4], even(t)
    for row in range(a.size):
        along(theta, a[row] - theta[1], late, step, cos, sin, w[row], out[:, row])


@piece
def along(
    theta: Array, away: float, late: Array, step: float, cos: Array, sin: Array, w: Array,
    out: Array,
) -> None:  # fmt: skip
    """Fill out (8, B) with the same along one row, so far away from the resonance."""
    gap, slope, bend, rate = theta[0], theta[2], theta[3], theta[5]
    detuned = slope * away + bend * away * away
    square, turn, share = precession(gap, detuned)
    fill_waves(turn, rate, late, step, cos, sin)
    gap_law, by_square = 2.0 / gap - 2.0 * gap / square, share * turn / square
    for i in range(late.size):
        swing, late_sin = share * (1.0 - cos[i]), by_square * late[i] * sin[i]
        moved = detuned * (late_sin - 2.0 * swing / square) * w[i]
        out[0, i] = w[i] * (gap_law * swing + gap * late_sin)
        out[1, i] = -(slope + 2.0 * bend * away) * moved
        out[2, i], out[3, i] = away * moved, away * away * moved
        out[4, i] = -w[i] * share * (rate * cos[i] + turn * sin[i])
        out[5, i] = w[i] * share * late[i] * cos[i]
        out[6, i], out[7, i] = w[i] * swing, w[i]


@careful_kernel
def descend_two(now: Array, a: Array, t: Array, y: Array, w: Array, bounds: Array) -> float:
    """Refine two exchanges in place by Levenberg-Marquardt's steps; return chi-square.

    now (10,): theta of one, the place of the other, both heights, level. y (A, B): in sigmas.
    """
    each, tried, damp = np.empty((a.size, now.size + 1, t.size)), now.copy(), 1e-3
    gram, matrix = np.empty((now.size + 1, now.size + 1)), np.empty((now.size, now.size))
    cost = fill_two(now, a, t, y, w, each)
    multiply(each, gram)
    for _ in range(TURNS):
        for i in range(now.size):
            matrix[i] = gram[i, : now.size]
            matrix[i, i] = matrix[i, i] * (1.0 + damp) + 1e-12
            tried[i] = gram[i, now.size]
        solve(matrix, tried)
        tried += now
        for k in range(SLOPES):
            tried[k] = min(max(tried[k], bounds[0, k]), bounds[1, k])
        after = fill_two(tried, a, t, y, w, each)
        if not after < cost:
            damp *= 10.0
            continue
        gained, cost, damp = cost - after, after, damp * 0.1
        now[:] = tried
        if gained < ENOUGH_OF_TWO:
            break
        multiply(each, gram)
    return cost


@kernel
def fill_two(now: Array, a: Array, t: Array, y: Array, w: Array, each: Array) -> float:
    """Fill each (A, 11, B) with two exchanges' slopes, then what they leave; return its square."""
    cos, sin, late, step = np.empty(t.size), np.empty(t.size), t - now[4], even(t)
    cost = 0.0
    for row in range(a.size):
        out, one, other = each[row], a[row] - now[1], a[row] - now[6]
        out[:, :] = 0.0
        add_along(now, now[7], one, late, step, cos, sin, w[row], out, out[7], out[1])
        add_along(now, now[8], other, late, step, cos, sin, w[row], out, out[8], out[6])
        by_one, by_other = now[2] + 2.0 * now[3] * one, now[2] + 2.0 * now[3] * other
        for i in range(t.size):
            out[2, i] = one * out[1, i] + other * out[6, i]
            out[3, i] = one * one * out[1, i] + other * other * out[6, i]
        for i in range(t.size):
            out[1, i] *= -by_one
            out[6, i] *= -by_other
        for i in range(t.size):
            left = y[row, i] - now[7] * out[7, i] - now[8] * out[8, i] - now[9] * w[row, i]
            out[9, i], out[10, i] = w[row, i], left
            cost += left * left
    return cost


@piece
def add_along(
    now: Array, height: float, away: float, late: Array, step: float, cos: Array, sin: Array,
    w: Array, out: Array, swing: Array, moved: Array,
) -> None:  # fmt: skip
    """Fill swing and moved (B,), by the detuning, of an exchange along one row, add to out (11, B).

    A loop for each: with more arrays in one, the compiler does not see that they are apart.
    """
    gap, rate, detuned = now[0], now[5], now[2] * away + now[3] * away * away
    square, turn, share = precession(gap, detuned)
    fill_waves(turn, rate, late, step, cos, sin)
    size, law, by_square = height * share, 2.0 / gap - 2.0 * gap / square, share * turn / square
    for i in range(late.size):
        swing[i] = share * w[i] * (1.0 - cos[i])
    for i in range(late.size):
        out[4, i] -= size * w[i] * (rate * cos[i] + turn * sin[i])
    for i in range(late.size):
        cos[i] *= w[i] * late[i]
        sin[i] *= w[i] * late[i]
    for i in range(late.size):
        out[5, i] += size * cos[i]
    for i in range(late.size):
        out[0, i] += height * (law * swing[i] + gap * by_square * sin[i])
    for i in range(late.size):
        moved[i] = height * detuned * (by_square * sin[i] - 2.0 / square * swing[i])


@kernel
def multiply(each: Array, gram: Array) -> None:
    """Fill gram (K, K) with the products of each (A, K, B), summed over all points."""
    gram[:, :] = 0.0
    for row in range(each.shape[0]):
        for i in range(each.shape[1]):
            for j in range(i + 1):
                total = 0.0
                for k in range(each.shape[2]):
                    total += each[row, i, k] * each[row, j, k]
                gram[i, j] += total
    for i in range(each.shape[1]):
        for j in range(i):
            gram[j, i] = gram[i, j]


@careful_kernel
def likeliest(gram: Array, pull: Array, pairs: NDArray[np.intp], height: Array) -> int:
    """Return which of pairs (K, 2) of ways explain most, with heights of one sign and a level.

    gram, pull: products of the ways, the last of which is a level, with each other and with what
    was measured. height (3,): filled with theirs and the level.
    """
    level, best, most = pull.size - 1, 0, -np.inf
    matrix, each = np.empty((3, 3)), np.empty(3)
    ridge = 1e-9 * np.trace(gram)
    for k in range(pairs.shape[0]):
        which = (pairs[k, 0], pairs[k, 1], level)
        for i in range(3):
            for j in range(3):
                matrix[i, j] = gram[which[i], which[j]]
            matrix[i, i] += ridge
            each[i] = pull[which[i]]
        solve(matrix, each)
        gain = each[0] * pull[which[0]] + each[1] * pull[which[1]] + each[2] * pull[level]
        if k == 0 or (each[0] * each[1] > 0.0 and gain > most):
            best, height[:] = k, each
            most = gain if each[0] * each[1] > 0.0 else -np.inf
    return best


@kernel
def sum_up(theta: Array, a: Array, late: Array, y: Array, w: Array, total: Array) -> None:
    """Fill total (9, 9) with weighted products of the slopes by theta, the law, 1 and y.

    theta: gap, place, slope, bend, delay, damping. a (A,), late (B,); y and w = 1/sigma (A, B).
    """
    total[:, :] = 0.0
    gap, slope, bend, rate = theta[0], theta[2], theta[3], theta[5]
    cos, sin, step = np.empty(late.size), np.empty(late.size), even(late)
    gram, half = np.empty((FUNCTIONS, FUNCTIONS)), np.empty((MADE, FUNCTIONS))
    whole, part = np.empty((MADE, MADE)), np.ones(SUMMED)
    for row in range(a.size):
        away = a[row] - theta[1]
        detuned = slope * away + bend * away * away
        square, turn, share = precession(gap, detuned)
        fill_waves(turn, rate, late, step, cos, sin)
        fill_gram(late, cos, sin, y[row], w[row], gram)
        by_square = share * turn / square  # of late S
        how = (share, 2.0 / gap - 2.0 * gap / square, gap * by_square, -2.0 * detuned / square,
               detuned * by_square, -share * rate, -share * turn)  # fmt: skip
        for k in range(FUNCTIONS):
            make(how, gram, k, half)
        for k in range(MADE):
            make(how, half, k, whole)
        part[1], part[2], part[3] = -(slope + 2.0 * bend * away), away, away * away
        for i in range(SUMMED):
            of_i = max(i - 2, min(i, 1))  # three slopes are parts of one function
            for j in range(i + 1):
                total[i, j] += part[i] * part[j] * whole[of_i, max(j - 2, min(j, 1))]
    for i in range(SUMMED):
        for j in range(i):
            total[j, i] = total[i, j]


@piece
def make(how: tuple[float, ...], old: Array, k: int, out: Array) -> None:
    """Fill column k of out (7, ...) from row k of old (..., 6), products with the functions.

    Out: those with the slopes by gap, detuning, delay and damping, with the law, 1 and y.
    """
    share, gap_law, gap_late, law, late_sin, of_cos, of_sin = how
    swing = share * (old[k, 0] - old[k, 1])
    out[0, k] = gap_law * swing + gap_late * old[k, 3]
    out[1, k] = law * swing + late_sin * old[k, 3]
    out[2, k] = of_cos * old[k, 1] + of_sin * old[k, 2]
    out[3, k] = share * old[k, 4]
    out[4, k], out[5, k], out[6, k] = swing, old[k, 0], old[k, 5]


@piece
def even(x: Array) -> float:
    """Return the distance of the points where it is one, else 0."""
    step, off = (x[x.size - 1] - x[0]) / max(x.size - 1, 1), 0.0
    for i in range(x.size):
        off = max(off, abs(x[i] - (x[0] + step * i)))
    return step if off < EVEN else 0.0


@piece
def fill_waves(
    turn: float, fade: float, late: Array, step: float, cos: Array, sin: Array
) -> None:  # fmt: skip
    """Fill the damped cosine and sine (B,); even ones from those AHEAD points before."""
    for i in range(late.size if step <= 0.0 else 1):
        size = math.exp(-fade * late[i])
        cos[i], sin[i] = size * math.cos(turn * late[i]), size * math.sin(turn * late[i])
    if step <= 0.0:
        return
    size = math.exp(-fade * step)
    a, b = size * math.cos(turn * step), size * math.sin(turn * step)
    for i in range(min(AHEAD, late.size) - 1):
        cos[i + 1] = cos[i] * a - sin[i] * b
        sin[i + 1] = cos[i] * b + sin[i] * a
    for _ in range(DOUBLED):
        a, b = a * a - b * b, 2.0 * a * b
    for i in range(late.size - AHEAD):
        cos[i + AHEAD] = cos[i] * a - sin[i] * b
        sin[i + AHEAD] = cos[i] * b + sin[i] * a


@careful_kernel
def eliminate(total: Array, c: Array, pull: Array, hessian: Array) -> float:
    """Fill height and level c (2,), pull (6,) and hessian (6, 6) of theta; return the cost.

    Where height and level cannot be told apart, with the pseudo-inverse: a matrix of rank 1 by
    the square of its trace.
    """
    a, b, d, whole = total[6, 6], total[6, 7], total[7, 7], total[6, 6] + total[7, 7]
    scale = 1.0 / max(whole * whole, 1e-300)
    first, mixed, second = a * scale, b * scale, d * scale
    if a * d - b * b > SINGULAR * whole * whole:
        scale = 1.0 / (a * d - b * b)
        first, mixed, second = d * scale, -b * scale, a * scale
    c[0] = first * total[6, 8] + mixed * total[7, 8]
    c[1] = mixed * total[6, 8] + second * total[7, 8]
    for i in range(pull.size):
        one, two = total[6, i], total[7, i]
        pull[i] = c[0] * (total[i, 8] - one * c[0] - two * c[1])
        for j in range(i + 1):
            by_law, by_one = first * one + mixed * two, mixed * one + second * two
            rest = total[i, j] - by_law * total[6, j] - by_one * total[7, j]
            hessian[i, j] = hessian[j, i] = c[0] * c[0] * rest
    along = c[0] * total[6, 8] + c[1] * total[7, 8]
    square = c[0] * (a * c[0] + b * c[1]) + c[1] * (b * c[0] + d * c[1])
    return float(total[8, 8] - 2.0 * along + square)


@kernel
def fill_gram(late: Array, cos: Array, sin: Array, y: Array, w: Array, gram: Array) -> None:
    """Fill the weighted products (6, 6) of the functions along one row."""
    n, c, s, e, f, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    cc, cs, ce, cf, ch, ss, se, sf, sh = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    ee, ef, eh, ff, fh, hh = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(late.size):
        v = w[i] * w[i]
        ci, si = v * cos[i], v * sin[i]
        ei, fi, yi = late[i] * sin[i], late[i] * cos[i], y[i]
        n, c, s, e, f, h = n + v, c + ci, s + si, e + v * ei, f + v * fi, h + v * yi
        cc, cs, ce, cf = cc + ci * cos[i], cs + ci * sin[i], ce + ci * ei, cf + ci * fi
        ss, se, sf = ss + si * sin[i], se + si * ei, sf + si * fi
        ch, sh, eh, fh = ch + ci * yi, sh + si * yi, eh + v * ei * yi, fh + v * fi * yi
        ee, ef, ff, hh = ee + v * ei * ei, ef + v * ei * fi, ff + v * fi * fi, hh + v * yi * yi
    rows = ((n, c, s, e, f, h), (c, cc, cs, ce, cf, ch), (s, cs, ss, se, sf, sh),
            (e, ce, se, ee, ef, eh), (f, cf, sf, ef, ff, fh), (h, ch, sh, eh, fh, hh))  # fmt: skip
    for i in range(FUNCTIONS):
        for j in range(FUNCTIONS):
            gram[i, j] = rows[i][j]
