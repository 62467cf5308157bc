"""Punch-out: the resonator against its drive, from the one that a qubit shifts to the bare one.

At low power the resonator of a qubit at rest lies at its dispersively shifted frequency, at high
power at that of the bare resonator (Reed et al., Phys. Rev. Lett. 105, 173601 (2010)). Between the
two the line fades from one into the other; both frequencies are fitted where they are plain.
Complex y is S21 with whatever delay; real y is its magnitude, fitted as |S21|^2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arcs import candidates
from kammerton.estimation.maps.change import changed
from kammerton.estimation.maps.faults import without_faults
from kammerton.estimation.maps.fitted import chi_squares, uneven, uneven_apart
from kammerton.estimation.maps.flattened import FLATTENED, flattened
from kammerton.estimation.maps.maps import Maps, over_a_map
from kammerton.estimation.maps.misses import Misses, another, clumping, misses
from kammerton.estimation.maps.objections import DOUBTED, UNEVEN, coarse, empty, no_line, pointed
from kammerton.estimation.maps.positions import levels
from kammerton.estimation.maps.ridge import Columns, columns, resonances, scores
from kammerton.estimation.maps.tracks import FANO, NARROWEST, POLE, Tracked, follow
from kammerton.estimation.maps.two_places import split_at, travelled
from kammerton.estimation.maps.whole import GROUNDS, Free, Whole, follows, holds, shared
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Kind, Known
from kammerton.estimation.verdict.objection import Objection, close, insufficient, rejected
from kammerton.estimation.verdict.outcome import Outcome, per_trace
from kammerton.estimation.verdict.place import misplaced
from kammerton.model import Advice

Array = NDArray[np.float64]

UNITS = {"frequency": "Hz", "bare_frequency": "Hz", "shift": "Hz", "power": "dBm",
         "linewidth": "Hz"}  # fmt: skip
LEAST = 3  # powers on either side
BRIGHT = 25.0  # chi-square by which a power shows a line
APART = 5.0  # errors by which the two lines must differ
FARTHER = 1.75  # steps of the frequency by which a resonator moves at least
CLEAR = 2  # powers about the change that are left out as well
PART_OF_WIDTH = 0.2  # and so many linewidths
MOVES = 0.5  # linewidths by which a resonator moves that has no two places
ON = 0.7  # part of the bright powers that must show one of the two lines
MOST_OF = 0.7  # part of a side that shows its line, of which more may be left beside it
LIKE = 0.25  # chi-square, in parts of the line's, from which another line counts
RESONATOR = "resonator"


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
    whole: both sides as one, where both show lines of one width and height.
    """

    low: Side
    high: Side
    on: float
    moves: tuple[float, float]
    bright: NDArray[np.bool_]
    travel: float
    whole: Whole | None = None

    @property
    def reduced(self) -> float:
        """Reduced chi-square."""
        if self.whole is not None:
            return self.whole.reduced
        return 0.5 * (self.low.misses.chi2_reduced + self.high.misses.chi2_reduced)


def punch_out(maps: Maps, known: Known) -> Outcome:
    """Fit the resonator at low and at high power; known: bare_frequency."""
    maps, faults = without_faults(maps)
    bare = per_trace(known, "bare_frequency", maps)
    findings, found, curve = Findings(maps.traces), [], np.full(maps.y.shape, np.nan, maps.y.dtype)
    faults.judge(findings)
    pictures = [resonances(columns(maps, n, each=True)) for n in range(maps.traces)]
    for n, (c, back) in enumerate(pictures):
        found.append(None if faults.hopeless[n] else _last(c, _find(c)))
        each = found[-1]
        if each is not None and each.whole is not None:
            curve[n] = back(each.whole.model).T
            curve[n][:, ~(each.whole.c.w > 0).any(axis=1)] = np.nan
        elif each is not None:
            for side in (each.low, each.high):
                curve[n][:, side.powers] = back(side.fit.pull.model).T
    numbers = _numbers(found, maps)
    for n, (c, _) in enumerate(pictures):
        expected = None if bare is None else float(bare[n])
        close(findings, n, _objections(c, found[n], numbers, n, maps, expected))
    findings.accept(lambda n: _praise(numbers, n))
    return Outcome(numbers, UNITS, curve, chi_squares(maps, found), findings)


