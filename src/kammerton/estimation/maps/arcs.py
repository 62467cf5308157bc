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

from kammerton.estimation.maps import laws, threes
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.ridge import SOLID, Columns, fine, peaks

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

    def part(self, columns: slice) -> Candidates:
        """Return those of some columns."""
        return Candidates(*(np.ascontiguousarray(each[columns]) for each in (self.f, self.height)))


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
    """y(f), and a law's theta from an arc in y.

    shift: y = (1 + f / shift)^4, in which a transmon's arc is a cosine; 0 where y = f. draw: which
    of the random triples are tried. bright: chi-square of a point that may belong to a line.
    """

    shift: float
    start: Callable[[Arc], Array]
    draw: int = 20
    bright: float = BRIGHT

    def forward(self, f: Array) -> Array:
        """Return y(f)."""
        return f if self.shift == 0.0 else np.asarray((1.0 + f / self.shift) ** 4)

    def slope(self, f: Array) -> Array:
        """Return dy/df."""
        if self.shift == 0.0:
            return np.ones_like(f)
        return np.asarray(4.0 / self.shift * (1.0 + f / self.shift) ** 3)


def candidates(c: Columns, s: Array, width: float) -> Candidates:
    """Return the two brightest points of each column."""
    at, height = brightest(c, s, width)
    return Candidates(fine(s, at, c.f), height)


def brightest(c: Columns, s: Array, width: float) -> tuple[NDArray[np.intp], Array]:
    """Return which points of each column these are, and their chi-square (B, 2)."""
    return peaks(s, max(2, round(width / c.step)), 2)


def arcs(
    c: Columns, s: Array, found: Candidates, width: float, seeker: Seeker,
    periods: Array = PERIODS,
) -> list[Arc]:  # fmt: skip
    """Return the brightest arc of each period, brightest first."""
    triple = _triples(found.height, seeker)
    if triple is None:
        return []
    y, thin = seeker.forward(found.f[triple]), np.arange(0, len(c.b), max(1, len(c.b) // THINNED))
    best = np.empty((len(periods), 5))
    threes.fill_brightest(
        c.b[triple[0]], y, periods, c.b[thin], s[thin], (SOLID, DULL, seeker.bright), seeker.shift,
        _edges(c), c.step, max(width, 2 * c.step), best,
    )  # fmt: skip
    result = [_arc(period, *each) for period, each in zip(periods, best, strict=True)
              if each[3] > threes.DARK]  # fmt: skip
    return sorted(result, key=lambda arc: -arc.bright)


def _arc(period: float, level: float, cos: float, sin: float, bright: float, share: float) -> Arc:
    top = float(np.arctan2(sin, cos)) * period / (2 * np.pi)
    return Arc(float(level), float(np.hypot(cos, sin)), top, float(period), float(bright),
               float(share))  # fmt: skip


def _triples(height: Array, seeker: Seeker) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return columns and candidates (T, 3) of random triples, bright points more often."""
    chance = np.where(height > seeker.bright, np.minimum(height, SOLID), 0.0)
    if np.count_nonzero(chance.max(axis=1)) < 4:
        return None
    rng = np.random.default_rng(seeker.draw)
    drawn = rng.choice(chance.size, size=(TRIPLES, 3), p=chance.ravel() / chance.sum())
    column, which = np.unravel_index(drawn, chance.shape)
    different = (np.diff(np.sort(column, axis=1), axis=1) > 0).all(axis=1)
    return (column[different], which[different]) if different.any() else None


def _edges(c: Columns) -> Array:
    """Return what lies between the frequencies; nothing where they are evenly spaced."""
    middle = 0.5 * (c.f[1:] + c.f[:-1])
    even = np.abs(np.diff(middle) - c.step).max() < 1e-3 * c.step
    return middle[:0] if even else middle


def through_points(
    c: Columns,
    law: Law,
    starts: Array,
    prior: tuple[Array, Array],
    found: Candidates,
    width: float,
    bright: float = BRIGHT,
) -> tuple[Array, Array]:
    """Fit a law of one line to the bright points near it; return theta (T, P) and how well (T,).

    starts (T, P); prior: mean and 1/sigma, of all (P,) or of each (T, P).
    """
    error = np.where(found.height > bright, np.maximum(width / np.sqrt(np.maximum(found.height, 1)),
                     0.3 * c.step), np.inf)  # fmt: skip
    theta, cost, least = starts.copy(), np.empty(len(starts)), 1.5 * max(width, 2 * c.step)
    mean, sure = (np.array(np.broadcast_to(each, theta.shape)) for each in prior)
    laws.run_through(law.code, law.numbers, law.b, found.f, error, mean, np.square(sure), least,
                     MOST, theta, cost)  # fmt: skip
    return theta, cost
