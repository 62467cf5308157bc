"""Clouds in numba: probabilities of all cells, their slopes, and the climb to the likeliest.

Each preparation is a mixture of the states, so all products over I and Q are made once for each
state. What is compiled together lives in one file, so that no part of it stays stale on disk.

ways: origin, share, jumps, times, at of `clouds.Paths`. edges: of the grid, along I and Q. sides:
of each path the probabilities along I (3, K, X) and Q (3, K, Y), with their slopes by place and by
width. parts (S, 1 + 3S, X, Y): of each state the probabilities, and their slopes by the centres (I,
then Q), the width and the decays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray
from scipy.special import erfcx

from kammerton.estimation.numeric.compiling import kernel, making_piece, piece

Array = NDArray[np.float64]
Ways = tuple[NDArray[np.intp], Array, Array, Array, Array]
Edges = tuple[Array, Array]
Sides = tuple[Array, Array]
Bools = NDArray[np.bool_]
Some = tuple[int, int]

RARE, MISSED = 1e-12, 1e-15  # what a cell holds at least, and what of a path no cell will miss
SQRT_2PI = math.sqrt(2 * math.pi)
SQRT_2 = math.sqrt(2)
SETTLED = 2e-5  # gain of log likelihood that is not worth another turn
STIFF = 1e-9
NEVER = 1e300  # a log likelihood that no climb is asked for
FEWEST_DECAYS, LEAST = 1e-4, 1e-6  # for error bars, which are those of a law that can be true
HOPELESS = 10.0  # times the gain that a step promises, which all that follow will not reach
NONE = 1400.0  # widths squared from which on a density is none that a number could hold
SQUARED, BELLS = 10, 10  # how often what the density is a power of, and its degree
MIDDLE, DEGREE = 5.3, 16  # of the polynomial for the tail of a Gaussian, and its error is 2e-12


def _tail() -> tuple[float, ...]:
    """Return (1 + sqrt(2) b) times the tail of a Gaussian beyond b over exp(-b^2 / 2).

    As the coefficients of a polynomial in (b - MIDDLE) / (b + MIDDLE), which goes from -1 to 1
    (Shepherd & Laframboise, Math. Comp. 36, 249, 1981).
    """
    t = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    z = 0.5 * SQRT_2 * MIDDLE * (1 + t) / (1 - t)
    return tuple(Polynomial.fit(t, (0.5 + z) * erfcx(z), DEGREE, domain=(-1, 1)).coef.tolist())


TAIL = _tail()


def _bell() -> tuple[float, ...]:
    """Return exp(-v / 2) to the power 2^-SQUARED, for v from 0 to NONE, as coefficients."""
    v = 0.5 * NONE * (1 + np.cos(np.pi * (np.arange(64) + 0.5) / 64))
    fitted = Chebyshev.fit(v, np.exp(-0.5 * v / 2**SQUARED), BELLS, domain=(0, NONE))
    return tuple(fitted.convert(kind=Polynomial, domain=(-1, 1)).coef.tolist())


BELL = _bell()


@piece
def root_of_bell(v: float) -> float:
    """Return BELL at v; in a loop over its terms the processor would not take several v at once."""
    root = (BELL[10] * v + BELL[9]) * v + BELL[8]
    root = (((root * v + BELL[7]) * v + BELL[6]) * v + BELL[5]) * v + BELL[4]
    return (((root * v + BELL[3]) * v + BELL[2]) * v + BELL[1]) * v + BELL[0]


@piece
def tail_by_bell(t: float) -> float:
    """Return TAIL at t."""
    tail = (((TAIL[16] * t + TAIL[15]) * t + TAIL[14]) * t + TAIL[13]) * t + TAIL[12]
    tail = (((tail * t + TAIL[11]) * t + TAIL[10]) * t + TAIL[9]) * t + TAIL[8]
    tail = (((tail * t + TAIL[7]) * t + TAIL[6]) * t + TAIL[5]) * t + TAIL[4]
    return (((tail * t + TAIL[3]) * t + TAIL[2]) * t + TAIL[1]) * t + TAIL[0]


@piece
def bells(edges: Array, places: Array, width: float, out: Array, rows: Array) -> None:
    """Fill out (3, K, X): probability of each cell along one side, slope by place and by width.

    places: (K,) of the Gaussians. rows: (3, K (X + 1)) to work in. The density is the 1024th power
    of a polynomial (BELL), and the tail of a Gaussian that times another one (TAIL): the processor
    takes both for several edges at once, as it does not math.exp and math.erfc.
    """
    b, g, tail = rows[0], rows[1], rows[2]
    across, scale = edges.size, 1.0 / (SQRT_2PI * width)
    for k in range(places.size):
        for x in range(across):
            b[k * across + x] = (edges[x] - places[k]) / width
    for j in range(places.size * across):
        v, t = min(b[j] * b[j], NONE), (abs(b[j]) - MIDDLE) / (abs(b[j]) + MIDDLE)
        bell = root_of_bell(v)
        for _ in range(SQUARED):
            bell *= bell
        own = tail_by_bell(t) * bell / (1.0 + SQRT_2 * abs(b[j]))
        g[j], tail[j] = bell, own if b[j] < 0 else 1.0 - own
    for k in range(places.size):
        for x in range(across - 1):
            j = k * across + x
            out[0, k, x] = tail[j + 1] - tail[j]
            out[1, k, x] = (g[j] - g[j + 1]) * scale
            out[2, k, x] = (b[j] * g[j] - b[j + 1] * g[j + 1]) * scale


@making_piece
def fill_sides(theta: Array, ways: Ways, edges: Edges, sides: Sides) -> None:
    """Fill sides."""
    at = ways[4]
    states, places = at.shape[1], np.zeros((2, at.shape[0]))
    rows = np.empty((3, at.shape[0] * max(edges[0].size, edges[1].size)))
    for k in range(at.shape[0]):
        for c in range(states):
            places[0, k] += at[k, c] * theta[c]
            places[1, k] += at[k, c] * theta[states + c]
    bells(edges[0], places[0], theta[2 * states], sides[0], rows)
    bells(edges[1], places[1], theta[2 * states], sides[1], rows)


@piece
def weight(theta: Array, states: int, ways: Ways, k: int, change: Array) -> float:
    """Return the probability of path k from its origin; fill its slopes by the decays."""
    _, share, jumps, times, _ = ways
    stays, own = 0.0, share[k]
    for d in range(states - 1):
        rate = theta[2 * states + 1 + d]
        stays += rate * times[k, d]
        change[d] = share[k]
        if jumps[k, d] > 0:
            own *= rate
    there = math.exp(-stays)
    for d in range(states - 1):
        for e in range(states - 1):
            rate = theta[2 * states + 1 + e] if jumps[k, e] > 0 else 1.0
            change[d] *= jumps[k, d] - times[k, d] * rate if d == e else rate
        change[d] *= there
    return own * there  # type: ignore[no-any-return]  # a float


@making_piece
def fill_weights(theta: Array, ways: Ways, own: Array, change: Array) -> None:
    """Fill the probability of each path (K,) and its slopes by the decays (S - 1, K)."""
    states = ways[4].shape[1]
    each = np.empty(states - 1)
    for k in range(own.size):
        own[k] = weight(theta, states, ways, k, each)
        for d in range(states - 1):
            change[d, k] = each[d]


@piece
def weighed(w: Array, q: Array, block: int, rows: Array) -> None:
    """Fill a block of rows (K, R), as long as q (K, Y) is wide, with w (K,) times q."""
    across = q.shape[1]
    for k in range(w.size):
        for y in range(across):
            rows[k, block * across + y] = w[k] * q[k, y]


@piece
def add_rows(i: Array, x: int, rows: Array, some: Some, out: Array) -> None:
    """Add the rows (K, R) of some paths, each times i (K, X) at x, to out (R,).

    Four at a time, which reads and writes out a quarter as often.
    """
    k = some[0]
    while k + 4 <= some[1]:
        a, b, c, d = i[k, x], i[k + 1, x], i[k + 2, x], i[k + 3, x]
        if max(abs(a), abs(b), abs(c), abs(d)) > MISSED:
            for r in range(out.size):
                out[r] += (
                    a * rows[k, r] + b * rows[k + 1, r] + c * rows[k + 2, r] + d * rows[k + 3, r]
                )
        k += 4
    for j in range(k, some[1]):
        if abs(i[j, x]) > MISSED:
            for r in range(out.size):
                out[r] += i[j, x] * rows[j, r]


@piece
def from_state(origin: NDArray[np.intp], s: int) -> Some:
    """Return the first path from a state, and the first after those: they are in order."""
    first = 0
    while origin[first] < s:
        first += 1
    last = first
    while last < origin.size and origin[last] == s:
        last += 1
    return first, last


@making_piece
def fill_places(theta: Array, ways: Ways, sides: Sides, parts: Array) -> None:
    """Fill the probabilities of parts."""
    (i, q), states = sides, parts.shape[0]
    own, change = np.empty(ways[0].size), np.empty((states - 1, ways[0].size))
    fill_weights(theta, ways, own, change)
    rows = np.empty(q[0].shape)
    weighed(own, q[0], 0, rows)
    parts[:, 0] = 0.0
    for s in range(states):
        some = from_state(ways[0], s)
        for x in range(parts.shape[2]):
            add_rows(i[0], x, rows, some, parts[s, 0, x])


@making_piece
def fill_slopes_of_parts(theta: Array, ways: Ways, sides: Sides, parts: Array) -> None:
    """Fill the slopes of parts: rows along Q of those that go with the same along I together."""
    (i, q), states, across = sides, parts.shape[0], parts.shape[3]
    own, change = np.empty(ways[0].size), np.empty((states - 1, ways[0].size))
    fill_weights(theta, ways, own, change)
    with_place, plain = np.empty((own.size, 2 * states * across)), np.empty(q[0].shape)
    with_slope = np.empty((own.size, states * across))
    for c in range(states):
        weighed(own * ways[4][:, c], q[0], c, with_slope)
        weighed(own * ways[4][:, c], q[1], c, with_place)
    weighed(own, q[2], states, with_place)
    weighed(own, q[0], 0, plain)
    for d in range(states - 1):
        weighed(change[d], q[0], states + 1 + d, with_place)
    row = np.empty(3 * states * across)
    for s in range(states):
        some = from_state(ways[0], s)
        for x in range(parts.shape[2]):
            row[:] = 0.0
            add_rows(i[1], x, with_slope, some, row[: states * across])
            add_rows(i[0], x, with_place, some, row[states * across :])
            add_rows(i[2], x, plain, some, row[2 * states * across : (2 * states + 1) * across])
            for t in range(3 * states):
                for y in range(across):
                    parts[s, 1 + t, x, y] = row[t * across + y]


@piece
def began(theta: Array, states: int, i: int, w: Array) -> float:
    """Fill w (S,): parts of preparation i that began in each state; return its own."""
    w[i] = 1.0
    for s in range(states):
        if s != i:
            w[s] = theta[3 * states + i * (states - 1) + (s if s < i else s - 1)]
            w[i] -= w[s]
    return w[i]  # type: ignore[no-any-return]  # a float


@making_piece
def mix(theta: Array, parts: Array, p: Array) -> None:
    """Fill p (P, C), at least RARE: decays may be below 0."""
    states = parts.shape[0]
    flat, w = parts.reshape(states, parts.shape[1], -1), np.empty(states)
    for i in range(p.shape[0]):
        began(theta, states, i, w)
        p[i] = 0.0
        for s in range(states):
            for c in range(p.shape[1]):
                p[i, c] += w[s] * flat[s, 0, c]
        for c in range(p.shape[1]):
            p[i, c] = max(p[i, c], RARE)


@piece
def concerns(t: int, i: int, states: int) -> bool:
    """Whether preparation i depends on number t of theta: not on the fractions of others."""
    return t < 3 * states or (t - 3 * states) // (states - 1) == i


@piece
def lowest(t: int, states: int) -> int:
    """Return the lowest state that depends on number t: on no centre above, nor decays from one."""
    return t % states if t < 2 * states else t - 2 * states


@making_piece
def mix_slopes(theta: Array, parts: Array, p: Array, slope: Array) -> None:
    """Fill slope (P, T, C), 0 where hardly anything is expected."""
    states, cells = parts.shape[0], p.shape[1]
    flat, w, there = parts.reshape(states, parts.shape[1], -1), np.empty(states), np.empty(cells)
    slope[:, 3 * states :] = 0.0
    for i in range(p.shape[0]):
        began(theta, states, i, w)
        for c in range(cells):
            there[c] = 1.0 if p[i, c] > RARE else 0.0
        for t in range(3 * states):
            s = states - 1
            for c in range(cells):
                slope[i, t, c] = w[s] * there[c] * flat[s, 1 + t, c]
            for s in range(lowest(t, states), states - 1):
                for c in range(cells):
                    slope[i, t, c] += w[s] * there[c] * flat[s, 1 + t, c]
        for s in range(states):
            if s != i:
                t = 3 * states + i * (states - 1) + (s if s < i else s - 1)
                for c in range(cells):
                    slope[i, t, c] = there[c] * (flat[s, 0, c] - flat[i, 0, c])


@making_piece
def log_likelihood(p: Array, counts: Array) -> float:
    """Return the log likelihood of independent counts but for a constant."""
    total = 0.0
    for i in range(p.shape[0]):
        shots, there = counts[i].sum(), 0.0
        for c in range(p.shape[1]):
            there += p[i, c]
            if counts[i, c] > 0:
                total += counts[i, c] * math.log(p[i, c])
        total -= shots * (there - 1.0)
    return total


@making_piece
def room(ways: Ways, edges: Edges, preparations: int) -> tuple[Sides, Array, Array]:
    """Return room for sides, parts and the probabilities of the cells (P, C)."""
    k, x, y, states = ways[0].size, edges[0].size - 1, edges[1].size - 1, ways[4].shape[1]
    sides = np.empty((3, k, x)), np.empty((3, k, y))
    return sides, np.empty((states, 1 + 3 * states, x, y)), np.empty((preparations, x * y))


@kernel
def likelihood_of(theta: Array, ways: Ways, edges: Edges, counts: Array) -> float:
    """Return the log likelihood of counts (P, C)."""
    sides, parts, p = room(ways, edges, counts.shape[0])
    fill_sides(theta, ways, edges, sides)
    fill_places(theta, ways, sides, parts)
    mix(theta, parts, p)
    return log_likelihood(p, counts)


@making_piece
def fill_gradient(p: Array, slope: Array, counts: Array, states: int, gradient: Array) -> None:
    """Fill the slope (T,) of the log likelihood."""
    gradient[:] = 0.0
    more = np.empty(p.shape[1])
    for i in range(p.shape[0]):
        shots = counts[i].sum()
        for c in range(p.shape[1]):
            more[c] = counts[i, c] / p[i, c] - shots
        for t in range(gradient.size):
            if concerns(t, i, states):
                total = 0.0
                for c in range(p.shape[1]):
                    total += slope[i, t, c] * more[c]
                gradient[t] += total


@making_piece
def fill_information(
    p: Array, slope: Array, counts: Array, states: int, information: Array
) -> None:
    """Fill Fisher's information (T, T)."""
    information[:] = 0.0
    row, size = np.empty(p.shape[1]), len(information)
    for i in range(p.shape[0]):
        shots = counts[i].sum()
        for t in range(size):
            if concerns(t, i, states):
                for c in range(p.shape[1]):
                    row[c] = slope[i, t, c] * shots / p[i, c]
                for u in range(t + 1):
                    if concerns(u, i, states):
                        known = 0.0
                        for c in range(p.shape[1]):
                            known += row[c] * slope[i, u, c]
                        information[t, u] += known
    for t in range(size):
        for u in range(t):
            information[u, t] = information[t, u]


