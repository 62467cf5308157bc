"""One arc in one map: found among bright points, then fitted to the whole image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arc import FAINTEST, Found, Model
from kammerton.estimation.maps.arcs import (
    BRIGHT,
    DULL,
    MOST,
    Candidates,
    arcs,
    through_points,
)
from kammerton.estimation.maps.lit import Lit, Pictures
from kammerton.estimation.maps.misses import Misses, clumping, misses
from kammerton.estimation.maps.objections import LEAST, LOOSE, SHARE, no_lines
from kammerton.estimation.maps.periods import Periods, doubtful, other_periods, told
from kammerton.estimation.maps.ridge import (
    Columns,
    without_spikes,
    without_stripes,
)
from kammerton.estimation.maps.second_arc import LOG_PERIOD, LOG_PERIODS, second_arc
from kammerton.estimation.maps.tracks import (
    CLOSE,
    FULL,
    ITERATIONS,
    NEARLY,
    PATIENCE,
    UNLIKE,
    Tracked,
    follow,
    within,
)

Array = NDArray[np.float64]

TRIED = 3  # arcs that are refined
THROUGH = 0.97  # part of what all bright points together can gain that needs no other arc
WELL = 0.93  # part from which two that lead to one place are enough
LIKE = 0.25  # brightness, in parts of an arc's, from which another arc counts
POOR = 0.4  # part below which another start does not help
UNSETTLED = 0.3  # what a fit that would go further is worth
CLEARED = 3  # times that single stray points are looked for
HOPELESS = 6, 14  # see `tracks.HOPELESS`; an arc is near its best place after 5 steps, or slow
HINT = 0.3  # part of its columns in which an arc must be bright to be looked at
SAME = 0.1  # windows by which two tops may differ that are one
SOON = 6  # steps within which a clear arc is found in a part of a map
ENOUGH = 30  # steps after which no other triples are tried
LATEST, ROUNDS = 60, 2  # steps after which no other periods are followed; how often they may be
QUICK = 8  # steps for other triples; most that lead anywhere take 5
FAINT = 9.0  # chi-square of a bright point where hardly a column shows a line for itself


def find(c: Columns, model: Model, before: Found | None = None) -> Found | None:
    """Return the best arc of a map; None where there is nothing to start from.

    Where columns do not follow it, and it was found soon, other triples of points may lead to a
    better one. before: what was found with other weights; no other is looked for if it holds.
    """
    pictures = Pictures(c)
    held = None if before is None else _still(c, pictures, model, before)
    if held is not None:
        return _alone(c, held, model)
    best = _fainter(c, pictures, model, _best(c, pictures, model, within(c, PATIENCE)))
    if best is None:
        return None
    soon = best.turns < within(c, ENOUGH) or best.best.misses.share > FULL
    if soon and not _clear(best.best, FULL):
        others = replace(model, seeker=replace(model.seeker, draw=model.seeker.draw + 1))
        other = _best(c, pictures, others, QUICK)
        best = other if other is not None and _worth(other.best) > _worth(best.best) else best
    best, there = _at_its_period(c, best, model)
    return replace(_alone(c, best, model), places=there)


def _still(c: Columns, pictures: Pictures, model: Model, before: Found) -> _Seen | None:
    """Return an arc that is followed from where it was found; None where it is no longer clear."""
    best = _followed(c, before.theta[:-1], before.fit.width, model)
    lit = next(pictures.of(stripes=True))
    return _Seen(best, lit.s, lit.width, lit.points, best.turns) if _clear(best, SHARE) else None


def _fainter(c: Columns, pictures: Pictures, model: Model, best: _Seen | None) -> _Seen | None:
    """Return an arc through fainter points where one through bright ones shows in few columns."""
    if best is not None:
        said = best.best.fit.pull
        if best.best.misses.share > SHARE or said.cost.sum() > UNLIKE * said.freedom.sum():
            return best
    faint = replace(model, seeker=replace(model.seeker, bright=FAINT))
    other = _best(c, pictures, faint, SOON)
    if other is None or not _told_by_all(other.best):
        return best
    return best if best is not None and _shown(best.best) > _shown(other.best) else other


def _told_by_all(found: Followed) -> bool:
    """Return whether columns show an arc, on average, as points of noise do not."""
    seen, inside = found.fit.pull.seen[:, 0], found.misses.inside
    return bool(inside.sum() >= LEAST and seen[inside].mean() > FAINTEST)


def _shown(found: Followed) -> float:
    """Return by what chi-square an arc shows beyond chance, in all columns together."""
    return float(found.fit.pull.seen[found.misses.inside].sum() - DULL * found.misses.inside.sum())


def _at_its_period(c: Columns, seen: _Seen, model: Model) -> tuple[_Seen, list[Array]]:
    """Return the arc of the period that explains most, and other places where it may lie."""
    there, periods, taken = list[Array](), model.periods, seen.turns
    if periods is None or no_lines(seen.best.misses):
        return seen, there
    for _ in range(ROUNDS):
        best = first = seen.best
        if best.misses.share < POOR or not doubtful(c, seen.points, best.misses, best.fit):
            break
        there = other_periods(c, model.law, model.prior, best.fit, best.misses, seen.points, seen.s,
                              periods)  # fmt: skip
        for theta in there if taken < within(c, LATEST) else ():
            other = _followed(c, theta, best.fit.width, model, best.misses.share)
            taken += other.turns
            best = max(best, other, key=lambda each: _explained(each, periods))
        if best is first:
            break
        seen = replace(seen, best=best)
    return seen, there


def _explained(found: Followed, periods: Periods) -> float:
    return told(found.misses, found.fit) if periods.possible(found.fit.theta) else -np.inf


def _clear(found: Followed, share: float) -> bool:
    """Return whether so large a part of the columns shows the line, and shows it on the arc."""
    held = found.misses
    return held.share > share and held.scatter < 2 * LOOSE and _settled(found)


def found_soon(c: Columns, model: Model) -> Followed | None:
    """Return the arc where one is soon found, but nothing of what else there is."""
    model = replace(model, patience=2 * SOON)
    best = _best(c, Pictures(c), model, SOON)
    if best is None or best.best.misses.share < POOR:
        return None
    return _settled_down(best.best, model)


def _best(c: Columns, pictures: Pictures, model: Model, patience: int) -> _Seen | None:
    """Return the best arc of likely widths, with the steps that all of them took."""
    best: _Seen | None = None
    taken = 0
    for seen in _in_turn(c, pictures, model, patience):
        taken += seen.turns
        again = best is not None and _again_there(seen.best, best.best)
        if best is None or _worth(seen.best) > _worth(best.best):
            best = seen
        if again or _clear(best.best, SHARE):
            break
    return None if best is None else replace(best, turns=taken)


def _in_turn(c: Columns, pictures: Pictures, model: Model, patience: int) -> Iterator[_Seen]:
    """Yield the arcs of likely widths, until so many steps are done."""
    taken = 0
    for stripes in (True, False):
        for lit in pictures.of(stripes=stripes):
            seen = _in_scores(c, lit, model, patience - taken)
            if seen is not None:
                taken += seen.turns
                yield seen
            if taken > patience:
                return


def _again_there(found: Followed, best: Followed) -> bool:
    """Return whether two roads led to one place, where most columns show the line."""
    return best.misses.share > FULL and found.fit.agrees(best.fit)


def _settled(found: Followed) -> bool:
    """Return whether enough columns show the line, and its law is where it wants to be and can."""
    return bool(found.misses.kept.sum() >= LEAST and found.fit.step < CLOSE and found.possible)


def _worth(found: Followed) -> float:
    held = found.misses
    worth = float(held.kept.sum()) * min(1.0, held.share + 0.2)
    worth /= max(1.0, held.chi2_reduced)
    return worth if found.fit.step < CLOSE and found.possible else UNSETTLED * worth


def _in_scores(c: Columns, lit: Lit, model: Model, patience: int) -> _Seen | None:
    """Return the best arc among scores; no start is tried after so many steps."""
    width, points = lit.width, lit.points
    seeds = arcs(c, lit.even, lit.alike, width, model.seeker)
    if not seeds or seeds[0].bright <= 0 or seeds[0].share < HINT:
        return None
    starts = [model.seeker.start(arc) for arc in seeds[:TRIED]
              if arc.bright > 0.5 * seeds[0].bright]  # fmt: skip
    tried = _tried(c, model, starts, points, width)
    best = _followed(c, tried[0], width, model)
    taken, most = best.turns, min(patience, within(c, PATIENCE) // 2)
    for theta in tried[1:]:
        share = best.misses.share
        enough = most if share < FULL else 2 * most  # a line that all columns show is some line
        if share < POOR or (share > FULL and _settled(best)) or taken > enough:
            break
        other = _followed(c, theta, width, model)
        taken += other.turns
        there = _again_there(other, best)
        best = other if _worth(other) > _worth(best) else best
        if there:
            break
    return _Seen(best, lit.s, width, points, taken)


def _alone(c: Columns, seen: _Seen, model: Model) -> Found:
    """Complete the arc that was seen; where it is a two-photon line, the one above it."""
    best, s, points = seen.best, seen.s, seen.points
    found = _completed(s, best, model, points)
    bright, there = found.other
    above = there[0] - found.fit.theta[0]
    alike = abs(there[model.top] - found.fit.theta[model.top]) < SAME
    if bright > LIKE and alike and 0 < above < model.twin:
        return _completed(s, _followed(c, there, seen.width, model), model, points)
    return found


@dataclass(frozen=True, eq=False)
class Followed:
    """An arc that was followed: from theta with a width; c: without single stray points.

    possible: see `Model`, where it has led to.
    """

    fit: Tracked
    misses: Misses
    c: Columns
    theta: Array
    width: float
    turns: int
    possible: bool


@dataclass(frozen=True, eq=False)
class _Seen:
    """The best arc of one width: in scores s, among bright points. turns: that all starts took."""

    best: Followed
    s: Array
    width: float
    points: Candidates
    turns: int


def _followed(
    c: Columns, theta: Array, width: float, model: Model, poor: float = POOR
) -> Followed:  # fmt: skip
    """Follow an arc; single stray points are not looked for where fewer columns show it."""
    period = np.exp(np.clip(theta[LOG_PERIOD], *LOG_PERIODS))
    theta = theta.copy()
    theta[model.top] += period * np.round((0.5 - theta[model.top]) / period)
    c = without_stripes(c, model.law(theta)[0], width)
    fit = follow(c, model.law, theta, model.prior, width, model.shape, hopeless=HOPELESS)
    held, turns, most = misses(c, fit, alone=model.alone), fit.turns, within(c, model.patience)
    for _ in range(CLEARED if fit.step < NEARLY else 0):
        cleared = without_spikes(c, fit.pull.model, fit.pull.reach, held.size)
        if cleared is None or held.share < poor or turns > most:
            break
        c = cleared
        theta, width = _again(fit, held, theta, width)
        fit = follow(c, model.law, theta, model.prior, width, model.shape, hopeless=HOPELESS)
        held, turns = misses(c, fit, alone=model.alone), turns + fit.turns
    possible = model.possible(fit.theta)
    return Followed(fit, held, c, theta, width, turns, possible)


def _completed(s: Array, best: Followed, model: Model, points: Candidates) -> Found:
    """Settle, and look for what else there is."""
    best = _settled_down(best, model)
    fit, held = best.fit, best.misses
    other = second_arc(best.c, s, fit, model)
    astray = held.inside & ~held.kept & (points.height[:, 0] > 2 * BRIGHT)
    share = float(astray.sum() / max(1, int(held.inside.sum())))
    return Found(fit, held, best.c, share, _together(astray), other)


def _settled_down(best: Followed, model: Model) -> Followed:
    """Go on where the law is not yet where it wants to be; widen the errors where misses clump.

    One that was given up, as `tracks.HOPELESS` says, and that few columns show, is left there.
    """
    if no_lines(best.misses):
        return best
    if best.fit.step > NEARLY and (best.fit.turns >= ITERATIONS or best.misses.share > SHARE):
        theta = best.fit.theta[: len(best.theta)]
        best = max(best, _followed(best.c, theta, best.fit.width, model), key=_worth)
    fit, held = best.fit, best.misses
    alike = clumping(fit, held)
    if fit.step > NEARLY:
        return replace(best, fit=replace(fit, wider=fit.wider * alike))
    if alike == 1.0:
        return best
    theta, width = _again(fit, held, best.theta, best.width)
    fit = follow(best.c, model.law, theta, model.prior, width, model.shape, alike=alike)
    return replace(best, fit=fit, misses=misses(best.c, fit, alone=model.alone))


def _again(fit: Tracked, held: Misses, theta: Array, width: float) -> tuple[Array, float]:
    """Return where to start once more: where the last fit ended, if it holds."""
    if held.share > FULL and held.scatter < LOOSE:
        return fit.theta[: len(theta)], fit.width
    return theta, width


def _together(columns: NDArray[np.bool_]) -> int:
    """Return how many neighbours at most are among the columns (B,)."""
    ends = np.flatnonzero(np.concatenate([[True], ~columns, [True]]))
    return int(np.diff(ends).max()) - 1


def _tried(
    c: Columns, model: Model, starts: list[Array], points: Candidates, width: float
) -> list[Array]:
    """Return where the starts lead to among the bright points, the best first."""
    tried: list[tuple[float, Array]] = []
    best = -MOST * float((points.height[:, 0] > model.seeker.bright).sum())
    for start in starts:
        (theta,), (cost,) = through_points(c, model.law, start[None], model.prior, points, width,
                                           model.seeker.bright)  # fmt: skip
        cost = float(cost) if model.possible(theta) else 0.0
        alike = bool(tried) and abs(cost - tried[-1][0]) < 0.003 * abs(cost)
        tried.append((cost, theta))
        if cost < THROUGH * best or (alike and cost < WELL * best):
            break
    tried.sort(key=itemgetter(0))
    return [theta for cost, theta in tried if cost < 0.0] or [tried[0][1]]
