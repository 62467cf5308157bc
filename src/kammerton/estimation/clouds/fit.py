"""The most likely clouds: Fisher's scoring on the shots counted in the cells of a grid."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from kammerton.estimation.clouds.clouds import Grid, Layout, Paths, paths, probabilities, slopes

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

CELL = 0.6  # of the width; binning costs 1.5 % of the errors
REACH = 3.9  # widths about a centre that are divided so
FAR = 1e6
COARSE = 12  # cells between clouds that are far apart
NEAREST, FARTHEST = 5, 48  # nodes along a decay
TURNS = 40
SETTLED = 2e-5  # gain of log likelihood that is not worth another turn
NARROW, WIDE = 0.3, 4.0
MOST_DECAYS, MOST = 3.0, 0.95  # of a readout; fractions of wrong states
BELOW = 0.3, 0.1  # how far noise may take decays and fractions below 0
FEWEST_DECAYS, LEAST = 1e-4, 1e-6  # for error bars, which are those of a law that can be true
DEEPER, NEAR, MOST_ERROR = 8, 0.9, 0.3  # turns in which an error meets what it is the error of
GROUP = 10.0  # shots expected in a group of cells that is compared with the shots counted


@dataclass(frozen=True, eq=False)
class Clouds:
    """The fitted theta with its covariance, in units of the width expected at first.

    log_likelihood: of the counted shots. scores: derivative of the log probability of each cell
    (P, T, C). expected: shots in each cell (P, C). rare: errors of the fractions, also of those
    that seem to be none.
    """

    layout: Layout
    ways: Paths
    shots: Counted
    theta: Array
    covariance: Array
    expected: Array
    scores: Array
    log_likelihood: float
    rare: Array

    def chi2(self) -> tuple[float, float, float]:
        """Return the reduced chi-square, how much of it is too much, and its chance.

        Too much: in parts of the number of shots, so that it does not grow with them.
        """
        terms, groups = _pearson(self.expected, self.shots.counts)
        freedom = max(1, groups - self.layout.preparations - self.layout.size)
        excess = max(0.0, terms - freedom) / float(self.shots.counts.sum())
        return terms / freedom, excess, float(chdtrc(freedom, terms))


def grid_about(centres: Complex, width: float) -> Grid:
    """Return a grid that is fine about each centre and coarse between them."""
    return Grid(_edges(centres.real, width), _edges(centres.imag, width))


def _edges(centres: Array, width: float) -> Array:
    low, high = centres.min() - REACH * width, centres.max() + REACH * width
    if high - low < 40 * width:
        inner = np.linspace(low, high, 1 + round((high - low) / (CELL * width)))
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
    longest = float(np.abs(np.diff(centres)).max()) / width
    return paths(len(centres), int(np.clip(round(longest) + 4, NEAREST, FARTHEST)))


@dataclass(frozen=True, eq=False)
class Counted:
    """Shots in the cells of a grid: cells, that of every shot by preparation; counts (P, C)."""

    grid: Grid
    cells: list[NDArray[np.intp]]
    counts: Array


def counted(grid: Grid, sets: list[Complex]) -> Counted:
    """Count the shots of each preparation in the cells of a grid."""
    cells = [grid.cells(z) for z in sets]
    counts = [np.bincount(each, minlength=grid.size) for each in cells]
    return Counted(grid, cells, np.array(counts, dtype=float))


def likelihood(theta: Array, layout: Layout, ways: Paths, shots: Counted) -> float:
    """Return the log likelihood of independent counts but for a constant.

    The probabilities add up to more than 1 where a fraction below 0 would make some negative.
    """
    p, each = probabilities(theta, layout, ways, shots.grid), shots.counts.sum(axis=1)
    return float((shots.counts * np.log(p)).sum() - each @ (p.sum(axis=1) - 1.0))


def fit_clouds(
    start: Array, layout: Layout, ways: Paths, shots: Counted, tied: bool = False,
    bounded: bool = False,
) -> Clouds | None:  # fmt: skip
    """Climb the likelihood from a start; None if the information is singular.

    tied: state 2 decays twice as often as 1, as in a harmonic ladder. bounded: no decay and no
    fraction is below 0. First none is in any case: below 0, what should be seen where hardly
    anything can be has no slope, and a climb may stop there.
    """
    free, (low, high) = _directions(layout, tied), _bounds(layout)
    least = physical(layout, low)
    theta, best = _climbed(np.clip(start, least, high), layout, ways, shots, free, (least, high))
    if not bounded and (theta[layout.decays.start :] <= least[layout.decays.start :]).any():
        theta, best = _climbed(theta, layout, ways, shots, free, (low, high))
    return _finished(theta, layout, ways, shots, free, best)


def _climbed(
    theta: Array, layout: Layout, ways: Paths, shots: Counted, free: Array,
    within: tuple[Array, Array],
) -> tuple[Array, float]:  # fmt: skip
    """Return where the climb from theta ends, and its log likelihood."""
    best, damping = likelihood(theta, layout, ways, shots), 0.0
    fresh = True
    for _ in range(TURNS):
        if fresh:
            gradient, information = _scoring(theta, layout, ways, shots, free)
        step = _step(gradient, information, damping, free, theta, *within)
        if float(gradient @ step) < SETTLED:
            break
        trial = np.clip(theta + free @ step, *within)
        there = likelihood(trial, layout, ways, shots) if _possible(layout, trial) else -np.inf
        fresh = there > best
        if fresh:
            gain, theta, best, damping = there - best, trial, there, damping * 0.2
            if gain < SETTLED:
                break
        else:
            damping = max(4 * damping, 0.1)
            if damping > 1e6:
                break
    return theta, best


def _scoring(
    theta: Array, layout: Layout, ways: Paths, shots: Counted, free: Array
) -> tuple[Array, Array]:
    """Return gradient and Fisher information of the log likelihood along the free directions."""
    p, slope = slopes(theta, layout, ways, shots.grid)
    each = shots.counts.sum(axis=1)[:, None]
    gradient = np.einsum("itc,ic->t", slope, shots.counts / p - each)
    at = physical(layout, theta)
    p, slope = (p, slope) if (at == theta).all() else slopes(at, layout, ways, shots.grid)
    return free.T @ gradient, free.T @ _information(p, slope, shots) @ free


def _information(p: Array, slope: Array, shots: Counted) -> Array:
    total = shots.counts.sum(axis=1)[:, None]
    result: Array = ((slope * (total / p)[:, None]) @ slope.swapaxes(1, 2)).sum(axis=0)
    return result


def _step(
    gradient: Array, information: Array, damping: float, free: Array, theta: Array,
    low: Array, high: Array,
) -> Array:  # fmt: skip
    """Return the step along the free directions; those at a bound stay unless they lead away."""
    own = free.argmax(axis=0)
    held = (theta[own] <= low[own]) & (gradient < 0) | (theta[own] >= high[own]) & (gradient > 0)
    loose = ~held
    metric = information[np.ix_(loose, loose)]
    metric = metric + np.diag(np.diag(metric)) * damping + 1e-9 * np.eye(int(loose.sum()))
    step = np.zeros(len(gradient))
    step[loose] = np.linalg.solve(metric, gradient[loose])
    return step


def _finished(
    theta: Array, layout: Layout, ways: Paths, shots: Counted, free: Array, best: float
) -> Clouds | None:
    at = physical(layout, theta)
    p, slope = slopes(at, layout, ways, shots.grid)
    covariance = _inverse(p, slope, shots, free)
    if covariance is None:
        return None
    expected = probabilities(theta, layout, ways, shots.grid)
    expected *= shots.counts.sum(axis=1)[:, None]
    return Clouds(
        layout,
        ways,
        shots,
        theta,
        covariance,
        expected,
        slope / p[:, None],
        best,
        _errors_of_fractions(at, layout, ways, shots, free, covariance),
    )


def _covariance(
    at: Array, layout: Layout, ways: Paths, shots: Counted, free: Array
) -> Array | None:  # fmt: skip
    """Return the covariance of theta; None if the information is singular."""
    return _inverse(*slopes(at, layout, ways, shots.grid), shots, free)


def _inverse(p: Array, slope: Array, shots: Counted, free: Array) -> Array | None:
    try:
        inverse = np.linalg.inv(free.T @ _information(p, slope, shots) @ free)
    except np.linalg.LinAlgError:
        return None
    good = np.isfinite(inverse).all() and (np.diag(inverse) > 0).all()
    return np.asarray(free @ inverse @ free.T) if good else None


def _errors_of_fractions(
    at: Array, layout: Layout, ways: Paths, shots: Counted, free: Array, covariance: Array
) -> Array:  # fmt: skip
    """Return errors of fractions, of which one that seems to be none may be as large as its error.

    Of none at all, what little of it there might be would stand out clearly: at 0 the information
    is many times that at one error from it.
    """
    at, rare, later = at.copy(), layout.fractions, covariance
    for _ in range(DEEPER):
        error = np.sqrt(np.diag(later))[rare]
        if (at[rare] >= NEAR * error).all():
            break
        at[rare] = np.maximum(at[rare], np.minimum(error, MOST_ERROR))
        again = _covariance(at, layout, ways, shots, free)
        later = later if again is None else again
    result: Array = np.sqrt(np.maximum(np.diag(later), np.diag(covariance)))[rare]
    return result


def _directions(layout: Layout, tied: bool) -> Array:
    """Return how theta follows the free numbers (T, F)."""
    free = np.eye(layout.size)
    if not tied:
        return free
    first, second = layout.decays.start, layout.decays.start + 1
    free[second, first] = 2.0
    return np.delete(free, second, axis=1)


def _bounds(layout: Layout) -> tuple[Array, Array]:
    low, high = np.full(layout.size, -FAR), np.full(layout.size, FAR)
    low[layout.width], high[layout.width] = NARROW, WIDE
    low[layout.decays], high[layout.decays] = -BELOW[0], MOST_DECAYS
    low[layout.fractions], high[layout.fractions] = -BELOW[1], MOST
    return low, high


def physical(layout: Layout, theta: Array) -> Array:
    """Return theta with what noise has taken below 0 at 0."""
    at = theta.copy()
    at[layout.decays] = np.maximum(at[layout.decays], FEWEST_DECAYS)
    at[layout.fractions] = np.maximum(at[layout.fractions], LEAST)
    return at


def _possible(layout: Layout, theta: Array) -> bool:
    """Whether no preparation has begun less than never in its own state."""
    return bool((layout.began(theta) > 0).all())


def _pearson(expected: Array, counts: Array) -> tuple[float, int]:
    """Return chi-square and how many groups, cells with few shots taken together."""
    total, groups = 0.0, 0
    for mean, seen in zip(expected, counts, strict=True):
        group = np.floor(np.cumsum(mean) / GROUP).astype(int)
        together, there = np.bincount(group, mean), np.bincount(group, seen)
        kept = together > 0.3 * GROUP
        total += float(((there - together)[kept] ** 2 / together[kept]).sum())
        groups += int(kept.sum())
    return total, groups