@piece
def physical_at(theta: Array, states: int, at: Array) -> int:
    """Fill what theta is without what noise has taken below 0.

    Return 0 where nothing is, 1 where fractions are, of which no part depends, and 2 where decays.
    """
    below = 0
    for t in range(theta.size):
        least = FEWEST_DECAYS if t < 3 * states else LEAST
        at[t] = theta[t]
        if t > 2 * states and theta[t] < least:
            at[t], below = least, max(below, 2 if t < 3 * states else 1)
    return below


@piece
def take_root(a: Array, n: int) -> bool:
    """Put the root of the first n rows below the diagonal of a (Cholesky).

    Return whether there is any: what a does not hold is made so stiff that it stays 0.
    """
    every = True
    for j in range(n):
        own = a[j, j]
        for k in range(j):
            a[j, j] -= a[j, k] ** 2
        stiff = a[j, j] > 1e-14 * own
        a[j, j], every = math.sqrt(a[j, j]) if stiff else 1e150, every and stiff
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    return every


@piece
def solve_positive(a: Array, b: Array, n: int) -> None:
    """Solve a x = b for the first n numbers in place."""
    take_root(a, n)
    for i in range(n):
        for k in range(i):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            b[i] -= a[k, i] * b[k]
        b[i] /= a[i, i]


