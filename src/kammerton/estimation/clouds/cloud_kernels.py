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
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy.special import erfcx

from kammerton.estimation.numeric.compiling import kernel, making_piece, piece

Array = NDArray[np.float64]
Ways = tuple[NDArray[np.intp], Array, Array, Array, Array]
Edges = tuple[Array, Array]
Sides = tuple[Array, Array]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
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
MIDDLE, DEGREE = 5.3, 16  # of the polynomial for the tail of a Gaussian, and its error is 2e-12


def _tail() -> Array:
    """Return (1 + sqrt(2) b) times the tail of a Gaussian beyond b over exp(-b^2 / 2).

    As the coefficients of a polynomial in (b - MIDDLE) / (b + MIDDLE), which goes from -1 to 1
    (Shepherd & Laframboise, Math. Comp. 36, 249, 1981).
    """
    t = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    z = 0.5 * SQRT_2 * MIDDLE * (1 + t) / (1 - t)
    return np.asarray(Polynomial.fit(t, (0.5 + z) * erfcx(z), DEGREE, domain=(-1, 1)).coef)


TAIL = _tail()


@piece
def side(edges: Array, place: float, width: float, k: int, out: Array, rows: Array) -> None:
    """Fill out (3, k, X): probability of each cell along one side, slope by place and by width.

    rows: (4, X + 1) to work in. The tail of a Gaussian is its density times a polynomial (TAIL),
    which the processor takes for several edges at once, as it does not math.erfc.
    """
    b, g, t, tail = rows[0], rows[1], rows[2], rows[3]
    for x in range(edges.size):
        b[x] = (edges[x] - place) / width
        g[x] = math.exp(-0.5 * min(b[x] * b[x], NONE))
        t[x] = (abs(b[x]) - MIDDLE) / (abs(b[x]) + MIDDLE)
        tail[x] = TAIL[-1]
    for d in range(TAIL.size - 2, -1, -1):
        for x in range(edges.size):
            tail[x] = tail[x] * t[x] + TAIL[d]
    for x in range(edges.size):
        tail[x] *= g[x] / (1.0 + SQRT_2 * abs(b[x]))
        tail[x] = tail[x] if b[x] < 0 else 1.0 - tail[x]
    scale = 1.0 / (SQRT_2PI * width)
    for x in range(edges.size - 1):
        out[0, k, x] = tail[x + 1] - tail[x]
        out[1, k, x] = (g[x] - g[x + 1]) * scale
        out[2, k, x] = (b[x] * g[x] - b[x + 1] * g[x + 1]) * scale


@making_piece
def fill_sides(theta: Array, ways: Ways, edges: Edges, sides: Sides) -> None:
    """Fill sides."""
    at = ways[4]
    states, rows = at.shape[1], np.empty((4, max(edges[0].size, edges[1].size)))
    for k in range(at.shape[0]):
        place_i = place_q = 0.0
        for c in range(states):
            place_i += at[k, c] * theta[c]
            place_q += at[k, c] * theta[states + c]
        side(edges[0], place_i, theta[2 * states], k, sides[0], rows)
        side(edges[1], place_q, theta[2 * states], k, sides[1], rows)


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


@making_piece
def reached(q: Array) -> NDArray[np.int64]:
    """Return the first cell along Q that a path has anything in, and the one after (K, 2)."""
    ends = np.empty((q.shape[0], 2), np.int64)
    for k in range(q.shape[0]):
        first, last = 0, q.shape[1]
        while first < last and q[k, first] < MISSED:
            first += 1
        while first < last and q[k, last - 1] < MISSED:
            last -= 1
        ends[k, 0], ends[k, 1] = first, last
    return ends


@piece
def add_product(w: Array, i: Array, q: Array, ends: Ints, some: Some, out: Array) -> None:
    """Add w (K,) times i (K, X) times q (K, Y), summed over some paths, to out (X, Y)."""
    for x in range(out.shape[0]):
        for k in range(some[0], some[1]):
            a = w[k] * i[k, x]
            if abs(a) > MISSED:
                for y in range(ends[k, 0], ends[k, 1]):
                    out[x, y] += a * q[k, y]


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
    ends = reached(q[0])
    parts[:, 0] = 0.0
    for s in range(states):
        add_product(own, i[0], q[0], ends, from_state(ways[0], s), parts[s, 0])


