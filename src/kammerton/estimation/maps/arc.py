"""An arc in a map: the law that it follows, how it holds, and the fit of all points to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arcs import Seeker
from kammerton.estimation.maps.fitted import Fitted, widened
from kammerton.estimation.maps.misses import Misses, misses
from kammerton.estimation.maps.objections import LEAST, SHARE, no_lines
from kammerton.estimation.maps.periods import FIXED, Periods
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.ridge import Columns, without_stripes
from kammerton.estimation.maps.squeezed import perhaps_squeezed
from kammerton.estimation.maps.tracks import LINE, PATIENCE, follow
from kammerton.estimation.maps.whole import follows, unfit, whole

Array = NDArray[np.float64]
Prior = tuple[Array, Array]

MOVED = 5.0  # sigmas by which a place must differ that is another
FAINTEST, FAINT = 8.0, 4.0  # mean chi-square of columns that show an arc together; of one of them
NOISE = 1.1  # reduced chi-square of what is noise
CLEARER = 2.0  # chi-square by which another period must fit all points better
CLEARLY = 9.0  # fall of chi-square, in its units, for which all points are fitted once more


@dataclass(frozen=True, eq=False)
class Model:
    """A law of one line, what is known of its theta, and how it is looked for.

    top: index of the parameter that says where along the bias the arc is highest. twin: how far
    below an arc, in windows, one of the same place may run that is its two-photon line. possible:
    whether there can be an arc of a theta; a start that leads to none is worth nothing. periods:
    how other periods are tried; None where none is. alone: whether no other line may show where
    the arc has left the window. patience: steps after which no stray points are looked for.
    """

    law: Law
    prior: Prior
    seeker: Seeker
    shape: str
    top: int
    twin: float = 0.0
    possible: Callable[[Array], bool] = lambda _: True
    periods: Periods | None = None
    alone: bool = False
    patience: int = PATIENCE


@dataclass(frozen=True, eq=False)
class Found(Fitted):
    """An arc and how it holds. elsewhere: part of its columns that show a line, but not there.

    together: how many of these at most are neighbours. other: a second arc's brightness in parts of
    this one's, and where it is highest. places: theta (P,) of other periods that explain the map
    about as well.
    """

    elsewhere: float
    together: int
    other: tuple[float, Array]
    places: Sequence[Array] = ()


def last(c: Columns, found: Found | None, model: Model) -> Found | None:
    """Add the fit of all points with one height; where that leads away, columns are asked there."""
    if found is None:
        return found
    if not shown(found.misses):
        return _by_all(c, found, model)
    if no_lines(found.misses):
        return widened(found)
    best = whole(c, found.c, model.law, model.prior, found.fit, model.shape)
    for theta in found.places:
        there = _held(c, found, theta, model)
        other = whole(c, c, model.law, model.prior, there.fit, model.shape)
        if other is not None and (best is None or unfit(c, other) < unfit(c, best) - CLEARER):
            best, found = other, _held(c, found, other.theta[: len(theta)], model)
    if best is None:
        return widened(found)
    own = slice(0, len(model.prior[0]))
    error = np.sqrt(np.maximum(np.diagonal(found.fit.cov)[own], 0.0))
    if (np.abs(best.theta[own] - found.fit.theta[own]) > MOVED * error).any():
        found = _from(found, best.theta[own], model)
    if c.parts == 1 and model.shape == LINE:
        best = perhaps_squeezed(best, model.law)
    held = found.misses if best.lost > 0 else replace(found.misses, scatter=0.0)
    return widened(replace(found, whole=best, misses=held))


def _by_all(c: Columns, found: Found, model: Model) -> Found:
    """Return an arc that all columns together show, where each alone is too faint to.

    It must explain the map down to the noise.
    """
    if found.elsewhere > 0.0:
        return found
    best = whole(c, c, model.law, model.prior, found.fit, model.shape)
    if best is None or best.lost > 0 or best.reduced > NOISE or not follows(best):
        return found
    there = _held(c, found, best.theta[: len(model.prior[0])], model)
    seen, inside = there.fit.pull.seen.max(axis=1), there.misses.inside
    if not inside.any() or seen[inside].mean() < FAINTEST:
        return found
    kept = inside & (seen > FAINT)
    held = replace(there.misses, seen=kept, kept=kept, scatter=0.0)
    return widened(replace(there, misses=held, whole=best))


def again(c: Columns, found: Found, theta: Array, model: Model) -> Found:
    """Return what is found from another theta (P,), or `found` where that fits as well.

    Where no height fits all columns, they must at least follow the other better, each for itself.
    """
    there = _from(found, theta, model)
    if found.whole is None and not _better(there, found):
        return found
    other = last(c, there, model)
    better = other is not None and shown(other.misses) and other.reduced < found.reduced
    return other if better and other is not None else found


def _better(other: Found, found: Found) -> bool:
    fall = found.misses.chi2_reduced - other.misses.chi2_reduced
    fall *= float(found.fit.pull.freedom.sum()) / max(1.0, other.misses.chi2_reduced)
    return other.misses.share >= found.misses.share and fall > CLEARLY


def shown(held: Misses) -> bool:
    """Return whether enough columns show the line where it should be."""
    return bool(held.share >= SHARE and held.kept.sum() >= LEAST)


def _held(c: Columns, found: Found, theta: Array, model: Model) -> Found:
    """Ask all columns at theta (P,), and stay there.

    With heights of their own, columns in which a line hardly runs fit their noise, and lead away.
    """
    fixed = theta, np.full(len(theta), FIXED)
    c = without_stripes(c, model.law(theta)[0], found.fit.width)
    fit = follow(c, model.law, theta, fixed, found.fit.width, model.shape)
    return replace(found, c=c, fit=fit, misses=misses(c, fit, alone=model.alone))


def _from(found: Found, theta: Array, model: Model) -> Found:
    """Follow the arc from another theta (P,)."""
    fit = follow(found.c, model.law, theta, model.prior, found.fit.width, model.shape)
    return replace(found, fit=fit, misses=misses(found.c, fit, alone=model.alone))