@making_piece
def step(gradient: Array, information: Array, damping: float, held: Bools, out: Array) -> float:
    """Fill the step (F,) of what is not held; return twice the gain that it promises."""
    n, size = 0, gradient.size
    loose, a, b = np.empty(size, np.int64), np.empty((size, size)), np.empty(size)
    for t in range(size):
        out[t] = 0.0
        if not held[t]:
            loose[n] = t
            n += 1
    for j in range(n):
        b[j] = gradient[loose[j]]
        for k in range(n):
            a[j, k] = information[loose[j], loose[k]]
        a[j, j] = a[j, j] * (1.0 + damping) + STIFF
    solve_positive(a, b, n)
    promised = 0.0
    for j in range(n):
        out[loose[j]] = b[j]
        promised += b[j] * gradient[loose[j]]
    return promised


@making_piece
def freed(free: Array, gradient: Array, information: Array) -> tuple[Array, Array]:
    """Return slope and information along the free directions (T, F)."""
    size, n = free.shape
    g, half, result = np.zeros(n), np.zeros((size, n)), np.zeros((n, n))
    for t in range(size):
        for f in range(n):
            g[f] += free[t, f] * gradient[t]
            for u in range(size):
                half[u, f] += information[u, t] * free[t, f]
    for t in range(size):
        for f in range(n):
            for h in range(n):
                result[f, h] += free[t, f] * half[t, h]
    return g, result


