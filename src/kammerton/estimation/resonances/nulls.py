"""What a complex resonance is compared with: a cable of some delay, beside a line or a jump."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel, piece
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.resonances.seeds import unwound
from kammerton.estimation.verdict.nulls import Nulls, simple_laws

Array = NDArray[np.float64]

BARE = "no resonance stands out of the noise over a cable's delay and a sloping background"
FAR_MORE = 5  # parameters that a delay of any size is worth more than one near the resonance's own
BLOCK = 16  # points: turns over so many are tabulated
JUMP_MORE = 5  # parameters of a jump beside a cable more than `smooth_nulls` gives it
NEAR, NEARER = np.linspace(-0.08, 0.08, 7), np.linspace(-0.02, 0.02, 7)
SCANNED = (np.linspace(-0.6, 0.6, 13), NEAR, NEARER)
"""Turns about a delay that are tried, one set about the best of the other."""
SCANNED_FAR = (np.linspace(-2.0, 2.0, 41), NEAR, NEARER)
"""The same where a drift may have been taken for a wide resonance, and so its delay is no good."""


def smooth_nulls(batch: Batch, delay: Array) -> Nulls:
    """Return the costs of no resonance: a constant and a slope behind the cable delay (N,)."""
    simple = simple_laws(batch.with_y(unwound(batch.y, batch.x, batch.step, delay)))
    flat, line = simple.flat[0], simple.line[0]
    return Nulls((line, 5), (line, 5), (flat, 3), simple.walk)


def careful_nulls(
    batch: Batch, delay: Array, jumps: NDArray[np.bool_], wide: NDArray[np.bool_]
) -> Nulls:
    """Return the costs of no resonance at the best delay, beside a line or a jump that have none.

    jumps: (N,) where a jump is worth trying; wide: where the resonance is.

    A straight line of its own is what drift adds, and a jump what a loose cable does; with the
    cable's delay they bend.
    """
    jump = np.full(batch.traces, np.inf)
    line = _scanned(batch, delay, SCANNED)
    if wide.any():
        part = batch.take(wide)
        far = _scanned(part, delay[wide], SCANNED_FAR)
        line[wide] = np.minimum(line[wide], far * part.rows ** (FAR_MORE / part.rows))
    if jumps.any():
        jump[jumps] = _scanned(batch.take(jumps), delay[jumps], SCANNED, jumps=True)
    jump *= batch.rows ** (JUMP_MORE / batch.rows)  # by delta-BIC, as good as one of 3 parameters
    return Nulls((line, 7), (line, 7), (jump, 3), (np.full_like(line, np.inf), 7))


def _scanned(
    batch: Batch, delay: Array, scanned: tuple[Array, Array, Array], *, jumps: bool = False
) -> Array:
    """Return the least cost (N,) over delays about `delay` (N,), beside a line or a jump."""
    cost = np.empty(batch.traces)
    fill_scanned(batch.x, batch.step, batch.y, batch.w, delay, *scanned, jumps, cost)
    return cost


@kernel
def fill_scanned(
    x: Array, step: Array, y: Array, w: Array, delay: Array, far: Array, near: Array,
    nearer: Array, jumps: bool, cost: Array,
) -> None:  # fmt: skip
    """Fill cost (N,) with the least over turns about a delay, then others about the best one."""
    for n in range(y.shape[0]):
        k = n if x.shape[0] > 1 else 0
        at = delay[n]
        for turns in (far, near, nearer):
            tries, costs = np.empty((1, turns.size)), np.empty((1, turns.size))
            for d in range(turns.size):
                tries[0, d] = at + turns[d]
            fill = (x[k : k + 1], step[k : k + 1], y[n : n + 1], w[n : n + 1], tries, costs)
            if jumps:
                fill_jumps(*fill)
            else:
                fill_beside_a_line(*fill)
            best = costs[0].argmin()
            at, cost[n] = tries[0, best], costs[0, best]


@kernel
def fill_jumps(x: Array, step: Array, y: Array, w: Array, delay: Array, out: Array) -> None:
    """Fill out (N, D) with the costs of one jump, at its best place, and a cable of each delay."""
    m = x.shape[1]
    turns, table = np.empty((2, m)), np.empty((2, BLOCK))
    for n in range(y.shape[0]):
        k = n if x.shape[0] > 1 else 0
        for d in range(delay.shape[1]):
            fill_turns(x[k], step[k], -2.0 * math.pi * delay[n, d], table, turns)
            out[n, d] = jump(y[n, :m], y[n, m:], w[n, :m], turns[0], turns[1])


@kernel
def jump(re: Array, im: Array, w: Array, a: Array, b: Array) -> float:
    """Return the cost of two levels, one after the other, beside a + ib times a coefficient."""
    whole = zz = zr = zi = er = ei = pr = pi = 0.0
    for i in range(re.size):
        g = w[i] * w[i]
        whole, zz = whole + g, zz + g * (re[i] * re[i] + im[i] * im[i])
        zr, zi, er, ei = zr + g * re[i], zi + g * im[i], er + g * a[i], ei + g * b[i]
        pr += g * (a[i] * re[i] + b[i] * im[i])
        pi += g * (a[i] * im[i] - b[i] * re[i])
    least, v, yr, yi, tr, ti = zz, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(re.size):
        g = w[i] * w[i]
        v, yr, yi, tr, ti = v + g, yr + g * re[i], yi + g * im[i], tr + g * a[i], ti + g * b[i]
        if v < 1e-9 * whole or v > (1.0 - 1e-9) * whole:
            continue
        p, q = 1.0 / v, 1.0 / (whole - v)
        ar, ai, cr, ci = zr - yr, zi - yi, er - tr, ei - ti  # after the jump
        cost = zz - p * (yr * yr + yi * yi) - q * (ar * ar + ai * ai)
        left = whole - p * (tr * tr + ti * ti) - q * (cr * cr + ci * ci)
        fr = pr - p * (tr * yr + ti * yi) - q * (cr * ar + ci * ai)
        fi = pi - p * (tr * yi - ti * yr) - q * (cr * ai - ci * ar)
        if left > 1e-10 * whole:
            cost -= (fr * fr + fi * fi) / left
        least = min(least, cost)
    return max(least, 0.0)


@kernel
def fill_beside_a_line(x: Array, step: Array, y: Array, w: Array, delay: Array, out: Array) -> None:
    """Fill out (N, D) with the costs of a line and a cable of each delay (N, D)."""
    m = x.shape[1]
    line, rows, turns, table = np.empty(8), np.empty((4, m)), np.empty((2, m)), np.empty((2, BLOCK))
    for n in range(y.shape[0]):
        k = n if x.shape[0] > 1 else 0
        re, im, v = y[n, :m], y[n, m:], w[n, :m]
        straight(x[k], re, im, v, line)
        for i in range(m):
            g = v[i] * v[i]
            rows[0, i], rows[1, i] = g, g * (x[k, i] - line[1])
            rows[2, i], rows[3, i] = g * re[i], g * im[i]
        for d in range(delay.shape[1]):
            fill_turns(x[k], step[k], -2.0 * math.pi * delay[n, d], table, turns)
            out[n, d] = max(line[7] - cable(turns, rows, line), 0.0)


@piece
def straight(x: Array, re: Array, im: Array, w: Array, line: Array) -> None:
    """Fill line: weight, mean x, square of x; z times 1 and times x (Re, Im); what it leaves."""
    total = mean = 0.0
    for i in range(x.size):
        total += w[i] * w[i]
        mean += w[i] * w[i] * x[i]
    total = max(total, 1e-300)
    mean /= total
    square = zr = zi = tr = ti = zz = 0.0
    for i in range(x.size):
        g, t = w[i] * w[i], x[i] - mean
        square += g * t * t
        zr, zi, tr, ti = zr + g * re[i], zi + g * im[i], tr + g * t * re[i], ti + g * t * im[i]
        zz += g * (re[i] * re[i] + im[i] * im[i])
    square = max(square, 1e-300)
    line[0], line[1], line[2] = total, mean, square
    line[3], line[4], line[5], line[6] = zr, zi, tr, ti
    line[7] = zz - (zr * zr + zi * zi) / total - (tr * tr + ti * ti) / square


@piece
def fill_turns(x: Array, step: float, turn: float, table: Array, out: Array) -> None:
    """Fill out (2, M) with exp(i turn x); where points are even, as products of two of them.

    table: (2, BLOCK) to work in. Products of one after the other would wait for each other.
    """
    if step <= 0.0:
        for i in range(x.size):
            out[0, i], out[1, i] = math.cos(turn * x[i]), math.sin(turn * x[i])
        return
    each = complex(math.cos(turn * step), math.sin(turn * step))
    far, start = complex(1.0, 0.0), complex(math.cos(turn * x[0]), math.sin(turn * x[0]))
    for k in range(BLOCK):
        table[0, k], table[1, k] = far.real, far.imag
        far *= each
    for first in range(0, x.size, BLOCK):
        a, b = start.real, start.imag
        for k in range(min(BLOCK, x.size - first)):
            out[0, first + k] = a * table[0, k] - b * table[1, k]
            out[1, first + k] = a * table[1, k] + b * table[0, k]
        start *= far


@piece
def cable(turns: Array, rows: Array, line: Array) -> float:
    """Return by how much turns (2, M) beside the line lower the cost.

    rows (4, M): weights, those times x from its mean, and those times z (Re, Im).
    """
    total, square = line[0], line[2]
    cr = ci = sr = si = pr = pi = 0.0
    for i in range(turns.shape[1]):
        a, b = turns[0, i], turns[1, i]
        cr, ci = cr + rows[0, i] * a, ci + rows[0, i] * b
        sr, si = sr + rows[1, i] * a, si + rows[1, i] * b
        pr += a * rows[2, i] + b * rows[3, i]
        pi += a * rows[3, i] - b * rows[2, i]
    left = total - (cr * cr + ci * ci) / total - (sr * sr + si * si) / square
    pr -= (cr * line[3] + ci * line[4]) / total + (sr * line[5] + si * line[6]) / square
    pi -= (cr * line[4] - ci * line[3]) / total + (sr * line[6] - si * line[5]) / square
    return (pr * pr + pi * pi) / left if left > 1e-10 * total else 0.0
