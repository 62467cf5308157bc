"""Objections to an arc with a sweet spot, whatever bends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from kammerton.estimation.maps.arc import Found, Model
from kammerton.estimation.maps.arcfit import LIKE, SAME
from kammerton.estimation.maps.flux import Scale
from kammerton.estimation.maps.leaning import leans
from kammerton.estimation.maps.many_periods import many_periods
from kammerton.estimation.maps.misses import bend, jump
from kammerton.estimation.maps.objections import (
    LOOSE,
    SHARE,
    STRAY,
    aside,
    coarse,
    empty,
    jumped,
    lost,
    no_line,
    pointed,
    switched,
    unlike,
)
from kammerton.estimation.maps.parted import faint, halves_differ, may_differ
from kammerton.estimation.maps.ridge import Columns, standing, stripes
from kammerton.estimation.maps.tracks import LINE, NARROWEST, UNLIKE
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.verdict.findings import percent
from kammerton.estimation.verdict.objection import Objection, insufficient, rejected
from kammerton.model import Advice

Plain = Callable[[], Objection | None]
"""What is said of a map whatever is objected to, worked out once: see `plainly`."""

BENDS = 0.3  # linewidths that a line must move
STRIPED = 0.2  # height of stripes, in parts of the line's, from which they may make one
LEANS = 16.0  # chi-square that it must explain that an arc leans
KNOWN = 1e3  # 1/sigma from which a parameter is known, and was not fitted
COARSE_PERIOD = 0.33  # relative error of the period
MANY = insufficient(
    "sampling too coarse",
    "the line moves to and fro from bias to bias: many periods are swept, and few points in each",
    Advice(window_times=0.2, axis=1),
)
NO_WIDTH = 0.5  # relative error of a line's width, from which it may be a walk that looks like one


def plainer(plain: Plain, against: Iterable[Objection | None]) -> Iterator[Objection]:
    """Yield instead of each objection what plainly shows, if anything does."""
    for each in filter(None, against):
        yield plain() or each


def plainly(raw: Columns, c: Columns, model: Model) -> Objection | None:
    """Return what is said of a map whatever is objected to; raw: the map as it was measured."""
    return switched(raw) or (MANY if many_periods(c, model.seeker) else None)


def objections(
    c: Columns, found: Found | None, numbers: Derived, n: int, scale: Scale, known_noise: bool,
    model: Model, what: str, plain: Plain,
) -> Iterator[Objection | None]:  # fmt: skip
    """Yield what is to be said against map n; numbers hold frequency, sweet_spot and period.

    Where anything that objects is told otherwise, what takes long is asked last.
    """
    yield empty(c)
    if (found is None or not _holds(found)) and standing(c):
        yield insufficient(
            "range too narrow", "the line does not move over the swept bias",
            Advice(window_times=4.0, axis=1),
        )  # fmt: skip
    if found is None:
        yield _faint(c, model) if plain() is None else None
        yield no_line(c, known_noise, what)
        return
    rest = _against(c, found, numbers, n, scale, known_noise, model, what)
    dim = _may_be_faint(found)
    if (dim or may_differ(found)) and plain() is not None:
        yield from rest
    yield _faint(c, model) if dim else None
    yield _striped(c, found)
    yield _second(found, model)
    yield _two_halves(c, model, found)
    yield from rest


def _faint(c: Columns, model: Model) -> Objection | None:
    if not faint(c, model):
        return None
    return insufficient(
        "signal too weak", "an arc shows only when neighbouring biases are averaged",
        Advice(shots_times=5.0),
    )  # fmt: skip


def _striped(c: Columns, found: Found) -> Objection | None:
    """Object to stripes beside the arc, whose top is alike at many biases."""
    left = np.where(c.w > 0, c.z - found.fit.pull.lines, 0.0)
    if stripes(replace(c, z=left)) <= STRIPED * found.misses.size:
        return None
    return rejected("model does not fit", "the map is striped along the bias")


def _against(
    c: Columns, found: Found, numbers: Derived, n: int, scale: Scale, known_noise: bool,
    model: Model, what: str,
) -> Iterator[Objection | None]:  # fmt: skip
    value, error = ({k: float(v[n]) for k, v in each.items()}
                    for each in (numbers.values, numbers.stderr))  # fmt: skip
    yield lost(c, found.misses, known_noise, what)
    yield jumped(jump(found.fit, model.law, model.top, len(model.prior[0])), "the sweet spot")
    yield _leaning(found, model)
    yield unlike(found.misses, c.step / found.fit.width, found.elsewhere, what)
    width = min(found.fit.width, float(found.theta[len(model.prior[0])]))  # of all points, maybe
    yield coarse(width, c.step, NARROWEST, value["frequency"])
    if found.whole is None:
        yield pointed(found.misses, value["linewidth"], error["linewidth"], c.step * scale.df,
                      value["frequency"])  # fmt: skip
    yield aside(found.together, len(c.b), what)
    yield from _placed(found, float(found.fit.theta[model.top]), value, error, scale)


def _leaning(found: Found, model: Model) -> Objection | None:
    """Object to an arc that leans over: within a column, too, its sweet spot moves with time.

    Swept one bias after another a steady drift only stretches the bias, but for that.
    """
    if _leans(found, model) < LEANS:
        return None
    return rejected("drift during scan", "the arc leans to one side, as where its sweet spot moves "
                    "steadily during the scan")  # fmt: skip


def _leans(found: Found, model: Model) -> float:
    """Return by what chi-square it does; of a fit of all points, if a real map has one."""
    if found.whole is not None and found.c.parts == 1 and model.shape == LINE:
        return leans(found.whole, model.law, model.top)
    fit, size = found.fit, len(model.prior[0])
    there = model.law.place(fit.theta[:size])
    ways = (there.slope[:, :, model.top] * there.at).T[:, :, None]
    return bend(fit, model.law, ways, size, model.prior[1] < KNOWN)


def _may_be_faint(found: Found) -> bool:
    """Return whether columns do not show the arc, but nor do they clearly show something else.

    What surrounds an arc that they do not show is noise.
    """
    said = found.fit.pull
    noise = bool(said.cost.sum() <= UNLIKE * said.freedom.sum())
    return noise and found.misses.share < SHARE and found.elsewhere < STRAY


def _holds(found: Found) -> bool:
    held = found.misses
    bends = _bend(found) > BENDS * found.fit.width
    return bool(held.share > 0.6 and held.scatter < 2 * LOOSE and bends)


def _bend(found: Found) -> float:
    """Return how far the line moves over the biases that show it, in windows."""
    kept = found.misses.kept
    return float(np.ptp(found.fit.positions[0][kept])) if kept.any() else 0.0


def _two_halves(c: Columns, model: Model, found: Found) -> Objection | None:
    if not halves_differ(c, model, found):
        return None
    return rejected(
        "drift during scan", "both halves of the scan show an arc, but at different biases"
    )


def _second(found: Found, model: Model) -> Objection | None:
    bright, theta = found.other
    if bright < LIKE:
        return None
    lower = found.fit.theta[0] - theta[0]
    same = abs(found.fit.theta[model.top] - theta[model.top]) < SAME
    if same and 0 < lower < model.twin:
        return None  # the two-photon line of 0-2 runs below, by half of the anharmonicity
    return rejected(
        "two arcs", "two arcs of like strength run through the map: which one is meant?"
    )


def _placed(
    found: Found, top: float, value: dict[str, float], error: dict[str, float], scale: Scale
) -> Iterator[Objection | None]:
    fit = found.fit
    period = value["period"] / scale.db
    nearest = top + period * np.round((0.5 - top) / period)
    spot = scale.b0 + float(np.clip(nearest, -1.5, 2.5)) * scale.db
    valley = top + period * (np.round((0.5 - top) / period - 0.5) + 0.5)
    shows = found.misses.kept.nonzero()[0]
    seen = shows[[0, -1]] / (len(found.misses.kept) - 1)
    if not seen[0] < nearest < seen[1]:
        if seen[0] < valley < seen[1]:
            yield insufficient(
                "wrong branch", "the map shows the minimum of the arc, not its sweet spot",
                Advice(centre_on=spot, axis=1),
            )  # fmt: skip
        if not 0 <= nearest <= 1:
            yield insufficient(
                "range too narrow", "the sweet spot lies outside the swept bias",
                Advice(window_times=1.5, centre_on=spot, axis=1),
            )  # fmt: skip
    if not 0.0 <= fit.theta[0] <= 1.0:
        yield insufficient(
            "line at the edge", "the top of the arc lies outside the swept frequencies",
            Advice(centre_on=value["frequency"], axis=0),
        )  # fmt: skip
    if _bend(found) < fit.width:
        yield insufficient(
            "range too narrow", "the arc bends by less than the line is wide",
            Advice(window_times=2.0, centre_on=value["sweet_spot"], axis=1),
        )  # fmt: skip
    yield _precise(value, error, scale)


def _precise(value: dict[str, float], error: dict[str, float], scale: Scale) -> Objection | None:
    wider = Advice(window_times=2.0, centre_on=value["sweet_spot"], axis=1)
    if not error["period"] < COARSE_PERIOD * value["period"]:
        return insufficient(
            "range too narrow", "the period is known only to "
            f"{percent(value['period'], error['period'])}: the arc hardly bends", wider,
        )  # fmt: skip
    if not error["sweet_spot"] < 0.1 * scale.db:
        return insufficient(
            "range too narrow", "the sweet spot is known only to "
            f"{100 * error['sweet_spot'] / scale.db:.0f} % of the window", wider,
        )  # fmt: skip
    if not error["linewidth"] < NO_WIDTH * value["linewidth"]:
        return insufficient(
            "signal too weak", "the width of the line is known only to "
            f"{percent(value['linewidth'], error['linewidth'])}: it may be no line",
            Advice(shots_times=4.0),
        )  # fmt: skip
    return None