@making_piece
def moved(theta: Array, free: Array, along: Array, within: tuple[Array, Array]) -> Array:
    """Return theta after a step along the free directions, within bounds."""
    result = theta.copy()
    for t in range(theta.size):
        for f in range(along.size):
            result[t] += free[t, f] * along[f]
        result[t] = min(max(result[t], within[0][t]), within[1][t])
    return result


@making_piece
def possible(theta: Array, states: int, preparations: int) -> bool:
    """Whether no preparation has begun less than never in its own state."""
    w, least = np.empty(states), 1.0
    for i in range(preparations):
        least = min(least, began(theta, states, i, w))
    return least > 0


@piece
def at_bounds(theta: Array, own: Any, g: Array, within: tuple[Array, Array], held: Bools) -> None:
    """Say which free numbers (F,) are at a bound that the slope leads beyond."""
    for f in range(g.size):
        t = own[f]
        held[f] = (theta[t] <= within[0][t] and g[f] < 0) or (theta[t] >= within[1][t] and g[f] > 0)


@making_piece
def score(
    theta: Array, ways: Ways, sides: Sides, parts: Array, cells: tuple[Array, Array],
    counts: Array, gradient: Array, information: Array,
) -> None:  # fmt: skip
    """Fill the slope of the log likelihood, and Fisher's information without what is below 0.

    cells: what theta says of each cell (P, C), and room for its slopes (P, T, C); both change.
    """
    (p, slope), states, at = cells, parts.shape[0], np.empty(theta.size)
    fill_slopes_of_parts(theta, ways, sides, parts)
    mix_slopes(theta, parts, p, slope)
    fill_gradient(p, slope, counts, states, gradient)
    below = physical_at(theta, states, at)
    if below > 0:
        if below > 1:
            fill_places(at, ways, sides, parts)
            fill_slopes_of_parts(at, ways, sides, parts)
        mix(at, parts, p)
        mix_slopes(at, parts, p, slope)
    fill_information(p, slope, counts, states, information)