def _find(c: Columns) -> Found | None:
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
    sides = [_side(c, f, bright, part, width)
             for part in (slice(0, first), slice(last, len(f)))]  # fmt: skip
    if sides[0] is None or sides[1] is None:
        return None
    near = np.zeros(len(f), dtype=bool)
    for side in sides:
        if side is not None:
            away = np.abs(f[side.powers] - side.fit.theta[0])
            near[side.powers] |= away < max(side.fit.width, 0.02)
    near[first:last] = True  # the change itself
    moves = changed(
        c, sides[0].fit, sides[1].fit, points.height[:, 0], POLE if c.parts == 2 else FANO,
        max(side.misses.chi2_reduced for side in sides if side is not None),
    )  # fmt: skip
    return Found(
        sides[0], sides[1], float(near[bright].mean()), moves, bright, travelled(f[bright]),
    )  # fmt: skip


def _last(c: Columns, found: Found | None) -> Found | None:
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
    held = misses(part, fit)
    wider = clumping(fit, held) * uneven_apart(part, fit, held)
    return Side(powers, replace(fit, cov=fit.cov * wider), held)


def _plain(bright: NDArray[np.bool_], sides: tuple[Side, Side], split: int) -> tuple[int, int]:
    """Return where the low power's line ends and where the high power's begins."""
    low, high = (side.misses.kept for side in sides)
    first, last = split, split
    while first > LEAST and bright[first - 1] and not low[first - 1]:
        first -= 1
    while last < len(bright) - LEAST and bright[last] and not high[last - split]:
        last += 1
    return max(min(LEAST, split), first - CLEAR), min(max(len(bright) - LEAST, split), last + CLEAR)


def _numbers(found: list[Found | None], maps: Maps) -> Derived:
    theta, cov = np.full((len(found), 4), np.nan), np.full((len(found), 4, 4), np.nan)
    power, swept = maps.axes[1], float(np.ptp(maps.axes[1]))
    for n, each in enumerate(found):
        if each is None:
            continue
        low, high, (moves, variance), whole = each.low.fit, each.high.fit, each.moves, each.whole
        theta[n] = [low.theta[0], high.theta[0], power[0] + moves * swept, low.theta[1]]
        cov[n] = 0.0
        cov[n][np.ix_([0, 3], [0, 3])] = low.cov[:2, :2]
        cov[n, 1, 1], cov[n, 2, 2] = high.cov[0, 0], variance * swept**2
        if whole is not None:
            theta[n, [0, 1, 3]] = whole.theta
            cov[n][np.ix_([0, 1, 3], [0, 1, 3])] = uneven(whole) * whole.cov
    f0, df = float(maps.axes[0][0]), float(np.ptp(maps.axes[0]))

    def formulas(t: Array) -> dict[str, Array]:
        return {
            "frequency": f0 + t[..., 0] * df, "bare_frequency": f0 + t[..., 1] * df,
            "shift": (t[..., 0] - t[..., 1]) * df, "power": t[..., 2],
            "linewidth": t[..., 3] * df,
        }  # fmt: skip

    return derive(formulas, theta, cov)


