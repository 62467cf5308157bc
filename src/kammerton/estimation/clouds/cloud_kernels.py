"""Clouds in numba: probabilities of all cells, their slopes, and the climb to the likeliest.

Each preparation is a mixture of the states, so all products over I and Q are made once for each
state. What is compiled together lives in one file, so that no part of it stays stale on disk.

ways: origin, share, jumps, times, at of `clouds.Paths`. edges: of the grid, along I and Q. parts
(S, 1 + 3S, X, Y): of each state the probabilities, and their slopes by the centres (I, then Q),
the width and the decays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.compiling import kernel, making_piece, piece

Array = NDArray[np.float64]
Ways = tuple[NDArray[np.intp], Array, Array, Array, Array]
Edges = tuple[Array, Array]
Bools = NDArray[np.bool_]

RARE = 1e-12
SQRT_2PI = math.sqrt(2 * math.pi)
SQRT_HALF = math.sqrt(0.5)
TURNS = 40
SETTLED = 2e-5  # gain of log likelihood that is not worth another turn
STIFF = 1e-9
NEVER = 1e300  # a log likelihood that no climb is asked for
FEWEST_DECAYS, LEAST = 1e-4, 1e-6  # for error bars, which are those of a law that can be true
HOPELESS = 10.0  # times the gain that a step promises, which all that follow will not reach


@piece
def side(edges: Array, place: float, width: float, out: Array) -> None:
    """Fill out (3, X): probability of each cell along one side, slope by place and by width."""
    below = density = moment = 0.0
    for x in range(edges.size):
        b = (edges[x] - place) / width
        c = 0.5 * math.erfc(-b * SQRT_HALF)
        g = math.exp(-0.5 * min(b * b, 1400.0)) / SQRT_2PI
        if x > 0:
            out[0, x - 1] = c - below
            out[1, x - 1] = (density - g) / width
            out[2, x - 1] = (moment - b * g) / width
        below, density, moment = c, g, b * g


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


@piece
def add_slopes(
    own: float, change: Array, at: Array, s: int, i: Array, q: Array, parts: Array
) -> None:
    """Add one path of state s to the slopes of parts."""
    states, x_, y_ = at.size, i.shape[1], q.shape[1]
    for x in range(x_):
        a, aside, wide = own * i[0, x], own * i[1, x], own * i[2, x]
        for y in range(y_):
            parts[s, 1 + 2 * states, x, y] += wide * q[0, y] + a * q[2, y]
        for c in range(s + 1):
            if at[c] > 0:
                for y in range(y_):
                    parts[s, 1 + c, x, y] += at[c] * aside * q[0, y]
                    parts[s, 1 + states + c, x, y] += at[c] * a * q[1, y]
        for d in range(s):
            more = change[d] * i[0, x]
            for y in range(y_):
                parts[s, 2 + 2 * states + d, x, y] += more * q[0, y]


@making_piece
def fill_parts(theta: Array, ways: Ways, edges: Edges, sloping: bool, parts: Array) -> None:
    """Fill parts, without slopes if these are not asked for."""
    origin, at, states = ways[0], ways[4], parts.shape[0]
    i, q = np.empty((3, edges[0].size - 1)), np.empty((3, edges[1].size - 1))
    change = np.empty(states - 1)
    parts[:] = 0.0
    for k in range(origin.size):
        place_i = place_q = 0.0
        for c in range(states):
            place_i += at[k, c] * theta[c]
            place_q += at[k, c] * theta[states + c]
        side(edges[0], place_i, theta[2 * states], i)
        side(edges[1], place_q, theta[2 * states], q)
        own, s = weight(theta, states, ways, k, change), origin[k]
        for x in range(i.shape[1]):
            a = own * i[0, x]
            for y in range(q.shape[1]):
                parts[s, 0, x, y] += a * q[0, y]
        if sloping:
            add_slopes(own, change, at[k], s, i, q, parts)


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
                for c in range(p.shape[1]):
                    slope[i, t, c] += w[s] * flat[s, 1 + t, c]
            if s != i:
                t = 3 * states + i * (states - 1) + (s if s < i else s - 1)
                for c in range(p.shape[1]):
                    slope[i, t, c] = flat[s, 0, c] - flat[i, 0, c]
        for t in range(slope.shape[1]):
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


@kernel
def likelihood_of(theta: Array, ways: Ways, edges: Edges, counts: Array) -> float:
    """Return the log likelihood of counts (P, C)."""
    states = ways[4].shape[1]
    parts = np.empty((states, 1, edges[0].size - 1, edges[1].size - 1))
    p = np.empty(counts.shape)
    fill_parts(theta, ways, edges, False, parts)
    mix(theta, parts, p)
    return log_likelihood(p, counts)


@kernel
def fill_slopes(theta: Array, ways: Ways, edges: Edges, p: Array, slope: Array) -> None:
    """Fill the probability of each cell p (P, C) and its slopes by theta (P, T, C)."""
    states = ways[4].shape[1]
    parts = np.empty((states, 1 + 3 * states, edges[0].size - 1, edges[1].size - 1))
    fill_parts(theta, ways, edges, True, parts)
    mix(theta, parts, p)
    mix_slopes(theta, parts, p, slope)


@making_piece
def fill_gradient(p: Array, slope: Array, counts: Array, gradient: Array) -> None:
    """Fill the slope (T,) of the log likelihood."""
    gradient[:] = 0.0
    for i in range(p.shape[0]):
        shots = counts[i].sum()
        for t in range(gradient.size):
            total = 0.0
            for c in range(p.shape[1]):
                total += slope[i, t, c] * (counts[i, c] / p[i, c] - shots)
            gradient[t] += total


@making_piece
def fill_information(p: Array, slope: Array, counts: Array, information: Array) -> None:
    """Fill Fisher's information (T, T)."""
    information[:] = 0.0
    row, size = np.empty(p.shape[1]), len(information)
    for i in range(p.shape[0]):
        shots = counts[i].sum()
        for t in range(size):
            for c in range(p.shape[1]):
                row[c] = slope[i, t, c] * shots / p[i, c]
            for u in range(t + 1):
                known = 0.0
                for c in range(p.shape[1]):
                    known += row[c] * slope[i, u, c]
                information[t, u] += known
    for t in range(size):
        for u in range(t):
            information[u, t] = information[t, u]