@kernel
def climb(
    theta: Array, ways: Ways, edges: Edges, counts: Array, free: Array, own: NDArray[np.intp],
    within: tuple[Array, Array], needed: float, turns: int,
) -> tuple[float, int]:  # fmt: skip
    """Climb the likelihood by Fisher's scoring; theta is changed. Return it, and turns.

    own: (F,) the number of theta whose bounds hold a free number. needed: the log likelihood that
    is asked for: a climb that reaches it ends, and one that will not.
    """
    size, states, preparations = theta.size, ways[4].shape[1], counts.shape[0]
    sides, parts, p = room(ways, edges, preparations)
    slope = np.empty((preparations, size, counts.shape[1]))
    gradient, information = np.empty(size), np.empty((size, size))
    held, along = np.empty(own.size, np.bool_), np.empty(own.size)
    fill_sides(theta, ways, edges, sides)
    fill_places(theta, ways, sides, parts)
    mix(theta, parts, p)
    best, damping, fresh, g, known = log_likelihood(p, counts), 0.0, True, along, information
    for turn in range(turns):
        if fresh:  # and sides are those of theta, whatever is below 0
            score(theta, ways, sides, parts, (p, slope), counts, gradient, information)
            g, known = freed(free, gradient, information)
        at_bounds(theta, own, g, within, held)
        promised = step(g, known, damping, held, along)
        told = best > needed or best + HOPELESS * promised < needed
        if promised < SETTLED or (needed < NEVER and told):
            return best, turn
        trial, there, fresh = moved(theta, free, along, within), 0.0, False
        if possible(trial, states, preparations):
            fill_sides(trial, ways, edges, sides)
            fill_places(trial, ways, sides, parts)
            mix(trial, parts, p)
            there = log_likelihood(p, counts)
            fresh = there > best
        if fresh:
            gain, best, damping = there - best, there, damping * 0.2
            theta[:] = trial
            if gain < SETTLED:
                return best, turn
        else:
            damping = max(4 * damping, 0.1)
            if damping > 1e6:
                return best, turn
    return best, turns


