"""Whether errors are what the error bars say, and how much is refused that tells enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from kammerton.estimation import FitBatch
from kammerton.estimation.kinds import FIT_KINDS
from tests.benchmarks.fits_common import Effort, mark, percent, progress, row
from tests.benchmarks.fits_drawn import Mask, Set, drawn, fitted
from tests.catalogue.bound import SURELY, told
from tests.catalogue.registry import truths
from tests.catalogue.truth import Array, Truth

FAR = 5.0  # bounds beyond which an error is no scatter
FEW = 5000
SOME = 100  # traces of which a share says something
STD, COVER = (0.95, 1.05), 0.02
EDGE_STD, EDGE_COVER = 0.7, 0.1  # where the truth lies on an edge of what is physical
GOOD_REFUSED = 0.01  # share of good traces
LINE = 0.01  # probability of its chi-square above which a straight line explains a trace
ANGLES = ("phase",)  # the same after a turn
WITHIN = {"68": 1.0, "95": 1.96}  # standard deviations
NORMAL = {"68": 0.6827, "95": 0.95}
UNIFORM = {"68": 3**-0.5, "95": 1.0}  # of a law without tails, so much lies within


@dataclass(frozen=True, eq=False)
class Judged:
    """What becomes of the traces of a truth.

    known, error, pull: by value, where it can be told, and its error over its bound and over its
    error bar (N,). told: where the law can, too (N,). accepted (N,); refused: in spite of enough
    information; interleaved: those which are refused though every turn of the sweep is known to
    have visited all points. straight: what a straight line explains as well as the decay; it may
    be a drift. status: the fits' (N,).
    """

    known: dict[str, Mask]
    error: dict[str, Array]
    pull: dict[str, Array]
    told: Mask
    accepted: Mask
    refused: Mask
    interleaved: Mask
    straight: Mask
    status: np.ndarray[tuple[int, ...], np.dtype[np.str_]]

    def enough(self) -> Mask:
        """Return where every value can be told."""
        return np.logical_and.reduce(list(self.known.values()))

    def least(self) -> int:
        """Return how often that value can be told which seldom can."""
        return min(int((known & self.told).sum()) for known in self.known.values())


def judged(held: Set) -> Judged:
    """Fit traces and look at the errors."""
    found = fitted(held)
    known = {name: held.known(name) for name in held.scored}
    off = {name: found.values[name] - held.traces.low[name] for name in known}
    off |= {name: (off[name] + np.pi) % (2 * np.pi) - np.pi for name in off if name in ANGLES}
    with np.errstate(invalid="ignore", divide="ignore"):
        error = {name: off[name] / held.best[name] for name in known}
        pull = {name: np.abs(off[name] / found.stderr[name]) for name in known}
    accepted = found.verdict == "accepted"
    refused = np.logical_and.reduce([*known.values(), ~accepted])
    still, straight = _still(held, refused), _straight(held)
    status = found.status.astype(str)
    law = told(held.truth, held.hidden, held.traces)
    return Judged(known, error, pull, law, accepted, refused, still, straight, status)


def _still(held: Set, refused: Mask) -> Mask:
    """Return what of it is refused though it is interleaved; only more can be accepted."""
    still = refused.copy()
    if refused.any() and "interleaved" in FIT_KINDS[held.truth.kind].known:
        again = held.traces.take(refused)
        known = {**again.known, "interleaved": True}
        found: FitBatch = held.truth.fit(replace(again, known=known))
        still[refused] = found.verdict != "accepted"
    return still


def _straight(held: Set) -> Mask:
    """Return where a straight line explains a decay, too."""
    y, truth = held.traces.y, held.truth
    if not truth.times or np.iscomplexobj(y) or "interleaved" not in FIT_KINDS[truth.kind].known:
        return np.zeros(len(y), dtype=bool)
    x = np.broadcast_to(np.asarray(held.traces.x), y.shape)
    weight = truth.noise(held.hidden, held.traces) ** -2.0
    x, y = (each - np.average(each, 1, weight)[:, None] for each in (x, y))
    slope = (weight * x * y).sum(1) / (weight * x**2).sum(1)
    chi2_line = (weight * (y - slope[:, None] * x) ** 2).sum(1)
    return np.asarray(chi2.sf(chi2_line, y.shape[1] - 2) > LINE)


def together(parts: list[Judged]) -> Judged:
    """Return all as one."""
    given = {f.name: [getattr(part, f.name) for part in parts] for f in fields(Judged)}
    return Judged(**{name: _joined(each) for name, each in given.items()})


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], dict):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)


def many(truth: Truth, effort: Effort) -> Judged:
    """Draw a block of traces after another until every value could be told often enough."""
    size, parts = effort.some(truth, effort.honest), list[Judged]()
    while size * len(parts) < effort.draws:
        parts.append(judged(drawn(truth, effort.seed + 1 + 1000 * len(parts), size, None)))
        if sum(part.least() for part in parts) >= effort.told:
            break
    return together(parts)


def lines(effort: Effort) -> Iterator[str]:
    """Yield the section on errors and error bars."""
    yield "## 3. Honesty of the error bars\n"
    yield (
        f"Traces at an SNR from 5 to 100 ({ranges()}) whose value is identifiable: "
        "its Cramer-Rao bound is below 5 % (a line's of its width, an offset's of the contrast, a "
        f"phase's of a radian); {effort.told} of them, or as many as were among "
        f"{effort.draws} draws. Whatever the verdict, all count. std is that "
        f"of error/bound within {FAR:g} bounds, far the number beyond; coverage is the share "
        "whose 68 % and 95 % bars hold the truth, and the last the 95 % bars of accepted traces. "
        "What a fit takes for usual (when pulses rise, how a gain slopes) is drawn so, and its "
        "bound knows it. "
        "Goals: std .95 to 1.05, coverage within 2 points, far below 0.1 %; below "
        f"{FEW} traces their own scatter (2 sigma) is allowed for. Where the data have to choose a "
        "law, too, those traces have rows of their own, without a goal, that may not tell which: "
        "without noise, chi-square would not differ from another law's best fit by "
        f"{SURELY:g} standard deviations of that difference more than the fit asks for. Where the "
        "truth lies on an edge of what is physical (an echo that is wholly exponential or "
        f"Gaussian), no bound holds: a std from {EDGE_STD:g} on and {100 * EDGE_COVER:g} points "
        f"more coverage reach the goals, too. {_else()}\n"
    )
    yield row("truth", "value", "traces", "std", "bias", "far", "68 %", "95 %",
              "95 %, accepted", "")  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|---|"
    refusals = []
    for truth in (each.unknowing() for each in truths(effort.kind).values()):
        progress(f"honesty: {truth.name}")
        found = many(truth, effort)
        yield from _honesty(truth, found, effort.told)
        yield from _aside(truth, effort)
        refusals.append(_refusals(truth, found))
    yield "\n### False rejects\n"
    yield (
        "Traces of any window in which every value is identifiable: the share that is not "
        "accepted, sigma given. Bent: those decays only which no straight line explains "
        f"(chi-square's probability below {100 * LINE:g} %): from a sweep in an unknown order, a "
        "straight line may be a drift, and is seldom accepted. Interleaved: all the traces, and it "
        "is known that every turn of the sweep visited all points, as when the daemon measures; "
        "then no drift can look like the law. Goals: below 1 % of what is bent, and of what is "
        "interleaved.\n"
    )
    yield row("truth", "traces", "not accepted", "most often", "bent", "", "interleaved", "")
    yield "|---|---|---|---|---|---|---|---|"
    yield from refusals
    yield ""


def _else() -> str:
    """Return how values are judged that no bound holds for, and which are not."""
    return (
        "Where the data say no more than between which two "
        "points of a sweep a value lies, any place there is as likely as any other: the bound is "
        "the standard deviation of that, step/sqrt(12), and as the law has no tails, its goals are "
        f"the {100 * UNIFORM['68']:.1f} % and 100 % that lie within 1 and 1.96 of it. "
        "AllXY's deviation holds the noise by definition: its truth and bound are what it is on "
        "average and how it scatters. Not judged: what was told to the fit and is handed back; a "
        "readout frequency where the shift is within 15 % of one linewidth, at which its law has "
        "a kink; the phase of a beat of which either part may be the stronger (shares of 40 to "
        "60 %)."
    )


def _aside(truth: Truth, effort: Effort) -> Iterator[str]:
    aside = truth.aside()
    if aside is not None:
        found = many(aside, effort)
        yield from _honesty(aside, found, effort.told)


def ranges() -> str:
    """Return which truths are measured at another SNR than 5 to 100, of those without counts."""
    others: dict[tuple[float, float], list[str]] = {}
    for truth in truths().values():
        if truth.mixed != Truth.mixed and truth.shots is None:
            others.setdefault(truth.mixed, []).append(truth.name)
    return "; ".join(f"{low:g} to {high:g}: {', '.join(names)}"
                     for (low, high), names in sorted(others.items()))  # fmt: skip


def _honesty(truth: Truth, found: Judged, most: int) -> Iterator[str]:
    for name, known in found.known.items():
        spread, cover, far, n, cells = _spread(
            found, name, np.flatnonzero(known & found.told)[:most]
        )
        shares, label = NORMAL, name
        if name in truth.between:
            shares, label = UNIFORM, f"{name}, between two points"
        kept = n > 0 and honest(spread, cover, far, n, edge=truth.edge, shares=shares)
        yield row(truth.name, label, *cells, mark(kept))
        untold = np.flatnonzero(known & ~found.told)[:most]
        if len(untold) >= SOME:
            *_, cells = _spread(found, name, untold)
            yield row(f"{truth.name}, law not told", name, *cells, "–")


def _spread(
    found: Judged, name: str, which: NDArray[np.intp]
) -> tuple[float, dict[str, float], int, int, list[object]]:
    """Return the spread of errors, what the bars cover, how many are far, and the cells of it."""
    if len(which) == 0:
        return np.nan, {}, 0, 0, [0, *[""] * 6]
    error, pull = found.error[name][which], found.pull[name][which]
    far = ~(np.abs(error) < FAR)
    cover = {label: float(np.mean(pull < z)) for label, z in WITHIN.items()}
    accepted = found.accepted[which]
    published = float(np.mean(pull[accepted] < 1.96)) if accepted.any() else np.nan
    near = error[~far] if not far.all() else np.array([np.nan])
    spread, many = float(np.std(near)), int(far.sum())
    return spread, cover, many, len(which), [
        len(which), f"{spread:.3f}", f"{np.mean(near):+.3f}", many, percent(cover["68"]),
        percent(cover["95"]), percent(published),
    ]  # fmt: skip


def honest(
    spread: float, cover: dict[str, float], far: int, n: int, *, edge: bool = False,
    shares: dict[str, float] = NORMAL,
) -> bool:  # fmt: skip
    """Return whether the goals are reached; few traces may miss them by their own scatter.

    edge: see `Truth`; bars may be longer there, to a limit. shares: that the bars should cover.
    """
    few = n < FEW
    room = 2 * spread / np.sqrt(2 * n) if few else 0.0
    least, over = (EDGE_STD, EDGE_COVER) if edge else (STD[0], COVER)
    ok = least - room <= spread <= STD[1] + room and far < 1e-3 * n + few
    for label, share in shares.items():
        room = 2 * np.sqrt(share * (1 - share) / n) if few else 0.0
        ok &= -COVER - room <= cover[label] - share <= over + room
    return bool(ok)


def _refusals(truth: Truth, found: Judged) -> str:
    enough, refused = found.enough(), found.refused
    share = _share(refused, enough)
    words, counts = np.unique(found.status[refused], return_counts=True)
    often = ", ".join(f"{words[k]} {counts[k]}" for k in np.argsort(-counts)[:3])
    bent = _share(refused & ~found.straight, enough & ~found.straight)
    cells = [percent(share, 2), often, percent(bent, 2) if found.straight.any() else ""]
    cells += [mark(enough.any() and bent < GOOD_REFUSED), "", ""]
    if "interleaved" in FIT_KINDS[truth.kind].known:
        still = _share(found.interleaved, enough)
        cells[-2:] = percent(still, 2), mark(still < GOOD_REFUSED)
    return row(truth.name, int(enough.sum()), *cells)


def _share(some: Mask, of: Mask) -> float:
    return float(some.sum() / max(of.sum(), 1))
