"""Both sides of a punch-out: powers that show the shifted resonator, and those of the bare one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arcs import candidates
from kammerton.estimation.maps.change import changed
from kammerton.estimation.maps.fitted import uneven_apart
from kammerton.estimation.maps.misses import Misses, clumping, misses
from kammerton.estimation.maps.positions import levels
from kammerton.estimation.maps.ridge import Columns, scores
from kammerton.estimation.maps.tracks import FANO, POLE, Tracked, follow
from kammerton.estimation.maps.trend import drifted, track
from kammerton.estimation.maps.two_places import split_at, travelled
from kammerton.estimation.maps.whole import GROUNDS, Free, Whole, follows, holds, shared

Array = NDArray[np.float64]

LEAST = 3  # powers on either side
BRIGHT = 25.0  # chi-square by which a power shows a line
CLEAR = 2  # powers about the change that are left out as well


@dataclass(frozen=True, eq=False)
class Side:
    """The powers on one side and the line that they show."""

    powers: slice
    fit: Tracked
    misses: Misses

    def part(self, c: Columns) -> Columns:
        """Return these powers of a map."""
        return replace(c, b=c.b[self.powers], z=c.z[self.powers], w=c.w[self.powers])


@dataclass(frozen=True, eq=False)
class Found:
    """Both sides; on: part of the bright powers that lie on them.

    moves: the power at which the line does, from 0 to 1, and its variance. bright: which powers
    show a line. travel: from the lowest to the highest of these, in windows, whatever the law.
    whole: both sides as one, where both show lines of one width and height. drift: by how much a
    trend of the line moves both places up to the change, in windows.
    """

    low: Side
    high: Side
    on: float
    moves: tuple[float, float]
    bright: NDArray[np.bool_]
    travel: float
    whole: Whole | None = None
    drift: Array = field(default_factory=lambda: np.zeros(2))

    @property
    def reduced(self) -> float:
        """Reduced chi-square."""
        if self.whole is not None:
            return self.whole.reduced
        return 0.5 * (self.low.misses.chi2_reduced + self.high.misses.chi2_reduced)


def find(c: Columns) -> Found | None:
    """Return where the line changes its place, and both sides; None where few powers show one."""
    s, width = scores(c, stripes=False)[0]
    points = candidates(c, s, width)
    bright = np.asarray(points.height[:, 0] > BRIGHT)
    if bright.sum() < 2 * LEAST:
        return None
    f = points.f[:, 0]
    split = split_at(f, bright, width)
    low = _side(c, f, bright, slice(0, split), width)
    high = _side(c, f, bright, slice(split, len(f)), width)
    if low is None or high is None:
        return None
    first, last = _plain(bright, (low, high), split)
    low = _side(c, f, bright, slice(0, first), width)
    high = _side(c, f, bright, slice(last, len(f)), width)
    if low is None or high is None:
        return None
    sides = _widened(c, low), _widened(c, high)
    near = np.zeros(len(f), dtype=bool)
    for side in sides:
        away = np.abs(f[side.powers] - side.fit.theta[0])
        near[side.powers] |= away < max(side.fit.width, 0.02)
    near[first:last] = True  # the change itself
    moves = changed(
        c, sides[0].fit, sides[1].fit, points.height[:, 0], POLE if c.parts == 2 else FANO,
        max(side.misses.chi2_reduced for side in sides),
    )  # fmt: skip
    each = zip(sides, (c.b[:first], c.b[last:]), strict=True)
    drift = drifted([track(side.fit, side.misses.kept, b) for side, b in each], moves[0])
    return Found(
        *sides, float(near[bright].mean()), moves, bright, travelled(f[bright]),
        drift=drift,
    )  # fmt: skip


def last(c: Columns, found: Found | None) -> Found | None:
    """Add the fit of all powers with one width and height; those of the change join if they fit."""
    if found is None:
        return None
    sides = found.low, found.high
    if min(side.misses.kept.sum() for side in sides) < LEAST:
        return found
    lines = [side.fit.theta[:2] for side in sides]
    start = np.array([lines[0][0], lines[1][0], 0.5 * (lines[0][1] + lines[1][1])])
    high = np.arange(len(c.b)) >= found.high.powers.start
    kept, free = _sides(c, sides)
    shape, prior = POLE if c.parts == 2 else FANO, (np.zeros(2), np.zeros(2))
    for ground in GROUNDS[shape]:
        best = shared(kept, kept, levels(high.astype(np.intp)), prior, start, shape, ground)
        if best is None or not (holds(best, free) and follows(best)):
            continue
        high = _nearest(c, best, high)
        joined = shared(c, kept, levels(high.astype(np.intp)), prior, best.theta, shape, ground)
        good = joined is not None and holds(joined, free)
        return replace(found, whole=joined if good else best)
    return found


def _sides(c: Columns, sides: tuple[Side, Side]) -> tuple[Columns, Free]:
    """Return the map without the change and what was set aside, and what its sides say."""
    cost, near = np.zeros(len(c.b)), np.zeros(c.w.shape, dtype=bool)
    for side in sides:
        kept = side.fit.weight > 0
        cost[side.powers] = side.fit.pull.cost
        near[side.powers] = side.fit.pull.reach & kept[:, None]
    there = np.asarray(near.any(axis=1))
    return replace(c, w=np.where(there[:, None], c.w, 0.0)), Free(
        cost, near, 4 if c.parts == 2 else 3
    )


def _nearest(c: Columns, best: Whole, high: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which powers show the second line: those of the change as it fits them better."""
    used = (best.c.w > 0).any(axis=1)
    first, last = (best.model[part][0] for part in (used & ~high, used & high))
    off = [((np.abs(c.z - model) * c.w) ** 2).sum(axis=1) for model in (first, last)]
    return np.asarray(np.where(used, high, off[1] < off[0]))


def _side(
    c: Columns, f: Array, bright: NDArray[np.bool_], powers: slice, width: float
) -> Side | None:
    mine = f[powers][bright[powers]]
    if len(mine) == 0:
        return None
    part = Columns(c.f, c.b[powers], c.z[powers], c.w[powers], c.parts)
    law = levels(np.zeros(len(part.b), dtype=np.intp))
    start, prior = np.array([np.median(mine)]), (np.zeros(1), np.zeros(1))
    fit = follow(part, law, start, prior, width, POLE if c.parts == 2 else FANO)
    return Side(powers, fit, misses(part, fit))


def _widened(c: Columns, side: Side) -> Side:
    """Return a side whose errors know of what its line leaves that is not noise."""
    fit, held = side.fit, side.misses
    wider = clumping(fit, held) * uneven_apart(side.part(c), fit, held)
    return replace(side, fit=replace(fit, wider=wider))


def _plain(bright: NDArray[np.bool_], sides: tuple[Side, Side], split: int) -> tuple[int, int]:
    """Return where the low power's line ends and where the high power's begins."""
    low, high = (side.misses.kept for side in sides)
    first, last = split, split
    while first > LEAST and bright[first - 1] and not low[first - 1]:
        first -= 1
    while last < len(bright) - LEAST and bright[last] and not high[last - split]:
        last += 1
    return max(min(LEAST, split), first - CLEAR), min(max(len(bright) - LEAST, split), last + CLEAR)