@kernel
def fill_told(
    theta: Array, ways: Ways, sides: Sides, p: Array, scores: Array, least: Array, told: Array
) -> None:
    """Fill how log probabilities of cells change with what the law leaves out, told (P, V, C).

    In the order of `distortion.patterns`. p (P, C), scores (P, T, C); least: (P,) the probability
    of a cell from which on it is told of.
    """
    states, cells = ways[4].shape[1], p.shape[1]
    ovals, w = np.empty((states, 3 * states - 1, cells)), np.empty(states)
    fill_ovals(theta, ways, sides, ovals)
    told[:] = 0.0
    for i in range(p.shape[0]):
        began(theta, states, i, w)
        for v in range(ovals.shape[1]):
            for s in range(states):
                for c in range(cells):
                    told[i, v, c] += w[s] * ovals[s, v, c]
            for c in range(cells):
                told[i, v, c] = told[i, v, c] / p[i, c] if p[i, c] > least[i] else 0.0
        for part in range(2 if i > 0 else 0):
            for s in range(states):
                v = ovals.shape[1] + 2 * (i - 1) + part
                for c in range(cells):
                    here = scores[i, part * states + s, c]
                    told[i, v, c] += here if p[i, c] > least[i] else 0.0


@making_piece
def fill_ovals(theta: Array, ways: Ways, sides: Sides, ovals: Array) -> None:
    """Fill how the cells of each state change if its clouds are oval (S, 3 S - 1, C)."""
    (i, q), states, across = sides, ways[4].shape[1], sides[1].shape[2]
    own, change = np.empty(ways[0].size), np.empty((states - 1, ways[0].size))
    fill_weights(theta, ways, own, change)
    along = np.empty((own.size, states * across))
    crossed = np.empty((own.size, states * across))
    upright = np.empty((own.size, (states - 1) * across))
    for c in range(states):
        weighed(own * ways[4][:, c], q[0], c, along)
        weighed(own * ways[4][:, c], q[1], c, crossed)
        if c > 0:
            weighed(own * ways[4][:, c], q[2], c - 1, upright)
    row = np.empty((3 * states - 1) * across)
    for s in range(states):
        some = from_state(ways[0], s)
        for x in range(i.shape[2]):
            row[:] = 0.0
            add_rows(i[2], x, along, some, row[: states * across])
            add_rows(i[0], x, upright, some, row[states * across : (2 * states - 1) * across])
            add_rows(i[1], x, crossed, some, row[(2 * states - 1) * across :])
            for v in range(3 * states - 1):
                for y in range(across):
                    ovals[s, v, x * across + y] = row[v * across + y]