@kernel
def inform(theta: Array, ways: Ways, edges: Edges, counts: Array, information: Array) -> None:
    """Fill Fisher's information (T, T) at theta."""
    p, slope = np.empty(counts.shape), np.empty((counts.shape[0], theta.size, counts.shape[1]))
    states = ways[4].shape[1]
    parts = np.empty((states, 1 + 3 * states, edges[0].size - 1, edges[1].size - 1))
    fill_parts(theta, ways, edges, True, parts)
    mix(theta, parts, p)
    mix_slopes(theta, parts, p, slope)
    fill_information(p, slope, counts, information)


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
    within: tuple[Array, Array], needed: float,
) -> tuple[float, int]:  # fmt: skip
    """Climb the likelihood by Fisher's scoring; theta is changed. Return it, and turns.

    own: (F,) the number of theta whose bounds hold a free number. needed: the log likelihood that
    is asked for: a climb that reaches it ends, and one that will not.
    """
    size, states, preparations = theta.size, ways[4].shape[1], counts.shape[0]
    parts = np.empty((states, 1 + 3 * states, edges[0].size - 1, edges[1].size - 1))
    p, slope = np.empty(counts.shape), np.empty((preparations, size, counts.shape[1]))
    gradient, information = np.empty(size), np.empty((size, size))
    held, along, at = np.empty(own.size, np.bool_), np.empty(own.size), np.empty(size)
    fill_parts(theta, ways, edges, True, parts)
    mix(theta, parts, p)
    best, damping, fresh, g, known = log_likelihood(p, counts), 0.0, True, along, information
    for turn in range(TURNS):
        if fresh:
            mix_slopes(theta, parts, p, slope)
            fill_gradient(p, slope, counts, gradient)
            if physical_at(theta, states, at):
                fill_parts(at, ways, edges, True, parts)
                mix(at, parts, p)
                mix_slopes(at, parts, p, slope)
            fill_information(p, slope, counts, information)
            g, known = freed(free, gradient, information)
        at_bounds(theta, own, g, within, held)
        promised = step(g, known, damping, held, along)
        told = best > needed or best + HOPELESS * promised < needed
        if promised < SETTLED or (needed < NEVER and told):
            return best, turn
        trial, there, fresh = moved(theta, free, along, within), 0.0, False
        if possible(trial, states, preparations):
            fill_parts(trial, ways, edges, True, parts)
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
    return best, TURNS
