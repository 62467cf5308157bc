"""Punch-out: the resonator against its drive, from the one that a qubit shifts to the bare one.

At low power the resonator of a qubit at rest lies at its dispersively shifted frequency, at high
power at that of the bare resonator (Reed et al., Phys. Rev. Lett. 105, 173601 (2010)). Between the
two the line fades from one into the other; both frequencies are fitted where they are plain.
Complex y is S21 with whatever delay; real y is its magnitude, fitted as |S21|^2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.between_points import between_points
from kammerton.estimation.maps.faults import without_faults
from kammerton.estimation.maps.fitted import chi_squares, uneven
from kammerton.estimation.maps.flattened import FLATTENED, Alone, alone, flattened
from kammerton.estimation.maps.maps import Maps, over_a_map
from kammerton.estimation.maps.misses import another
from kammerton.estimation.maps.objections import DOUBTED, UNEVEN, coarse, empty, no_line, pointed
from kammerton.estimation.maps.ridge import Columns, columns, resonances
from kammerton.estimation.maps.second_line import beside
from kammerton.estimation.maps.sides import LEAST, Found, find, last
from kammerton.estimation.maps.tracks import NARROWEST
from kammerton.estimation.maps.trend import outer
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
APART = 5.0  # errors by which the two lines must differ
FARTHER = 1.75  # steps of the frequency by which a resonator moves at least
PART_OF_WIDTH = 0.2  # and so many linewidths
MOVES = 0.5  # linewidths by which a resonator moves that has no two places
ON = 0.7  # part of the bright powers that must show one of the two lines
MOST_OF = 0.7  # part of a side that shows its line, of which more may be left beside it
LIKE = 0.25  # chi-square, in parts of the line's, from which another line counts
RESONATOR = "resonator"
BESIDE = "what all powers leave alike is another line, so near that both look like one"


def punch_out(maps: Maps, known: Known) -> Outcome:
    """Fit the resonator at low and at high power; known: bare_frequency."""
    maps, faults = without_faults(maps)
    bare = per_trace(known, "bare_frequency", maps)
    findings, found, curve = Findings(maps.traces), [], np.full(maps.y.shape, np.nan, maps.y.dtype)
    faults.judge(findings)
    pictures = [resonances(columns(maps, n, each=True)) for n in range(maps.traces)]
    for n, (c, back) in enumerate(pictures):
        found.append(None if faults.hopeless[n] else last(c, find(c)))
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
        cov[n, :2, :2] += np.outer(each.drift, each.drift)
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
        yield between_points(c, float(maps.axes[0][0]), float(np.ptp(maps.axes[0])))
        yield no_line(c, maps.known_noise, RESONATOR)
        return
    value, error = ({k: float(v[n]) for k, v in each.items()}
                    for each in (numbers.values, numbers.stderr))  # fmt: skip
    power, width = maps.axes[1], value["linewidth"]
    moved, window = abs(value["shift"]), float(np.ptp(maps.axes[0]))
    yield _unlike(found)
    yield _two_at_once(c, found)
    apart = alone(c, _places(found), width / window)
    if flattened(apart):
        yield rejected("saturated", FLATTENED)
    yield coarse(width / window, c.step, NARROWEST, value["frequency"] - 0.5 * value["shift"],
                 2.0 * moved / window)  # fmt: skip
    if found.whole is None:
        for side in (found.low, found.high):
            yield pointed(side.misses, width, error["linewidth"], c.step * window,
                          value["frequency"])  # fmt: skip
    drifts = abs(float(np.ptp(found.drift))) * window
    own = np.sqrt(max(error["shift"] ** 2 - drifts**2, 0.0))
    one = not moved > max(APART * own, PART_OF_WIDTH * width, drifts)
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
    if not found.drift.any() and _beside(c, found, apart, width / window):
        yield rejected("model does not fit", BESIDE)
    yield from _ends(found, power)
    yield misplaced(value, error, "bare_frequency", bare, window)


def _ends(found: Found, power: Array) -> Iterator[Objection]:
    """Object to a sweep that hardly begins low enough, or ends high enough."""
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


def _one_place(travel: float) -> Objection:
    """Object to a resonator without two places; travel: how far it moves, in linewidths."""
    slowly = f"the resonator moves by {travel:.1f} linewidths, but so slowly that it stands still"
    return insufficient(
        "range too narrow",
        f"{slowly} at neither end of the swept powers, or it drifts" if travel > MOVES
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


def _beside(c: Columns, found: Found, apart: Alone | None, width: float) -> bool:
    """Return whether both sides show another line, nearer than each power alone tells apart."""
    for side in (found.low, found.high):
        far = np.zeros(len(c.b), dtype=bool)
        far[side.powers] = outer(c.b[side.powers], found.moves[0])
        if not beside(apart, c.f, float(side.fit.theta[0]), width, far):
            return False
    return True


def _praise(numbers: Derived, n: int) -> str:
    above = numbers.values["shift"][n] > 0
    return f"the resonator moves {'down' if above else 'up'} to its bare frequency at high power"


KINDS: dict[str, Kind] = {
    "punch_out": over_a_map(punch_out, ("frequency", "power"), (8, 6), known=("bare_frequency",))
}