@kernel
def fill_rare(
    at: Array, parts: Array, counts: Array, free: Array, first: int, limits: Array, variance: Array
) -> None:
    """Fill variance (T,) with that of fractions where each is at least an error from 0.

    at: theta, changed from number `first` on; variance: at first, of theta. limits: times an error
    that is far enough, the largest error that is gone to, and turns.
    """
    size, states = at.size, parts.shape[0]
    p, slope = np.empty(counts.shape), np.empty((counts.shape[0], size, counts.shape[1]))
    information, way = np.empty((size, size)), np.empty(free.shape)
    for _ in range(int(limits[2])):
        enough = True
        for t in range(first, size):
            enough = enough and at[t] >= limits[0] * math.sqrt(variance[t])
        if enough:
            return
        for t in range(first, size):
            at[t] = max(at[t], min(math.sqrt(variance[t]), limits[1]))
        mix(at, parts, p)
        mix_slopes(at, parts, p, slope)
        fill_information(p, slope, counts, states, information)
        if fill_along(freed(free, at, information)[1], free, way):
            for t in range(size):
                variance[t] = (way[t] ** 2).sum()


@making_piece
def fill_along(known: Array, free: Array, way: Array) -> bool:
    """Fill way (T, F), whose rows times each other are the covariance, from information (F, F).

    Return whether it can be.
    """
    n, root = known.shape[0], known.copy()
    if not take_root(root, n):
        return False
    for t in range(free.shape[0]):
        for f in range(n):
            way[t, f] = free[t, f]
            for k in range(f):
                way[t, f] -= root[f, k] * way[t, k]
            way[t, f] /= root[f, f]
    return True


@kernel
def finish(
    theta: Array, ways: Ways, edges: Edges, counts: Array, free: Array, sides: Sides, parts: Array,
    cells: tuple[Array, Array, Array], way: Array,
) -> bool:  # fmt: skip
    """Fill what `fit.Clouds` holds of theta; return whether it is known that well.

    cells: what theta says of each cell, and without what is below 0 (P, C), and slopes (P, T, C).
    way: see fill_along.
    """
    seen, p, slope = cells
    at, information = np.empty(theta.size), np.empty((theta.size, theta.size))
    fill_sides(theta, ways, edges, sides)
    fill_places(theta, ways, sides, parts)
    mix(theta, parts, seen)
    if physical_at(theta, parts.shape[0], at) > 1:
        fill_places(at, ways, sides, parts)
    fill_slopes_of_parts(at, ways, sides, parts)
    mix(at, parts, p)
    mix_slopes(at, parts, p, slope)
    fill_information(p, slope, counts, parts.shape[0], information)
    return fill_along(freed(free, at, information)[1], free, way)
