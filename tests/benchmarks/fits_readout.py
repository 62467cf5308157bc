"""Single shots: speed, success, honesty, verdicts. They are no sweep, so a section of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from zlib import crc32

import numpy as np

from kammerton.estimation import FitBatch
from tests.benchmarks.fits_common import Effort, mark, percent, progress, row
from tests.benchmarks.fits_drawn import NEAR, SURE
from tests.benchmarks.fits_honesty import FAR, WITHIN, honest
from tests.benchmarks.fits_speed import yardstick
from tests.benchmarks.fits_verdicts import (
    PAUSE,
    REST,
    SLOWEST,
    reached,
    right_words,
    slowest_of,
    slowest_row,
)
from tests.catalogue.broken import Broken
from tests.catalogue.readout import Readout
from tests.catalogue.readout_bound import assignment, bound, oracle
from tests.catalogue.readout_broken import BROKEN
from tests.catalogue.score import Score, added, score
from tests.catalogue.truth import Array, Traces

KIND = "single_shot_readout"
SOME = 250  # records at once: a thousand of 12,000 shots fill memory
SLOW = 8  # times fewer records of a class for the slowest: each is of 8000 shots or more
FEWER = 5  # times fewer records where a third state is in play
COUNTED = 25  # shots called wrong, on average, from which on their number is nearly Gaussian
ORACLE = 10  # times fewer records for the oracle, which looks at every shot


def lines(readout: Readout, effort: Effort) -> Iterator[str]:
    """Yield the section for one truth."""
    yield "## 8. Single shots\n"
    yield (
        "`single_shot_readout`: clouds 2 to 9 widths apart, 4000 shots of each preparation, "
        "thermal population, imperfect preparation and decay drawn at random (tests/catalogue/"
        "readout.py). Bounds are Cramer-Rao's of the whole plane; the oracle makes one step of "
        "Fisher's scoring from the truth with every shot where it fell. Right, far, wrong, std "
        "and the goals are those of sections 2 to 4, 5 % being a part of the value, of the "
        "contrast for a place in the plane, and of 1 for a probability or a decay; there is no "
        "sigma to be given. An assignment is that of the fit's own discriminator: it has no bound, "
        f"so std is in its error bars, and records count where {COUNTED} shots or more are called "
        "wrong. The slowest record is looked for as in section 5 among "
        f"{_of_each(effort)} of every class below; its goal, {SLOWEST:g} ms, is the one of any "
        "trace.\n"
    )
    yield from _speed(readout, effort)
    yield from _slowest(readout, effort)
    yield from _honesty(readout, effort)
    yield from _verdicts(readout, effort)
    yield row("class", "right verdict", "why")
    yield "|---|---|---|"
    for broken in BROKEN:
        yield row(broken.name, right_words(broken), broken.why)
    yield ""


def _drawn(readout: Readout, seed: int, n: int) -> Iterator[Traces]:
    rng = np.random.default_rng([seed, crc32(readout.name.encode())])
    for k in range(0, n, SOME):
        yield readout.measured(rng, readout.draw(rng, min(SOME, n - k)))


def _speed(readout: Readout, effort: Effort) -> Iterator[str]:
    progress(f"speed: {readout.name}")
    traces = next(_drawn(readout, effort.seed, min(100, 10 * effort.worst)))
    readout.fit(traces.take(slice(1)))
    each = [_seconds(readout, traces.take(slice(k, k + 1))) for k in range(len(traces))]
    many = [_seconds(readout, traces.take(slice(n))) / n for n in (10, len(traces))]
    cells = [float(np.median(each)), *many]
    yield row("truth", "shots", "CPU ms a record, N = 1", "N = 10", "N = 100", "yardstick us")
    yield "|---|---|---|---|---|---|"
    yield row(readout.name, readout.shots * readout.preparations,
              *(f"{1e3 * t:.1f}" for t in cells), f"{1e6 * yardstick():.0f}")  # fmt: skip
    yield ""


def _slowest(readout: Readout, effort: Effort) -> Iterator[str]:
    progress(f"slowest: {readout.name}")
    found = slowest_of(readout, _one_by_one(readout, effort), SLOWEST, PAUSE, REST)
    yield row("truth", "records", "median ms", "slowest ms", "class of the slowest", "yardstick us",
              "")  # fmt: skip
    yield "|---|---|---|---|---|---|---|"
    yield slowest_row(readout.name, found, SLOWEST)
    yield ""


def _of_each(effort: Effort) -> int:
    """Return how many records of a class the slowest is looked for among."""
    return max(1, effort.worst // SLOW)


def _one_by_one(readout: Readout, effort: Effort) -> Iterator[tuple[str, Traces]]:
    for broken in BROKEN:
        name = crc32(f"slowest {readout.name}/{broken.name}".encode())
        rng = np.random.default_rng([effort.seed, name])
        records = broken.make(readout, rng, _of_each(effort))  # type: ignore[arg-type]  # made for it
        for k in range(0 if records is None else len(records)):
            yield broken.name, records.take(slice(k, k + 1))


def _seconds(readout: Readout, traces: Traces) -> float:
    start = time.process_time()
    readout.fit(traces)
    return time.process_time() - start


def _honesty(readout: Readout, effort: Effort) -> Iterator[str]:
    progress(f"honesty: {readout.name}")
    n = max(1, effort.told // (FEWER if readout.levels > 2 else 1))
    rows = _Rows()
    for part in _drawn(readout, effort.seed, n):
        rows.add(readout, part)
    yield row("truth", "value", "records", "right", "oracle", "points", "std", "bias", "far",
              "68 %", "95 %", "")  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    yield from rows.lines(readout)
    yield ""
    yield row("truth", "good records", "not accepted", "")
    yield "|---|---|---|---|"
    yield row(readout.name, n, percent(rows.refused / n, 2), mark(rows.refused < 0.01 * n))
    yield ""


class _Rows:
    """Errors of every value, record by record: in bounds, in error bars, and in what is right.

    Of the assignment there is no bound, since it is that of the fit's own discriminator.
    """

    def __init__(self) -> None:
        self.refused = 0
        self.parts: dict[str, list[Array]] = {}

    def add(self, readout: Readout, traces: Traces) -> None:
        """Fit some records."""
        found, best = readout.fit(traces), bound(readout, traces.hidden)
        self.refused += int(np.count_nonzero(found.verdict != "accepted"))
        told = oracle(readout, traces.take(slice(0, None, ORACLE)))
        for name, true in traces.low.items():
            if np.isfinite(true).any():
                off, room = found.values[name] - true, _room(traces, name, best[name])
                near = np.full(len(traces), np.nan)
                near[::ORACLE] = np.abs((told[name] - true[::ORACLE]) / room[::ORACLE])
                self._keep(name, off / best[name], off / found.stderr[name], off / room, near)
        self._assigned(readout, traces, found)

    def _assigned(self, readout: Readout, traces: Traces, found: FitBatch) -> None:
        called = [assignment(readout, traces, found.values, n) for n in range(len(traces))]
        nothing = np.full(len(traces), np.nan)
        for name in called[0]:
            true = np.array([each[name] for each in called])
            pull = (found.values[name] - true) / found.stderr[name]
            wrong = 1 - true if name == "assignment_fidelity" else true
            pull[wrong * readout.shots < COUNTED] = np.nan
            self._keep(name, nothing, pull, nothing, nothing)

    def _keep(self, name: str, *columns: Array) -> None:
        self.parts.setdefault(name, []).append(np.array(columns))

    def lines(self, readout: Readout) -> Iterator[str]:
        """Yield a line for each value."""
        for name, parts in self.parts.items():
            yield _honesty_row(readout.name, name, *np.concatenate(parts, axis=1))


def _honesty_row(truth: str, name: str, error: Array, pull: Array, near: Array, told: Array) -> str:
    pull, own = pull[np.isfinite(pull)], bool(np.isfinite(error).any())
    if len(pull) == 0:
        return row(truth, name, 0, *[""] * 9)
    scatter = error if own else pull
    far = ~(np.abs(scatter) < FAR)
    cover = {label: float(np.mean(np.abs(pull) < z)) for label, z in WITHIN.items()}
    spread = float(np.std(scatter[~far]))
    good, points = honest(spread, cover, int(far.sum()), len(pull)), ["", "", ""]
    if own:
        right, best = (float(np.mean(np.abs(v[np.isfinite(v)]) < 1)) for v in (near, told))
        points = [percent(right), percent(best), f"{100 * (right - best):+.1f}"]
        good &= right - best >= -0.01
    return row(
        truth, name, len(pull), *points, f"{spread:.3f}", f"{np.mean(scatter[~far]):+.3f}",
        int(far.sum()), percent(cover["68"]), percent(cover["95"]), mark(good),
    )  # fmt: skip


def _room(traces: Traces, name: str, best: Array) -> Array:
    """Return how far from the truth a value is still right (N,)."""
    size = np.ones(len(traces))
    if name in ("cloud_width", "separation", "readout_contrast"):
        size = traces.low[name]
    elif name.startswith("centre") or name == "readout_threshold":
        size = traces.low["separation"] * traces.low["cloud_width"]
    return np.asarray(np.maximum(NEAR * size, SURE * best))


def _verdicts(readout: Readout, effort: Effort) -> Iterator[str]:
    yield f"### {readout.name}\n"
    yield row("class", "records", "accepted", "insufficient", "rejected", "right",
              "accepted and wrong", "limit", "")  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|"
    for broken in BROKEN:
        if not readout.in_turn and broken.name in ONE_AFTER_THE_OTHER:
            broken = replace(broken, never=False, undecidable=True)
        told = _scored(readout, broken, effort)
        if told is not None:
            n = told.traces
            shares = (told.accepted, told.insufficient, told.rejected, told.right, told.wrong)
            yield row(broken.name, n, *(percent(k / n) for k in shares),
                      percent(told.limit, 2), reached(broken, told))  # fmt: skip
    yield ""


ONE_AFTER_THE_OTHER = ("line", "random walk and noise", "random walk alone", "step")
"""What moves between two preparations looks like a difference between them: take turns."""


def _scored(readout: Readout, broken: Broken, effort: Effort) -> Score | None:
    progress(f"verdicts: {readout.name}, {broken.name}")
    rng = np.random.default_rng([effort.seed, crc32(f"{readout.name}/{broken.name}".encode())])
    n, parts = effort.never if broken.never else effort.broken, []
    for k in range(0, n, SOME):
        traces = broken.make(readout, rng, min(SOME, n - k))  # type: ignore[arg-type]  # made for it
        if traces is None:
            return None
        parts.append(score(readout, broken, traces))  # type: ignore[arg-type]  # fits as a Truth does
    return added(parts)
