"""The confusion table: broken traces and verdicts; and the slowest trace of all."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.stats import binom

from tests.benchmarks.fits_common import (
    LARGE,
    MISSED,
    Effort,
    in_time,
    is_map,
    large,
    percent,
    progress,
    row,
)
from tests.benchmarks.fits_speed import least_yardstick
from tests.catalogue import absent
from tests.catalogue.broken import ACCEPTED, ANY, BROKEN, Broken
from tests.catalogue.registry import plain, truths
from tests.catalogue.score import CHANCE, Score, score
from tests.catalogue.truth import Traces, Truth

SLOWEST, SLOWEST_MAP = 5.0, 20.0  # ms
SHARE = 0.01
RIGHT = 0.95  # of the verdicts, but for wrong values that nothing in the trace shows
UNTOLD = "–"  # wrong values, and nothing in the trace shows that they are
AGAIN = 20  # times that a trace is fitted which may be the slowest
PAUSE, AT_ONCE = 0.1, 3  # s between those after the first few: longer than a fit
REST = 2.0  # s between those of one that misses the goal: a machine is busy for longer still
ANY_HONEST = "accepted with right values, or refused"
SURE = 0.95  # that honest values alone would not be wrong so often
FEWER = 10  # times fewer maps than traces; many without a line have a table of their own


def classes(truth: Truth, effort: Effort) -> Iterator[tuple[Broken, Traces]]:
    """Yield every class that has a meaning for a truth."""
    for broken in (*BROKEN, *truth.own):
        n = effort.some(truth, effort.never if broken.never else effort.broken, FEWER)
        traces = broken.traces(truth, effort.seed, n)
        if traces is not None:
            yield broken, traces


def lines(effort: Effort) -> Iterator[str]:
    """Yield the confusion tables."""
    yield "## 4. Verdicts on broken traces\n"
    yield (
        "Wrong: accepted, with a value further from the truth than its error bars allow (3 "
        "standard errors; a little more where several values are scored, so that an honest trace "
        "is wrong in 0.27 %), or with a value where there is none. Accepted with values that are "
        "right within their bars is no harm, whatever was done to the trace. Seen: of the wrong, "
        "those that the trace could show. Where a broken trace follows another law than the fit's, "
        "or that law with other values, it shows only by what it leaves: seen is where the true "
        "law would gain more than 25 in chi-square without noise, five standard errors of one more "
        "parameter. Limit: 95 % upper limit of seen.\n"
    )
    yield (
        "Goals, sigma given: none accepted of flat noise, lines, walks and steps; fewer than 1 % "
        "wrong of every other class; more than 99 % of good traces accepted. A class with more "
        "wrong is **missed**, unless fewer than 1 % are seen: then it says –: the trace "
        "is as good as one of other values, a compressed or drifting line a line of another width, "
        "a fast fringe on an even axis a slow one. What would show it is "
        "said below. The table's own goal besides: 95 % right, but for the wrong that are not "
        "seen. Right: the verdict, and the words of a refusal, are of those named below, and no "
        "wrong value is accepted; less is **missed** (verdict), which sends a person to the wrong "
        "place though nothing wrong is published. Of maps a tenth, where 1 % is one map, "
        "which is wrong by chance in every fourth class: two are missed. Many without a line have "
        "a table of their own.\n"
    )
    for truth in plain(effort.kind).values():
        yield from _table(truth, effort)
    yield "### What the classes are\n"
    yield row("class", "right verdict", "why")
    yield "|---|---|---|"
    for broken in _all_classes(effort):
        yield row(broken.name, right_words(broken), broken.why)
    yield ""
    yield "### What is not drawn, and why\n"
    yield from absent.lines()
    yield ""


def _all_classes(effort: Effort) -> list[Broken]:
    own = {b.name: b for t in truths(effort.kind).values() for b in t.own}
    return [*BROKEN, *own.values()]  # type: ignore[list-item]  # own classes are Broken, too


def right_words(broken: Broken) -> str:
    """Return the right verdicts in words."""
    if not broken.status:
        return ANY_HONEST if broken.right == ANY else " or ".join(broken.right)
    words = ", ".join(broken.status)
    if broken.right == ANY:
        return f"{ANY_HONEST}: {words}"
    return f"{' or '.join(broken.right)}: {words}"


def _table(truth: Truth, effort: Effort) -> Iterator[str]:
    yield f"### {truth.name}\n"
    yield row("class", "traces", "accepted", "insufficient", "rejected", "right",
              "accepted and wrong", "seen", "limit", "", "without sigma: accepted",
              "accepted and wrong", "seen")  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    for broken, traces in classes(truth, effort):
        progress(f"verdicts: {truth.name}, {broken.name}")
        yield _row(broken, score(truth, broken, traces), score(truth, broken, traces, given=False))
    yield ""


def _row(broken: Broken, told: Score, blind: Score) -> str:
    n = told.traces
    return row(
        broken.name, n, *(percent(k / n) for k in (
            told.accepted, told.insufficient, told.rejected, told.right, told.wrong, told.seen)),
        percent(told.limit, 2), reached(broken, told),
        *(percent(k / n) for k in (blind.accepted, blind.wrong, blind.seen)),
    )  # fmt: skip


def reached(broken: Broken, told: Score) -> str:
    """Return the mark of a class with sigma given."""
    if broken.undecidable:
        return UNTOLD
    few = max(SHARE * told.traces, 1 + binom.ppf(SURE, told.traces, CHANCE))
    if broken.right == (ACCEPTED,) and told.traces - told.accepted >= SHARE * told.traces:
        return f"{MISSED} (refused)"
    if told.seen >= (1 if broken.never else few):
        return MISSED
    if told.right + told.wrong - told.seen < RIGHT * told.traces:
        return f"{MISSED} (verdict)"
    return UNTOLD if told.wrong >= few else ""


def worst_lines(effort: Effort) -> Iterator[str]:
    """Yield the slowest fit of a single trace."""
    yield "## 5. The slowest trace\n"
    yield (
        f"Every class of section 4, {effort.worst} traces each (maps: a twentieth), "
        f"fitted one by one. Each that took long is fitted up to {AGAIN} times more, over two "
        "seconds, until it is known whether any takes longer, and as often over "
        f"{AGAIN * REST:g} s where it misses the goal: the slowest is the one whose least "
        "CPU time is the largest, since a machine that is shared takes up to three times as long "
        "for the same trace. "
        f"Goal: {SLOWEST:g} ms; of maps, which have fifty to a hundred times as many points, "
        f"{SLOWEST_MAP:g} ms, a goal of our own: that of section 1, which is set for the mean of "
        f"many good ones. Maps of {LARGE} x {LARGE} points besides those of section 4; single "
        "shots are in section 8. The yardstick is section 1's, beside the slowest (its least in "
        "what was measured after 0377c3c6), and goals are asked as there.\n"
    )
    yield row("kind", "traces", "median ms", "slowest ms", "class of the slowest", "yardstick", "")
    yield "|---|---|---|---|---|---|---|"
    for truth in plain(effort.kind).values():
        progress(f"slowest: {truth.name}")
        yield _worst(truth, effort)
        if is_map(truth):
            of_points = replace(large(truth), name=f"{truth.name}, {LARGE} x {LARGE}")
            yield _worst(of_points, effort)
    yield ""


def _worst(truth: Truth, effort: Effort) -> str:
    goal = SLOWEST_MAP if is_map(truth) else SLOWEST
    return slowest_row(truth.name, slowest(truth, effort, goal, PAUSE, REST), goal)


def slowest_row(name: str, found: Slowest, goal: float) -> str:
    """Return a line of the table of the slowest; the goal is in ms."""
    return row(
        name, found.traces, f"{found.median:.2f}", f"{found.ms:.2f}", found.broken,
        f"{1e6 * found.yardstick:.0f}", in_time(found.ms, goal, found.yardstick),
    )  # fmt: skip


class Fitting(Protocol):
    """What fits traces: a truth of sweeps or maps, or of single shots."""

    def fit(self, traces: Traces) -> object:
        """Fit some traces."""


@dataclass(frozen=True)
class Slowest:
    """CPU milliseconds of the slowest of some traces fitted one by one, and its class.

    yardstick: its least CPU seconds after the slowest was looked for.
    """

    ms: float
    broken: str
    median: float
    traces: int
    yardstick: float


def slowest(
    truth: Truth, effort: Effort, goal: float = SLOWEST, pause: float = 0.0, rest: float = 0.0,
    enough: float = 0.0,
) -> Slowest:  # fmt: skip
    """Fit traces of every class one by one; the largest of their least times counts.

    pause, rest: s between fits of one that may be the slowest, and that takes longer than the
    goal (ms). enough: ms; what takes no longer the first time is not fitted again.
    """
    return slowest_of(truth, _one_by_one(truth, effort), goal, pause, rest, enough)


def slowest_of(
    truth: Fitting, each: Iterable[tuple[str, Traces]], goal: float, pause: float, rest: float,
    enough: float = 0.0,
) -> Slowest:  # fmt: skip
    """Do the same with given traces, each with the name of its class."""
    timed = [(_ms(truth, one), name, one) for name, one in each]
    times = [ms for ms, _, _ in timed]
    timed.sort(key=lambda each: -each[0])
    most, broken = 0.0, ""
    for first, name, one in timed:
        if first <= most:  # nor is any of those that follow
            break
        ms = first if first <= enough else _least(truth, one, first, most, pause)
        if ms > max(most, goal, enough):
            ms = _least(truth, one, ms, max(most, goal), rest)
        if ms > most:
            most, broken = ms, name
    return Slowest(most, broken, float(np.median(times)), len(times), least_yardstick())


def _one_by_one(truth: Truth, effort: Effort) -> Iterator[tuple[str, Traces]]:
    for broken in (*BROKEN, *truth.own):
        n = effort.some(truth, effort.worst)
        traces = broken.traces(truth, effort.seed + 2, n)  # type: ignore[attr-defined]  # own classes are Broken, too
        for k in range(0 if traces is None else len(traces)):
            yield broken.name, traces.take(slice(k, k + 1))


def _least(truth: Fitting, one: Traces, first: float, most: float, pause: float) -> float:
    """Return the least of several times, or the first that another trace's least exceeds."""
    least = first
    for tries in range(AGAIN):
        if tries > AT_ONCE:
            time.sleep(pause)
        least = min(least, _ms(truth, one))
        if least <= most:
            break
    return least


def _ms(truth: Fitting, one: Traces) -> float:
    start = time.process_time()
    truth.fit(one)
    return 1e3 * (time.process_time() - start)
