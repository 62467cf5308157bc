"""Two lines that avoid each other: their law, where they may run, and the fit of one map.

Two levels with straight branches f1(b), f2(b) and the coupling g lie at

    f = (f1 + f2) / 2 +- sqrt((f1 - f2)^2 / 4 + g^2)

Both together are a conic in b and f, so that five points of it tell all. Many fives of bright
points are tried, and the conic that is bright all along wins (consensus of random samples,
Fischler and Bolles 1981).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import branches, laws
from kammerton.estimation.maps.arcs import BRIGHT, DULL, Candidates
from kammerton.estimation.maps.conics import branches_of, chance_of, conic, drawn, through
from kammerton.estimation.maps.fitted import Fitted, widened
from kammerton.estimation.maps.less_steep import less_steep
from kammerton.estimation.maps.misses import bend, clumping, jump, misses
from kammerton.estimation.maps.objections import LEAST, SHARE
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.ridge import (
    SOLID,
    Columns,
    evened,
    fine,
    peaks,
    scores,
    unwound,
    without_spikes,
)
from kammerton.estimation.maps.squeezed import perhaps_squeezed
from kammerton.estimation.maps.tracks import (
    FANO,
    LINE,
    NEARLY,
    POLE,
    SEEN,
    Tracked,
    follow,
)
from kammerton.estimation.maps.whole import whole

Array = NDArray[np.float64]

MIDDLE, PLACE, MEAN_SLOPE, HALF_SLOPE, G = range(5)  # theta, in windows
APART = 3.0  # widths; branches nearer than that count as one
PAIRS = 60
PLACES = np.linspace(0.06, 0.94, 23)
STEEP = np.array([-16.0, -8.0, -4.0, -2.0, -1.0, 1.0, 2.0, 4.0, 8.0, 16.0])  # windows a window
GAPS = np.array([0.02, 0.04, 0.08, 0.15])
TRIED = 3  # conics that are refined
MANY = 30  # pairs among which different ones are looked for
THINNED = 50  # columns that judge
UNSEEN = -2.0  # what a column in which a branch is not seen counts
BETTER = 12.0  # chi-square that another shape of the line must gain
GOOD = 0.8  # part of the columns that need no other start
EVERY = 6  # starts, of each shape
PATIENCE = 16  # steps after which no other is tried; a crossing takes 5 to 15
LONGEST = 48  # where one branch is found, and hardly any of the other
UNLIKE = 2.0  # reduced chi-square from which it is no branch, but drift
BRANCH = 5  # columns that must show either branch
HOPELESS = 4, 8  # see `tracks.HOPELESS`: a crossing is near its best place after 3 steps
NOISE = 1.2  # reduced chi-square that needs none either
CLEARED = 2
POOR = 0.4  # part of the columns below which a fit is not worth another


@dataclass(frozen=True, eq=False)
class Found(Fitted):
    """Two branches and how they hold.

    shown: columns that show the upper and the lower branch (B, 2). points: the map's bright ones;
    None where they have changed since, as some were set aside. factor: makes y of the fitted model.
    shape: of its lines. turns: steps that it took.
    """

    shown: NDArray[np.bool_]
    points: Candidates | None
    factor: NDArray[np.complex128] | Array
    shape: str
    turns: int

    @cached_property
    def stray(self) -> float:
        """Part of the columns that show a line, but not there."""
        return _stray(self.fit, self.points or _bright(self.c, stripes=False)[1])

    @cached_property
    def jump(self) -> tuple[float, int]:
        """By what chi-square the crossing moves in mid-scan, and where."""
        return jump(self.fit, crossing_law(self.c.b), PLACE, 5)

    @cached_property
    def bend(self) -> float:
        """By what chi-square one of the uncoupled branches is a parabola."""
        law = crossing_law(self.c.b)
        return bend(self.fit, law, _parabolas(law, self.fit.theta), 5)


def crossing_law(b: Array) -> Law:
    """Return the law of theta: both branches, the upper one first."""
    return Law(laws.CROSSING, b)


def find(c: Columns, before: Found | None = None) -> Found | None:
    """Return the best pair of branches, and where one of them is hardly inside, another such.

    before: what was found with other weights; nothing else is looked for if it is still good.
    """
    found = (before and _still(c, before.fit)) or _found(c)
    return found if found is None else _or_less_steep(found)


def _still(c: Columns, fit: Tracked) -> Found | None:
    """Return the pair of branches of a real map that is followed from there, if it is good."""
    found = _refined(c, crossing_law(c.b), fit.theta[:5], fit.width, (LINE, FANO), None,
                     np.ones(len(c.f)))  # fmt: skip
    return found if _good(found) else None


def _found(c: Columns) -> Found | None:
    """Return the best pair of branches; complex spectra with and without their delay."""
    plain = np.ones(len(c.f))
    if c.parts == 1:
        return _best(c, (LINE, FANO), plain, EVERY)
    best = _best(c, (LINE,), plain, 1)  # most are spectra of a qubit, and easy
    if best is not None and _good(best):
        return best
    wound, factor = unwound(c)
    found = [_best(wound, (POLE,), factor, EVERY)]
    if found[0] is None or not _good(found[0]):
        found.append(_best(c, (LINE,), plain, EVERY))
    return max((each for each in found if each is not None), key=_worth, default=None)


def last(c: Columns, found: Found | None) -> Found | None:
    """Add the fit of all points with one height of each branch."""
    if found is None or found.misses.share < SHARE or found.misses.kept.sum() < LEAST:
        return found
    prior, law = (np.zeros(5), np.zeros(5)), crossing_law(c.b)
    whole_map = c if found.shape != POLE else unwound(c)[0]
    best = whole(whole_map, found.c, law, prior, found.fit, found.shape)
    if best is not None and c.parts == 1 and found.shape == LINE:
        best = perhaps_squeezed(best, law)
    return widened(replace(found, whole=best))


def _or_less_steep(found: Found) -> Found:
    """Return the pair that was found, or one less steep that fits better and shows at more places.

    A branch that is steep indeed shows wherever it is inside.
    """
    theta = found.fit.theta[:5].copy()
    slopes = less_steep(theta[MEAN_SLOPE], theta[HALF_SLOPE], theta[G], found.fit.inside)
    if slopes is None or found.misses.chi2_reduced > UNLIKE:
        return found
    theta[[MEAN_SLOPE, HALF_SLOPE, G]] = slopes
    c, shapes = found.c, (LINE, FANO) if found.c.parts == 1 else (found.shape,)
    other = _refined(c, crossing_law(c.b), theta, found.fit.width, shapes, None, found.factor)
    more = int(other.shown.sum()) > int(found.shown.sum())
    return other if more and _worth(other) > _worth(found) else found


def _parabolas(law: Law, theta: Array) -> Array:
    """Return how both branches move (B, 2, 2) as either uncoupled one becomes a parabola."""
    away = law.b - theta[PLACE]
    slope = law.place(theta[:5]).slope
    mean = 0.5 * away[:, None] ** 2 * slope[:, :, MIDDLE].T
    apart = 0.5 * away[:, None] * slope[:, :, HALF_SLOPE].T
    return np.stack([mean + apart, mean - apart], axis=2)


def _worth(found: Found) -> float:
    held = found.misses
    return float(held.kept.sum()) * held.share / max(1.0, held.chi2_reduced) ** 2


def _good(found: Found) -> bool:
    held = found.misses
    return held.share > GOOD and held.chi2_reduced < NOISE and found.stray < 0.1


def _half(found: Found) -> bool:
    """Return whether one branch is found and hardly any of the other, as where that is steep."""
    held, fewest = found.misses, found.shown.sum(axis=0).min()
    return bool(fewest < BRANCH and held.share > GOOD and held.chi2_reduced < UNLIKE)


def _best(
    c: Columns, shapes: tuple[str, ...], factor: NDArray[np.complex128] | Array, tries: int
) -> Found | None:
    law = crossing_law(c.b)
    best: Found | None = None
    taken = 0
    for theta, width, points in islice(_starts(c), tries):
        found = _refined(c, law, theta, width, shapes, points, factor)
        taken += found.turns
        again = best is not None and best.misses.share > GOOD and found.fit.agrees(best.fit)
        if best is None or _worth(found) > _worth(best):
            best = found
        if again or _good(best) or taken > (LONGEST if _half(best) else PATIENCE):
            break  # two roads to one place, or enough of it
    return best


def _starts(c: Columns) -> Iterator[tuple[Array, float, Candidates]]:
    """Yield theta, width and the bright points, in turn of both ways to look for them.

    Moving lines may hide among lines that do not.
    """
    ways = [_seeded(c, stripes) for stripes in (False, True)]
    for _ in range(TRIED):
        for way in ways:
            yield from islice(way, 1)


def _seeded(c: Columns, stripes: bool) -> Iterator[tuple[Array, float, Candidates]]:
    s, points, width = _bright(c, stripes)
    for theta in _seeds(c, s, points, width):
        yield theta, width, points


def _bright(c: Columns, stripes: bool) -> tuple[Array, Candidates, float]:
    """Return how clearly lines stand out, in parts of a typical peak, the peaks, and the width."""
    s, width = scores(c, stripes=stripes)[0]
    s = evened(s)
    at, height = peaks(s, max(2, round(2.0 * width / c.step)), 2)
    return s, Candidates(fine(s, at, c.f), height), width


def _seeds(c: Columns, s: Array, points: Candidates, width: float) -> list[Array]:
    """Return theta of the brightest pairs of branches, brightest first."""
    chance = chance_of(points)
    if np.count_nonzero(chance.max(axis=1)) < 5:
        return []
    rng = np.random.default_rng(21)
    theta = np.concatenate([through(c, points, chance, rng),
                            _crossed(c, s, points, chance, rng, width)])  # fmt: skip
    if len(theta) == 0:  # points that no pair of branches runs through
        return []
    bright = _brightness(c, s, theta, width)
    best = _different(c, theta, bright, width)
    every = np.stack([*best, *(_polished(c, each, points, width) for each in best)])
    return _different(c, every, _brightness(c, s, every, width), width)


def _different(c: Columns, theta: Array, bright: Array, width: float) -> list[Array]:
    """Return the brightest pairs of branches that do not run along one another."""
    best = theta[np.argsort(-bright)[:MANY]]
    lines, found = crossing_law(c.b)(best), [0]
    for k in range(1, len(best)):
        away = np.abs(lines[:, k, None] - lines[:, found]).max(axis=(0, 2))
        if (away > 0.5 * width).all():
            found.append(k)
        if len(found) == TRIED:
            break
    return list(best[found])


def _crossed(
    c: Columns, s: Array, points: Candidates, chance: Array, rng: np.random.Generator,
    width: float,
) -> Array:  # fmt: skip
    """Return theta (T, 5) of the brightest line, crossed by another in many ways.

    That is for a line that is much brighter than its partner.
    """
    column, f = drawn(points, chance, rng, PAIRS, 2)
    apart = c.b[column[:, 1]] - c.b[column[:, 0]]
    far = np.abs(apart) > 0.1
    slope = (f[:, 1] - f[:, 0])[far] / apart[far]
    level = f[far, 0] - slope * c.b[column[far, 0]]
    lines = np.stack([level, 0 * slope, slope, 0 * slope, 0 * slope], axis=1)  # no gap: one line
    if len(lines) == 0:
        return np.empty((0, 5))
    level, _, slope = lines[_brightness(c, s, lines, width).argmax()][:3]
    place, steep, g = (each.ravel() for each in np.meshgrid(PLACES, STEEP, GAPS))
    return np.stack([level + slope * place, place, slope + 0.5 * steep, 0.5 * np.abs(steep), g],
                    axis=1)  # fmt: skip


def _brightness(c: Columns, s: Array, theta: Array, width: float) -> Array:
    """How bright pairs of branches (T, 5) are; where they are one line it counts once."""
    thin, bright = np.arange(0, len(c.b), max(1, len(c.b) // THINNED)), np.empty(len(theta))
    branches.fill_brightness(s, thin, c.b, c.step, theta, APART * max(width, c.step),
                             (SOLID, DULL, UNSEEN), bright)  # fmt: skip
    return bright


def _polished(c: Columns, theta: Array, points: Candidates, width: float) -> Array:
    """Return the conic through all bright points near a pair of branches, by least squares."""
    line = crossing_law(c.b)(theta)
    away = np.abs(points.f[None] - line[:, :, None]).min(axis=0)
    near = (away < 1.5 * max(width, 2 * c.step)) & (points.height > BRIGHT)
    if near.sum() < 8:
        return theta
    b, f = np.broadcast_to(c.b[:, None], near.shape)[near] - 0.5, points.f[near] - 0.5
    solved = np.linalg.lstsq(conic(b, f), -(f**2), rcond=None)[0]
    better, right = branches_of(solved)
    return better if right else theta


def _refined(
    c: Columns, law: Law, theta: Array, width: float, shapes: tuple[str, ...],
    points: Candidates | None, factor: NDArray[np.complex128] | Array,
) -> Found:  # fmt: skip
    prior, whole = (np.zeros(5), np.zeros(5)), c
    shape = shapes[0]
    fit = follow(c, law, theta, prior, width, shape, hopeless=HOPELESS)
    held, turns = misses(c, fit), fit.turns
    for _ in range(CLEARED if fit.step < NEARLY else 0):
        cleared = without_spikes(c, fit.pull.model, fit.pull.reach, held.size)
        if cleared is None or held.share < POOR:
            break
        c = cleared
        fit = follow(c, law, fit.theta[:5], prior, fit.width, shape, hopeless=HOPELESS)
        held, turns = misses(c, fit), turns + fit.turns
    holds = held.share >= POOR and fit.step < NEARLY
    for other in shapes[1:] if holds else ():
        tried = follow(c, law, fit.theta[:5], prior, fit.width, other, hopeless=HOPELESS)
        turns += tried.turns
        if _cost(tried) < _cost(fit) - BETTER:
            fit, held, shape = tried, misses(c, tried), other
    alike = clumping(fit, held)
    if alike > 1.0 and holds:
        fit = follow(c, law, fit.theta[:5], prior, fit.width, shape, alike=alike)
        held, turns = misses(c, fit), turns + fit.turns
    shown = fit.inside & (fit.pull.seen > SEEN) & held.kept[:, None]
    return Found(fit, held, c, shown, points if c is whole else None, factor, shape, turns)


def _cost(fit: Tracked) -> float:
    return float(fit.pull.cost.sum())


def _stray(fit: Tracked, points: Candidates) -> float:
    """Part of the columns whose brightest point lies on neither branch."""
    away = np.abs(points.f[:, :1] - fit.positions.T).min(axis=1)
    bright = points.height[:, 0] > 2 * BRIGHT
    far = bright & (away > max(1.5 * fit.width, 0.02))
    return float(far.sum() / max(1, int(bright.sum())))
