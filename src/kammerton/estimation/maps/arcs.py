"""Arcs that repeat with the bias: where one may run through a map.

An arc becomes y = alpha + beta cos(2 pi b / P) + gamma sin(2 pi b / P) in a suitable y(f), so that
for a given period three points of it tell the rest. Many triples of bright points are tried, and
the arc that is bright all along wins (consensus of random samples, Fischler and Bolles 1981).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import nearest, threes
from kammerton.estimation.maps.ridge import SOLID, Columns, fine, peaks
from kammerton.estimation.maps.tracks import Place, Positions, most

Array = NDArray[np.float64]

PERIODS = np.geomspace(0.4, 12.0, 14)  # in windows
TRIPLES = 150
BRIGHT = 16.0  # chi-square of a point that may belong to a line
DULL = 6.0  # what noise alone would score at a point that was not chosen
THINNED = 50  # columns that judge
MOST = 36.0  # what a column costs at most


@dataclass(frozen=True, eq=False)
class Candidates:
    """Bright points: of each column (B, C) their frequency and chi-square."""

    f: Array
    height: Array


@dataclass(frozen=True, eq=False)
class Arc:
    """y = level + swing cos(2 pi (b - top) / period); and how bright it is.

    share: part of the columns it crosses in which it is bright.
    """

    level: float
    swing: float
    top: float
    period: float
    bright: float
    share: float


@dataclass(frozen=True)
class Seeker:
    """y(f), f(y), and a law's theta from an arc in y."""

    forward: Callable[[Array], Array]
    back: Callable[[Array], Array]
    start: Callable[[Arc], Array]


def candidates(c: Columns, s: Array, width: float) -> Candidates:
    """Return the two brightest points of each column."""
    at, height = peaks(s, max(2, round(width / c.step)), 2)
    return Candidates(fine(s, at, c.f), height)


def arcs(
    c: Columns, s: Array, found: Candidates, width: float, seeker: Seeker,
    periods: Array = PERIODS,
) -> list[Arc]:  # fmt: skip
    """Return the brightest arc of each period, brightest first."""
    triple = _triples(found.height)
    if triple is None:
        return []
    b, y = c.b[triple[0]], seeker.forward(found.f[triple])
    thin = np.arange(0, len(c.b), max(1, len(c.b) // THINNED))
    lit, edges = s[thin], _edges(c)
    result = [_brightest(c, lit, c.b[thin], b, y, period, width, seeker.back, edges)
              for period in periods]  # fmt: skip
    return sorted((arc for arc in result if arc is not None), key=lambda arc: -arc.bright)


def _triples(height: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return columns and candidates (T, 3) of random triples, bright points more often."""
    chance = np.where(height > BRIGHT, np.minimum(height, SOLID), 0.0)
    if np.count_nonzero(chance.max(axis=1)) < 4:
        return None
    rng = np.random.default_rng(20)
    drawn = rng.choice(chance.size, size=(TRIPLES, 3), p=chance.ravel() / chance.sum())
    column, which = np.unravel_index(drawn, chance.shape)
    different = (np.diff(np.sort(column, axis=1), axis=1) > 0).all(axis=1)
    return (column[different], which[different]) if different.any() else None


def _brightest(
    c: Columns, s: Array, columns: Array, b: Array, y: Array, period: float, width: float,
    back: Callable[[Array], Array], edges: Array,
) -> Arc | None:  # fmt: skip
    turn = 2 * np.pi / period
    solved, line = np.empty((len(b), 3)), np.zeros((len(b), len(columns)))
    threes.fill_arcs(b, y, columns, turn, solved, line)
    bright, share = np.empty(len(b)), np.empty(len(b))
    threes.fill_brightness(s, (SOLID, DULL, BRIGHT), back(line), edges, c.step,
                           max(width, 2 * c.step), bright, share)  # fmt: skip
    bright[~solved.any(axis=1)] = threes.DARK
    best = int(bright.argmax())
    if bright[best] <= threes.DARK:
        return None
    level, cos, sin = solved[best]
    return Arc(float(level), float(np.hypot(cos, sin)), float(np.arctan2(sin, cos) / turn), period,
               float(bright[best]), float(share[best]))  # fmt: skip


def _edges(c: Columns) -> Array:
    """Return what lies between the frequencies; nothing where they are evenly spaced."""
    middle = 0.5 * (c.f[1:] + c.f[:-1])
    even = np.abs(np.diff(middle) - c.step).max() < 1e-3 * c.step
    return middle[:0] if even else middle


def through_points(
    c: Columns, law: Positions, start: Array, prior: tuple[Array, Array], found: Candidates,
    width: float,
) -> tuple[Array, float]:  # fmt: skip
    """Fit a law of one line to the bright points near it; return theta and how well it does."""
    theta, rate, damped = start.copy(), 1e-3, slice(None, None, len(start) + 1)
    error = np.where(found.height > BRIGHT, np.maximum(width / np.sqrt(np.maximum(found.height, 1)),
                     0.3 * c.step), np.inf)  # fmt: skip
    reach = 4.0 * max(width, 2 * c.step)
    there = Place.of(law, theta)
    now, known = _near(there.at[0], found, error, reach), prior[1] ** 2
    for turn in range(12):
        miss, weight, cost = now
        slope = there.slope[0] * weight[:, None]
        hessian = slope.T @ slope
        diagonal = hessian.ravel()[damped]
        diagonal += known
        diagonal += rate * diagonal + 1e-12
        step = np.linalg.solve(hessian, slope.T @ (miss * weight) + known * (prior[0] - theta))
        moved = most(np.abs(slope @ step)) / max(1e-9, float(weight.max()))
        step *= min(1.0, 0.3 / max(moved, 1e-300))
        moved_to = Place.of(law, theta + step)
        tried = _near(moved_to.at[0], found, error, reach)
        if tried[2] <= cost or turn < 2:
            theta, there, now, rate = theta + step, moved_to, tried, rate * 0.2
            if turn > 3 and np.abs(slope @ step).max() < 0.1:
                break
        else:
            rate *= 20.0
        reach = max(0.8 * reach, 1.5 * max(width, 2 * c.step))
    return theta, now[2]


def _near(line: Array, found: Candidates, error: Array, reach: float) -> tuple[Array, Array, float]:
    """Return the miss of the nearest point of each column, its weight, and what they cost."""
    miss, weight = np.empty((2, len(line)))
    return miss, weight, nearest.fill_near(line, found.f, error, reach, MOST, miss, weight)
