"""Arcs of other periods through the bright points of a map.

Where more than one period is swept, a few points on a flank of the next arc tell the period far
better than the whole arc in the middle, whose bend hangs on the junctions, too. A fit that begins
a few per cent off takes one of those points for another, loses the rest of them, and is wrong by
many of its errors; or it lets a next arc run where nothing is. So where bright points lie beside
an arc, or it runs through dull ones, periods are tried in small steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arcs import THINNED, Candidates, through_points
from kammerton.estimation.maps.misses import Misses
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.ridge import Columns
from kammerton.estimation.maps.tracks import Tracked

Array = NDArray[np.float64]

STEPS = np.arange(-16, 17) * 0.04  # of the logarithm; points are caught from as far
FIXED = 1e5  # 1/sigma of a period that is not free
BESIDE = 2.0  # widths from a line that leaves the window at which a point is not its own
CLEAR = 24.0  # chi-square of a point that is not noise, in any column
ALIKE, DULL = 0.3, 0.15  # parts of a typical chi-square that a line shows, or nothing
GAIN = 4.0  # chi-square by which another must explain more
TRIED = 2
SAME = 2e-3  # of the logarithm of two periods that are one


@dataclass(frozen=True, eq=False)
class Periods:
    """How other periods are tried.

    another: theta with a period longer by a factor, whose logarithm is given, and the same
    curvature; which: where theta holds that logarithm; possible: whether there can be such a theta.
    """

    another: Callable[[Array, float], Array]
    which: int
    possible: Callable[[Array], bool]


def doubtful(c: Columns, points: Candidates, held: Misses, fit: Tracked) -> bool:
    """Return whether there is a bright point beside the arc, or none where there should be one."""
    line, typical = fit.positions[0], _typical(held, fit)
    away = np.abs(points.f[:, 0] - line) > BESIDE * fit.width
    bright = points.height[:, 0] > max(CLEAR, ALIKE * typical)
    shape = 1.0 / (1.0 + np.square((c.f - line[:, None]) / (0.5 * fit.width)))
    told = np.square(c.w * shape).sum(axis=1)  # less where points are missing
    usual = float(np.median(told[held.kept])) if held.kept.any() else np.inf
    expected = typical * np.minimum(told / usual, 1.0)
    dull = held.inside & (expected > CLEAR) & (fit.pull.seen.max(axis=1) < DULL * expected)
    return bool((dull | (bright & ~held.kept & (held.inside | away))).any())


def _typical(held: Misses, fit: Tracked) -> float:
    """Return the chi-square of a column that shows the line."""
    return float(np.median(fit.pull.seen[held.kept])) if held.kept.any() else 0.0


def told(held: Misses, fit: Tracked) -> float:
    """Return by what chi-square a line of one height explains the columns it runs through."""
    return float(_gain(fit.pull.seen.max(axis=1), held.inside, _typical(held, fit)))


def _gain(seen: Array, inside: NDArray[np.bool_], typical: float) -> Array:
    """Return it of columns (.., B): where there should be a line and is none, it is a loss."""
    each = 2.0 * np.sqrt(typical * np.minimum(seen, typical)) - typical
    return np.asarray(np.where(inside, each, 0.0).sum(axis=-1))


def other_periods(
    c: Columns, law: Law, prior: tuple[Array, Array], fit: Tracked, held: Misses,
    points: Candidates, s: Array, periods: Periods,
) -> list[Array]:  # fmt: skip
    """Return a few theta (P,) that explain more of scores s (B, A) than the arc that was found."""
    start, which = fit.theta[: len(prior[0])], periods.which
    there = np.repeat([periods.another(start, step) for step in STEPS], 2, axis=0)
    some = slice(None, None, max(1, len(c.b) // THINNED))
    tried = through_points(c, law.part(some), there, _in_turn_held(prior, which, there),
                           points.part(some), fit.width)[0]  # fmt: skip
    thetas = np.array([start, *filter(periods.possible, tried)])
    line = law(thetas)[0]
    inside = (line > 0.5 * fit.width) & (line < 1.0 - 0.5 * fit.width)
    at = np.clip(np.searchsorted(0.5 * (c.f[1:] + c.f[:-1]), line), 0, len(c.f) - 1)
    gain = _gain(s[np.arange(len(c.b)), at], inside, _typical(held, fit))
    more = [n for n in np.argsort(-gain, kind="stable") if gain[n] > gain[0] + GAIN]
    return _different([thetas[n] for n in more], which)


def _different(thetas: list[Array], which: int) -> list[Array]:
    """Return the first few of different periods."""
    found: list[Array] = []
    for theta in thetas:
        if all(abs(theta[which] - each[which]) > SAME for each in found):
            found.append(theta)
        if len(found) == TRIED:
            break
    return found


def _in_turn_held(prior: tuple[Array, Array], which: int, there: Array) -> tuple[Array, Array]:
    """Return the prior (T, P) of each theta there (T, P), every other with the period it has."""
    mean, sure = (np.repeat(each[None], len(there), axis=0) for each in prior)
    mean[1::2, which], sure[1::2, which] = there[1::2, which], FIXED
    return mean, sure
