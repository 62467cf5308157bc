"""Arcs through three points each, and how bright the map is along them.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel, making_piece, piece

Array = NDArray[np.float64]

FLAT = 1e-5  # determinant from which three points tell an arc
DARK = -1e300


@kernel
def fill_brightest(
    b: Array, y: Array, periods: Array, columns: Array, s: Array,
    limits: tuple[float, float, float], shift: float, edges: Array, step: float, least: float,
    best: Array,
) -> None:  # fmt: skip
    """Fill the brightest arc through three points b, y (T, 3) of each period (P,).

    best (P, 5): level, cosine, sine; how bright it is in s (B, A), at biases `columns`, DARK where
    there is none; and its share. shift: see `arcs.Seeker`. The rest: see `fill_brightness`.
    """
    arcs = b.shape[0]
    solved, line = np.empty((arcs, 3)), np.empty((arcs, columns.size))
    bright, share = np.empty(arcs), np.empty(arcs)
    for p in range(periods.size):
        line[:, :] = -1.0  # outside, where the points tell no arc
        fill_arcs(b, y, columns, 2.0 * math.pi / periods[p], solved, line)
        if shift != 0.0:
            for t in range(arcs):
                for i in range(columns.size):
                    line[t, i] = (math.sqrt(math.sqrt(max(line[t, i], 0.0))) - 1.0) * shift
        fill_brightness(s, limits, line, edges, step, least, bright, share)
        top = 0
        for t in range(1, arcs):
            top = t if bright[t] > bright[top] else top
        best[p, 0], best[p, 1], best[p, 2] = solved[top, 0], solved[top, 1], solved[top, 2]
        best[p, 3], best[p, 4] = bright[top], share[top]


@making_piece
def fill_arcs(b: Array, y: Array, columns: Array, turn: float, solved: Array, line: Array) -> None:
    """Solve level + cos(turn b) + sin(turn b) through points b, y (T, 3).

    Fills the coefficients (T, 3), 0 where the points do not tell them, and y along the columns
    (T, B).
    """
    wave = np.empty((2, columns.size))
    for i in range(columns.size):
        wave[0, i], wave[1, i] = math.cos(turn * columns[i]), math.sin(turn * columns[i])
    least = FLAT * min(1.0, turn) ** 3
    cos, sin = np.empty(3), np.empty(3)
    for t in range(b.shape[0]):
        for k in range(3):
            cos[k], sin[k] = math.cos(turn * b[t, k]), math.sin(turn * b[t, k])
        c1, c2, s1, s2 = cos[1] - cos[0], cos[2] - cos[0], sin[1] - sin[0], sin[2] - sin[0]
        size = c1 * s2 - c2 * s1
        if abs(size) <= least:
            solved[t] = 0.0
            continue
        y1, y2 = y[t, 1] - y[t, 0], y[t, 2] - y[t, 0]
        p, q = (y1 * s2 - y2 * s1) / size, (c1 * y2 - c2 * y1) / size
        level = y[t, 0] - p * cos[0] - q * sin[0]
        solved[t, 0], solved[t, 1], solved[t, 2] = level, p, q
        for i in range(columns.size):
            line[t, i] = level + p * wave[0, i] + q * wave[1, i]


@piece
def fill_brightness(
    s: Array, limits: tuple[float, float, float], line: Array, edges: Array, step: float,
    least: float, bright: Array, share: Array,
) -> None:  # fmt: skip
    """Fill how bright lines (T, B) are in s (B, A); DARK where one moves by no more than `least`.

    limits: what counts no more, what noise alone shows, and what is bright. share: part of the
    columns inside that are bright. edges: between the frequencies of s, or none where they are
    evenly spaced by `step`.
    """
    solid, dull, lit = limits
    for t in range(line.shape[0]):
        total, low, high, inside, shown = 0.0, 2.0, -1.0, 0, 0
        for i in range(line.shape[1]):
            f = line[t, i]
            if 0.0 <= f <= 1.0:
                point = int(f / step + 0.5) if edges.size == 0 else np.searchsorted(edges, f)
                total += min(s[i, point], solid) - dull
                low, high = min(low, f), max(high, f)
                inside += 1
                shown += s[i, point] > lit
        bright[t] = total if high - low > least else DARK
        share[t] = shown / max(1, inside)
