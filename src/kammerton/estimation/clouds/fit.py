"""The most likely clouds: Fisher's scoring on the shots counted in the cells of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from kammerton.estimation.clouds.cell_kernels import pearson
from kammerton.estimation.clouds.cloud_kernels import (
    FEWEST_DECAYS,
    LEAST,
    NEVER,
    Sides,
    climb,
    fill_rare,
    finish,
    likelihood_of,
)
from kammerton.estimation.clouds.clouds import (
    Grid,
    Layout,
    Paths,
    paths,
)

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

TURNS, BELOW_0 = 20, 10  # of a climb; of clouds that there are the longest in 600 took 14, and 8
CELL = 0.6  # of the width; binning costs 1.5 % of the errors
REACH = 3.9  # widths about a centre that are divided so
FAR = 1e6
COARSE = 12  # cells between clouds that are far apart
NEAREST, FARTHEST = 5, 48  # nodes along a decay
NARROW, WIDE = 0.3, 4.0
MOST_DECAYS, MOST = 3.0, 0.95  # of a readout; fractions of wrong states
BELOW = 0.3  # how far noise may take decays below 0
DEEPER, NEAR, MOST_ERROR = 8, 0.9, 0.3  # turns in which an error meets what it is the error of
GROUP = 10.0  # shots expected in a group of cells that is compared with the shots counted


@dataclass(frozen=True, eq=False)
class Clouds:
    """The fitted theta with its covariance, in units of the width expected at first.

    free: how theta follows the free numbers (T, F). sides, parts, likely, scores: those of the
    kernels, the probability of each cell (P, C) and the derivative of its logarithm (P, T, C), but
    for what noise has taken below 0. expected: shots in each cell (P, C). log_likelihood: of the
    counted shots; lawful: what it is where no decay is below 0.
    """

    layout: Layout
    ways: Paths
    shots: Counted
    theta: Array
    free: Array
    covariance: Array
    sides: Sides
    parts: Array
    expected: Array
    likely: Array
    scores: Array
    log_likelihood: float
    lawful: float

    @cached_property
    def chi2(self) -> tuple[float, float, float]:
        """Return the reduced chi-square, how much of it is too much, and its chance.

        Too much: in parts of the number of shots, so that it does not grow with them.
        """
        terms, groups = pearson(self.expected, self.shots.counts, GROUP)
        freedom = max(1, groups - self.layout.preparations - self.layout.size)
        excess = max(0.0, terms - freedom) / float(self.shots.counts.sum())
        return terms / freedom, excess, float(chdtrc(freedom, terms))

    @cached_property
    def rare(self) -> Array:
        """Return errors of the fractions: of one that seems to be none, as large as it may be.

        Of none at all, what little of it there might be would stand out clearly: at 0 the
        information is many times that at one error from it.
        """
        at, where = physical(self.layout, self.theta), self.layout.fractions
        first = np.diag(self.covariance)
        later = first.copy()
        limits = np.array([NEAR, MOST_ERROR, DEEPER])
        fill_rare(at, self.parts, self.shots.counts, self.free, where.start, limits, later)
        most: Array = np.sqrt(np.maximum(later, first))[where]
        return most


def grid_about(centres: Complex, width: float) -> Grid:
    """Return a grid that is fine about each centre and coarse between them."""
    return Grid(_edges(centres.real, width), _edges(centres.imag, width))


def _edges(centres: Array, width: float) -> Array:
    low, high = centres.min() - REACH * width, centres.max() + REACH * width
    if high - low < 40 * width:
        cells = round((high - low) / (CELL * width))
        inner = low + (high - low) / cells * np.arange(cells + 1)
        return np.concatenate([[-FAR], inner, [FAR]])
    about = np.arange(-REACH, REACH + CELL / 2, CELL) * width
    edges = np.sort((centres[:, None] + about).ravel())
    edges = edges[np.r_[True, np.diff(edges) > 0.3 * CELL * width]]
    fill = [
        np.linspace(a, b, COARSE + 1)[1:-1]
        for a, b in itertools.pairwise(edges)
        if b - a > 1.5 * CELL * width
    ]
    return np.concatenate([[-FAR], np.sort(np.concatenate([edges, *fill])), [FAR]])


def ways_between(centres: Complex, width: float) -> Paths:
    """Return the paths with nodes close enough to look like a smear."""
    longest = max(abs(b - a) for a, b in itertools.pairwise(centres.tolist())) / width
    return paths(len(centres), min(max(round(longest) + 4, NEAREST), FARTHEST))


@dataclass(frozen=True, eq=False)
class Counted:
    """Shots in the cells of a grid: cells, that of every shot by preparation; counts (P, C)."""

    grid: Grid
    cells: list[NDArray[np.intp]]
    counts: Array

    @property
    def edges(self) -> tuple[Array, Array]:
        """Those of the grid, as kernels take them."""
        return self.grid.i, self.grid.q

    @property
    def coarse(self) -> Counted:
        """The same shots in cells of twice the size, of which a climb takes a third of the time."""
        kept = [np.r_[0, 1 : e.size - 1 : 2, e.size - 1] for e in self.edges]
        counts = self.counts.reshape(len(self.counts), *(e.size - 1 for e in self.edges))
        for axis, k in enumerate(kept):
            counts = np.add.reduceat(counts, k[:-1], axis=axis + 1)
        grid = Grid(*(e[k] for e, k in zip(self.edges, kept, strict=True)))
        return Counted(grid, [], np.ascontiguousarray(counts.reshape(len(counts), -1)))


def counted(grid: Grid, sets: list[Complex]) -> Counted:
    """Count the shots of each preparation in the cells of a grid."""
    cells = [grid.cells(z) for z in sets]
    counts = [np.bincount(each, minlength=grid.size) for each in cells]
    return Counted(grid, cells, np.array(counts, dtype=float))


def likelihood(theta: Array, ways: Paths, shots: Counted) -> float:
    """Return the log likelihood of independent counts but for a constant.

    The probabilities add up to more than 1 where a fraction below 0 would make some negative.
    """
    return likelihood_of(theta, ways.arrays, shots.edges, shots.counts)


def fit_clouds(
    start: Array, layout: Layout, ways: Paths, shots: Counted, tied: bool = False,
    worth: Callable[[Array], bool] | None = None,
) -> Clouds | None:  # fmt: skip
    """Climb the likelihood from a start; None if the information is singular.

    tied: state 2 decays twice as often as 1, as in a harmonic ladder. First no decay is below 0:
    there, what should be seen where hardly anything can be has no slope, and a climb may stop.
    worth: whether what that came to (theta) is worth more work; None if not.
    """
    theta, lawful = climbed(start, layout, ways, shots, tied)
    if worth is not None and not worth(theta):
        return None
    best = lawful
    if (theta[layout.decays] <= FEWEST_DECAYS).any():
        theta, best = climbed(theta, layout, ways, shots, tied, lowest=-BELOW, turns=BELOW_0)
    return finished(theta, layout, ways, shots, _directions(layout, tied)[0], (best, lawful))


def climbed(
    start: Array, layout: Layout, ways: Paths, shots: Counted, tied: bool = False,
    lowest: float = FEWEST_DECAYS, needed: float = NEVER, turns: int = TURNS,
) -> tuple[Array, float]:  # fmt: skip
    """Return where the climb from a start ends, and its log likelihood.

    lowest: that a decay may be. needed: the log likelihood that is asked for: a climb that reaches
    it ends at once, and so does one that will not.
    """
    (free, own), within = _directions(layout, tied), _bounds(layout, lowest)
    theta = np.minimum(np.maximum(start, within[0]), within[1])  # np.clip takes twice as long
    best, _ = climb(theta, ways.arrays, shots.edges, shots.counts, free, own, within, needed, turns)
    return theta, best


def finished(
    theta: Array, layout: Layout, ways: Paths, shots: Counted, free: Array,
    reached: tuple[float, float],
) -> Clouds | None:  # fmt: skip
    """Return the clouds of a theta; None if the information is singular."""
    nodes, (x, y), size = len(ways.origin), (e.size - 1 for e in shots.edges), layout.size
    sides = np.empty((3, nodes, x)), np.empty((3, nodes, y))
    parts = np.empty((layout.states, 1 + 3 * layout.states, x, y))
    shape, way = shots.counts.shape, np.empty(free.shape)
    seen, p, slope = np.empty(shape), np.empty(shape), np.empty((shape[0], size, shape[1]))
    if not finish(theta, ways.arrays, shots.edges, shots.counts, free, sides, parts,
                  (seen, p, slope), way):  # fmt: skip
        return None
    expected = seen * shots.counts.sum(axis=1)[:, None]
    return Clouds(layout, ways, shots, theta, free, way @ way.T, sides, parts, expected, p,
                  slope / p[:, None], *reached)  # fmt: skip


@lru_cache(maxsize=8)
def _directions(layout: Layout, tied: bool) -> tuple[Array, NDArray[np.intp]]:
    """Return how theta follows the free numbers (T, F), and which it is that each is (F,)."""
    free = np.eye(layout.size)
    if tied:
        first, second = layout.decays.start, layout.decays.start + 1
        free[second, first] = 2.0
        free = np.delete(free, second, axis=1)
    return free, free.argmax(axis=0)


@lru_cache(maxsize=16)
def _bounds(layout: Layout, lowest: float) -> tuple[Array, Array]:
    low, high = np.full(layout.size, -FAR), np.full(layout.size, FAR)
    low[layout.width], high[layout.width] = NARROW, WIDE
    low[layout.decays], high[layout.decays] = lowest, MOST_DECAYS
    low[layout.fractions], high[layout.fractions] = LEAST, MOST
    return low, high


def physical(layout: Layout, theta: Array) -> Array:
    """Return theta with what noise has taken below 0 at 0."""
    at = theta.copy()
    at[layout.decays] = np.maximum(at[layout.decays], FEWEST_DECAYS)
    at[layout.fractions] = np.maximum(at[layout.fractions], LEAST)
    return at