def _objections(
    c: Columns, found: Found | None, numbers: Derived, n: int, maps: Maps, bare: float | None
) -> Iterator[Objection | None]:
    yield empty(c)
    if found is None or found.low.misses.kept.sum() + found.high.misses.kept.sum() < LEAST:
        yield no_line(c, maps.known_noise, RESONATOR)
        return
    value, error = ({k: float(v[n]) for k, v in each.items()}
                    for each in (numbers.values, numbers.stderr))  # fmt: skip
    power, width = maps.axes[1], value["linewidth"]
    moved, window = abs(value["shift"]), float(np.ptp(maps.axes[0]))
    yield _unlike(found)
    yield _two_at_once(c, found)
    if flattened(c, _places(found), width / window):
        yield rejected("saturated", FLATTENED)
    yield coarse(width / window, c.step, NARROWEST, value["frequency"] - 0.5 * value["shift"],
                 2.0 * moved / window)  # fmt: skip
    if found.whole is None:
        for side in (found.low, found.high):
            yield pointed(side.misses, width, error["linewidth"], c.step * window,
                          value["frequency"])  # fmt: skip
    one = not moved > max(APART * error["shift"], PART_OF_WIDTH * width)
    if one and bare is not None and abs(value["frequency"] - bare) < 0.5 * width:
        yield insufficient(
            "too high power", "only the bare resonator is seen",
            Advice(centre_on=float(power[0] - 0.5 * np.ptp(power)), axis=1),
        )  # fmt: skip
    if one:
        yield _one_place(found.travel * window / width)
    if moved < FARTHER * c.step * window:
        yield insufficient(
            "sampling too coarse",
            "the resonator moves by less than two steps of the frequency: a level that jumps once "
            "in mid-scan, between two rows, would look the same",
            Advice(window_times=0.5, centre_on=value["frequency"]),
        )  # fmt: skip
    if found.low.misses.kept.sum() < LEAST:
        yield insufficient(
            "too high power", "hardly a power is low enough to show the shifted resonator",
            Advice(centre_on=float(power[0]), axis=1),
        )  # fmt: skip
    if found.high.misses.kept.sum() < LEAST:
        yield insufficient(
            "range too narrow", "hardly a power is high enough to show the bare resonator",
            Advice(centre_on=float(power[-1]), axis=1),
        )  # fmt: skip
    yield misplaced(value, error, "bare_frequency", bare, window)


def _one_place(travel: float) -> Objection:
    """Object to a resonator without two places; travel: how far it moves, in linewidths."""
    slowly = f"the resonator moves by {travel:.1f} linewidths, but so slowly that it stands still"
    return insufficient(
        "range too narrow",
        f"{slowly} at neither end of the swept powers" if travel > MOVES
        else "the resonator does not move over the swept powers",
        Advice(window_times=2.0, axis=1),
    )  # fmt: skip


def _places(found: Found) -> Array:
    """Return where the line of each power lies (B,); NaN where none is plain."""
    at = np.full(len(found.bright), np.nan)
    for side in (found.low, found.high):
        at[side.powers] = np.where(side.misses.kept, side.fit.positions[0], np.nan)
    return at


def _unlike(found: Found) -> Objection | None:
    if found.on < ON:
        return rejected(
            "model does not fit",
            f"{100 * (1 - found.on):.0f} % of the powers show neither of two lines",
        )
    for side in (found.low, found.high):
        held = side.misses
        excess = np.sqrt(max(0.0, held.chi2_reduced - 1.0)) / max(held.size, 1e-9)
        most = UNEVEN if held.kept.mean() > MOST_OF else DOUBTED
        if held.kept.any() and (excess > most or held.scatter > 0.5):
            return rejected(
                "model does not fit", "what is beside the line is not noise: "
                f"{100 * excess:.0f} % of its height",
            )  # fmt: skip
    return None


def _two_at_once(c: Columns, found: Found) -> Objection | None:
    """Object where the spectra show another line, which no one resonator has."""
    part = max(another(side.part(c), side.fit, side.misses) for side in (found.low, found.high))
    if part < LIKE:
        return None
    return rejected("model does not fit", "beside the line stands another, at the same powers, "
                    f"that is {np.sqrt(part):.1f} times as high")  # fmt: skip


def _praise(numbers: Derived, n: int) -> str:
    above = numbers.values["shift"][n] > 0
    return f"the resonator moves {'down' if above else 'up'} to its bare frequency at high power"


KINDS: dict[str, Kind] = {
    "punch_out": over_a_map(punch_out, ("frequency", "power"), (8, 6), known=("bare_frequency",))
}