@making_piece
def fill_slopes_of_parts(theta: Array, ways: Ways, sides: Sides, parts: Array) -> None:
    """Fill the slopes of parts."""
    (i, q), states = sides, parts.shape[0]
    own, change = np.empty(ways[0].size), np.empty((states - 1, ways[0].size))
    fill_weights(theta, ways, own, change)
    ends = reached(q[0])
    parts[:, 1:] = 0.0
    for s in range(states):
        some = from_state(ways[0], s)
        for c in range(s + 1):
            there = own * ways[4][:, c]
            add_product(there, i[1], q[0], ends, some, parts[s, 1 + c])
            add_product(there, i[0], q[1], ends, some, parts[s, 1 + states + c])
        add_product(own, i[2], q[0], ends, some, parts[s, 1 + 2 * states])
        add_product(own, i[0], q[2], ends, some, parts[s, 1 + 2 * states])
        for d in range(s):
            add_product(change[d], i[0], q[0], ends, some, parts[s, 2 + 2 * states + d])


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
def reaches(t: int, s: int, states: int) -> bool:
    """Whether what began in s depends on number t: on no centre above s, nor decays from one."""
    if t < 2 * states:
        return t % states <= s
    return t - 2 * states <= s


@making_piece
def mix_slopes(theta: Array, parts: Array, p: Array, slope: Array) -> None:
    """Fill slope (P, T, C), 0 where hardly anything is expected."""
    states = parts.shape[0]
    flat, w = parts.reshape(states, parts.shape[1], -1), np.empty(states)
    slope[:] = 0.0
    for i in range(p.shape[0]):
        began(theta, states, i, w)
        for s in range(states):
            for t in range(3 * states):
                if reaches(t, s, states):
                    for c in range(p.shape[1]):
                        slope[i, t, c] += w[s] * flat[s, 1 + t, c]
            if s != i:
                t = 3 * states + i * (states - 1) + (s if s < i else s - 1)
                for c in range(p.shape[1]):
                    slope[i, t, c] = flat[s, 0, c] - flat[i, 0, c]
        for t in range(slope.shape[1]):
            if concerns(t, i, states):
                for c in range(p.shape[1]):
                    slope[i, t, c] = slope[i, t, c] if p[i, c] > RARE else 0.0


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


@kernel
def fill_parts(theta: Array, ways: Ways, edges: Edges, sides: Sides, parts: Array) -> None:
    """Fill sides and parts."""
    fill_sides(theta, ways, edges, sides)
    fill_places(theta, ways, sides, parts)
    fill_slopes_of_parts(theta, ways, sides, parts)


@kernel
def fill_slopes(theta: Array, parts: Array, p: Array, slope: Array) -> None:
    """Fill the probability of each cell p (P, C) and its slopes by theta (P, T, C)."""
    mix(theta, parts, p)
    mix_slopes(theta, parts, p, slope)


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


@kernel
def inform(p: Array, slope: Array, counts: Array, states: int, information: Array) -> None:
    """Fill Fisher's information (T, T) from probabilities and their slopes."""
    fill_information(p, slope, counts, states, information)


@piece
def physical_at(theta: Array, states: int, at: Array) -> bool:
    """Fill what theta is without what noise has taken below 0; return whether there is any."""
    below = False
    for t in range(theta.size):
        least = FEWEST_DECAYS if t < 3 * states else LEAST
        at[t] = theta[t]
        if t > 2 * states and theta[t] < least:
            at[t], below = least, True
    return below


@piece
def solve_positive(a: Array, b: Array, n: int) -> None:
    """Solve a x = b for the first n numbers in place (Cholesky); what a does not hold stays 0."""
    for j in range(n):
        own = a[j, j]
        for k in range(j):
            a[j, j] -= a[j, k] ** 2
        stiff = a[j, j] > 1e-14 * own
        a[j, j] = math.sqrt(a[j, j]) if stiff else 1e150
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
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
    held, along, at = np.empty(own.size, np.bool_), np.empty(own.size), np.empty(size)
    fill_sides(theta, ways, edges, sides)
    fill_places(theta, ways, sides, parts)
    mix(theta, parts, p)
    best, damping, fresh, g, known = log_likelihood(p, counts), 0.0, True, along, information
    for turn in range(turns):
        if fresh:  # and sides are those of theta, whatever is below 0
            fill_slopes_of_parts(theta, ways, sides, parts)
            mix_slopes(theta, parts, p, slope)
            fill_gradient(p, slope, counts, states, gradient)
            if physical_at(theta, states, at):
                fill_places(at, ways, sides, parts)
                fill_slopes_of_parts(at, ways, sides, parts)
                mix(at, parts, p)
                mix_slopes(at, parts, p, slope)
            fill_information(p, slope, counts, states, information)
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
