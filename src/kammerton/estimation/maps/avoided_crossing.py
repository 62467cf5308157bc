"""Two levels that avoid each other, in a spectroscopy map frequency x bias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.crossing import (
    BRANCH,
    HALF_SLOPE,
    MEAN_SLOPE,
    MIDDLE,
    PLACE,
    Found,
    G,
    crossing_law,
    find,
    last,
)
from kammerton.estimation.maps.elsewhere import twice
from kammerton.estimation.maps.faults import without_faults
from kammerton.estimation.maps.few_biases import at_few_biases
from kammerton.estimation.maps.fitted import chi_squares, stacked
from kammerton.estimation.maps.flux import Scale
from kammerton.estimation.maps.maps import Maps, over_a_map, weighed_again
from kammerton.estimation.maps.objections import (
    DOUBTED,
    LEAST,
    SHARE,
    WIDEST,
    coarse,
    empty,
    jumped,
    lost,
    no_line,
    switched,
    uneven,
    unlike,
)
from kammerton.estimation.maps.ridge import SOLID, Columns, columns, median
from kammerton.estimation.maps.tracks import NARROWEST
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.verdict.findings import Findings, percent
from kammerton.estimation.verdict.kind import Kind, Known
from kammerton.estimation.verdict.objection import Objection, close, insufficient, rejected
from kammerton.estimation.verdict.outcome import Outcome
from kammerton.model import Advice

Array = NDArray[np.float64]

UNITS = {"coupling": "Hz", "gap": "Hz", "crossing_bias": "V", "crossing_frequency": "Hz",
         "slope_upper": "Hz/V", "slope_lower": "Hz/V", "linewidth": "Hz"}  # fmt: skip
PAIR = "pair of branches that avoid each other"
BESIDE = 3  # columns that must show the lines on either side of the crossing
STRAY = 0.3  # part of the columns that may show something else
PRECISE = 0.25  # relative error of the coupling
SURELY = 15.0  # sigmas by which faint branches must be there, all columns together
MOVES = 6.0  # errors by which the slopes must differ
NEARER = 0.5  # linewidths by which the branches must come nearer
HIDDEN = 0.35  # part of the columns that must show both branches where both are inside
SETTLED = 1.0  # sigmas that the last step of a fit may have
FEW = 1.0  # biases within which the branches may not yet have passed each other
BEND = 16.0  # chi-square that a parabola in place of a straight branch must explain


def avoided_crossing(maps: Maps, known: Known) -> Outcome:
    """Fit the two branches of each map."""
    told, (maps, faults) = maps, without_faults(maps)
    scale = Scale.of(maps)
    pictures = [columns(maps, n) for n in range(maps.traces)]
    found = [None if hopeless else last(c, find(c))
             for c, hopeless in zip(pictures, faults.hopeless, strict=True)]  # fmt: skip
    which, weighed = weighed_again(told, maps, _curve(maps, found))
    for n in which.tolist():
        pictures[n] = columns(weighed, n)
        found[n] = last(pictures[n], find(pictures[n], found[n]))
    numbers, findings = _numbers(found, scale), Findings(maps.traces)
    faults.judge(findings)
    for n, (c, each) in enumerate(zip(pictures, found, strict=True)):
        close(findings, n, _objections(c, each, numbers, n, maps.known_noise, scale))
    findings.accept("two branches that clearly avoid each other")
    return Outcome(numbers, UNITS, _curve(maps, found), chi_squares(maps, found), findings)


def _curve(maps: Maps, found: list[Found | None]) -> NDArray[Any]:
    curve = np.full(maps.y.shape, np.nan, maps.y.dtype)
    for n, each in enumerate(found):
        if each is not None:
            curve[n] = (each.image * each.factor).T
    return curve


def _numbers(found: list[Found | None], scale: Scale) -> Derived:
    theta, cov = stacked(found, 6)
    for n, each in enumerate(found):
        if each is not None:
            theta[n, [HALF_SLOPE, G]] = np.abs(theta[n, [HALF_SLOPE, G]])
            turn = np.sign(each.theta[:6])
            turn[[MIDDLE, PLACE, MEAN_SLOPE, 5]] = 1.0
            cov[n] *= turn[:, None] * turn

    def formulas(t: Array) -> dict[str, Array]:
        steep = scale.df / scale.db
        return {
            "coupling": t[..., G] * scale.df, "gap": 2 * t[..., G] * scale.df,
            "crossing_bias": scale.b0 + t[..., PLACE] * scale.db,
            "crossing_frequency": scale.f0 + t[..., MIDDLE] * scale.df,
            "slope_upper": (t[..., MEAN_SLOPE] + t[..., HALF_SLOPE]) * steep,
            "slope_lower": (t[..., MEAN_SLOPE] - t[..., HALF_SLOPE]) * steep,
            "linewidth": t[..., 5] * scale.df,
        }  # fmt: skip

    return derive(formulas, theta, cov)


def _objections(
    c: Columns, found: Found | None, numbers: Derived, n: int, known_noise: bool, scale: Scale
) -> Iterator[Objection | None]:
    """Yield what is to be said against map n: that it is noise but at a few biases, if it is."""
    yield empty(c)
    for each in filter(None, _against(c, found, numbers, n, known_noise, scale)):
        yield at_few_biases(c, scale.b0, scale.db) or each


def _against(
    c: Columns, found: Found | None, numbers: Derived, n: int, known_noise: bool, scale: Scale
) -> Iterator[Objection | None]:
    if found is None:
        yield no_line(c, known_noise, PAIR)
        return
    held, fit = found.misses, found.fit
    value, error = ({k: float(v[n]) for k, v in each.items()}
                    for each in (numbers.values, numbers.stderr))  # fmt: skip
    yield _faint(c, found)
    yield lost(c, held, known_noise, PAIR)
    narrow = _one_branch(found) or _standing(found)
    if narrow:
        yield switched(c)
        yield uneven(held, DOUBTED) if found.fit.width < WIDEST else _alike(found)
    yield narrow
    yield _bent(found, value)
    yield jumped(found.jump, "the crossing", "; or a branch bends there: sweep less bias")
    yield unlike(held, c.step / fit.width, found.stray, PAIR)
    yield _alike(found)
    yield _hidden(found)
    yield coarse(fit.width, c.step, NARROWEST, value["crossing_frequency"])
    yield _placed(found, value, error, scale)
    yield _passed_at_once(c, found, value)
    yield _resolved(value, error)
    yield _restless(found)
    yield twice(found, crossing_law(c.b), 5, PLACE, PAIR)


def _faint(c: Columns, found: Found) -> Objection | None:
    """Object where the branches are there, but most columns alone do not show them."""
    held, inside = found.misses, found.fit.inside
    if (held.share >= SHARE and held.kept.sum() >= LEAST) or found.stray > STRAY:
        return None
    count = c.parts * int(inside.sum())
    beyond = float(np.minimum(found.fit.pull.seen[inside], SOLID).sum()) - count
    if beyond < SURELY * np.sqrt(2.0 * count) or held.chi2_reduced > 1.5:
        return None
    return insufficient(
        "signal too weak", "the branches hardly stand out of the noise of a single bias",
        Advice(shots_times=4.0),
    )  # fmt: skip


def _one_branch(found: Found) -> Objection | None:
    upper, lower = (int(k) for k in found.shown.sum(axis=0))
    if min(upper, lower) >= BRANCH:
        return None
    return insufficient(
        "range too narrow", "only one branch is seen: nothing in the map crosses it",
        Advice(window_times=2.0, axis=int(max(upper, lower) >= 2 * BRANCH)),
    )  # fmt: skip


def _bent(found: Found, value: dict[str, float]) -> Objection | None:
    """Object to branches that are no straight lines, where that explains more than a jump."""
    if found.bend < max(BEND, found.jump[0]):
        return None
    return insufficient(
        "window too long", "a branch bends, as that of a transmon does, or drifts during the scan: "
        "straight ones are fitted, so sweep less bias about the crossing",
        Advice(window_times=0.5, centre_on=value["crossing_bias"], axis=1),
    )  # fmt: skip


def _standing(found: Found) -> Objection | None:
    """Object to branches whose distance does not change."""
    fit = found.fit
    half, error = abs(fit.theta[HALF_SLOPE]), np.sqrt(fit.cov[HALF_SLOPE, HALF_SLOPE])
    away = np.abs(np.linspace(0.0, 1.0, len(found.shown)) - fit.theta[PLACE])
    seen = away[found.shown.any(axis=1)].max()
    nearer = np.hypot(half * seen, fit.theta[G]) - abs(fit.theta[G])
    if half > MOVES * error and nearer > NEARER * fit.width:
        return None
    return insufficient(
        "range too narrow", "the branches do not come nearer to each other in the swept bias",
        Advice(window_times=3.0, axis=1),
    )  # fmt: skip


def _alike(found: Found) -> Objection | None:
    """Object where one spectrum for all biases fits better than the branches.

    A drift along the frequency looks alike at every bias; a line whose height is free in each
    column crosses its bumps at any slope.
    """
    fit, c = found.fit, found.c
    there = c.w > 0
    near = fit.pull.reach & there & found.misses.kept[:, None]
    level = c.z - median(c.z, there, 1)
    alike = np.abs(level - median(level, there, 0)) * c.w
    if (alike[near] ** 2).sum() > fit.pull.cost[found.misses.kept].sum():
        return None
    return rejected(
        "model does not fit", "one spectrum for all biases fits better than the branches"
    )


def _hidden(found: Found) -> Objection | None:
    """Object where one branch is so faint that its slope, and with it g, would be a guess."""
    both = found.fit.inside.all(axis=1) & found.shown.any(axis=1)
    part = float(found.shown[both].all(axis=1).mean()) if both.any() else 1.0
    if part > HIDDEN:
        return None
    return insufficient(
        "signal too weak", f"only {100 * part:.0f} % of the biases show both branches: the slope "
        "of the fainter one, and with it the coupling, is not told",
        Advice(shots_times=8.0),
    )  # fmt: skip


def _restless(found: Found) -> Objection | None:
    if found.fit.step < SETTLED:
        return None
    return rejected(
        "model does not fit", "no place of the branches is the best: the fit does not settle"
    )


def _placed(
    found: Found, value: dict[str, float], error: dict[str, float], scale: Scale
) -> Objection | None:
    """Object to a crossing that is not well inside of what shows the lines."""
    place, sure = found.fit.theta[PLACE], error["crossing_bias"] / scale.db
    biases = np.linspace(0.0, 1.0, len(found.shown))[found.shown.any(axis=1)]
    sides = int((biases < place).sum()), int((biases > place).sum())
    if not sure < 0.5:
        return insufficient(
            "range too narrow", "where the branches meet is not told by the swept bias",
            Advice(window_times=3.0, axis=1),
        )  # fmt: skip
    if min(sides) >= BESIDE:
        return None
    there = scale.b0 + float(np.clip(place, -2.0, 3.0)) * scale.db
    return insufficient(
        "range too narrow", "the branches meet outside the swept bias",
        Advice(window_times=1.0, centre_on=there, axis=1),
    )  # fmt: skip


def _passed_at_once(c: Columns, found: Found, value: dict[str, float]) -> Objection | None:
    """Object where the branches pass each other between two biases, so that nothing bends."""
    theta, step = found.fit.theta, 1.0 / (len(c.b) - 1)
    if 2 * abs(theta[G]) > FEW * step * abs(theta[HALF_SLOPE]):
        return None
    if abs(theta[G]) < 0.25 * found.fit.width:
        return None  # a gap that hides within the line
    return insufficient(
        "sampling too coarse", "the branches pass each other between two biases",
        Advice(window_times=0.2, centre_on=value["crossing_bias"], axis=1),
    )  # fmt: skip


def _resolved(value: dict[str, float], error: dict[str, float]) -> Objection | None:
    gap, width = value["gap"], value["linewidth"]
    if error["gap"] < PRECISE * gap:
        return None
    if gap < width:
        return insufficient(
            "gap not resolved", f"the gap is {gap / width:.2f} linewidths and known only to "
            f"{percent(gap, error['gap'])}: the lines seem to cross",
            Advice(window_times=0.3, shots_times=4.0, centre_on=value["crossing_bias"], axis=1),
        )  # fmt: skip
    return insufficient(
        "error too large", f"the gap is known only to {percent(gap, error['gap'])}",
        Advice(window_times=2.0, shots_times=4.0, centre_on=value["crossing_bias"], axis=1),
    )  # fmt: skip


KINDS: dict[str, Kind] = {
    "avoided_crossing": over_a_map(
        avoided_crossing, ("frequency", "bias"), (8, 8), known=("shots",)
    )
}
