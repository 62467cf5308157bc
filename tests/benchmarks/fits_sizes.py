"""CPU time of larger or longer traces, or of more to see: the third table of section 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from tests.benchmarks.fits_common import LARGE, Effort, in_time, is_map, large, row
from tests.benchmarks.fits_speed import MAP, MAPS, SNR, Case, ours, quietest
from tests.catalogue.registry import plain
from tests.catalogue.truth import Array, Axis, Parameters, Truth, log_uniform
from tests.catalogue.truths_lines import DRIVES, lorentzian

LONG, COUNT = 1001, 100
GIVEN = ("allxy", "fine_amplitude", "randomized_benchmarking",
         "interleaved_randomized_benchmarking")  # fmt: skip
"""Kinds whose axis is no window that one may sample more finely."""
SEVERAL = (3, 6)


def lines(effort: Effort) -> Iterator[str]:
    """Yield the table for a kind; nothing where it has no other sizes."""
    rows = [*_large(effort), *_long(effort), *_several(effort)]
    if not rows:
        return
    yield row("kind", "what is other", "N", "us a fit", "goal", "accepted", "yardstick", "")
    yield "|---|---|---|---|---|---|---|---|"
    yield from rows
    yield ""


def _large(effort: Effort) -> Iterator[str]:
    for truth in plain(effort.kind).values():
        if is_map(truth):
            case = _benign(large(truth), effort.seed, MAPS)
            yield _row(case, truth.name, f"{LARGE} x {LARGE} points", effort.rounds, MAP)


def _long(effort: Effort) -> Iterator[str]:
    for truth in plain(effort.kind).values():
        if not is_map(truth) and truth.kind not in GIVEN:
            case = _benign(replace(truth, axis=_finer(truth.axis)), effort.seed, COUNT)
            yield _row(case, truth.name, f"{LONG} points", effort.rounds)


def _benign(truth: Truth, seed: int, n: int) -> Case:
    rng = np.random.default_rng([seed, 4])
    p = truth.benign(rng, n)
    return Case(truth, p, truth.measured(rng, p, SNR))


def _finer(axis: Axis) -> Axis:
    if isinstance(axis, tuple):
        return (*axis[:-1], _between(axis[-1]))
    return _between(axis)


def _between(axis: Array) -> Array:
    places = np.linspace(0.0, 1.0, LONG)
    return np.asarray(np.interp(places, np.linspace(0.0, 1.0, len(axis)), axis))


def _several(effort: Effort) -> Iterator[str]:
    if effort.kind != "qubit_spectroscopy":
        return
    truth = plain(effort.kind)["qubit_spectroscopy"]
    for count in SEVERAL:
        rng = np.random.default_rng([effort.seed, count])
        p = {truth.strength: np.ones(COUNT)}
        case = Case(truth, p, _bare(truth).measured(rng, p, SNR, _lines(rng, count)))
        found = truth.fit(case.traces)
        share = float(np.mean(found.values["lines"] == count))
        yield _row(case, truth.name, f"{count} lines, counted rightly in {100 * share:.0f} %",
                   effort.rounds)  # fmt: skip


def _bare(truth: Truth) -> Truth:
    """Return a truth that has no values."""

    def nothing(p: Parameters) -> dict[str, Array]:
        del p
        return {}

    return replace(truth, scored=nothing)


def _lines(rng: np.random.Generator, count: int) -> Array:
    """Return lines that stand well apart, as high as 0.5 to 1 (COUNT, M)."""
    x = (DRIVES - DRIVES[0]) / np.ptp(DRIVES)
    places = (np.arange(count) + rng.uniform(0.3, 0.7, (COUNT, count))) / count
    widths = log_uniform(rng, 0.02, 0.04, COUNT * count).reshape(COUNT, count)
    heights = rng.uniform(0.5, 1.0, (COUNT, count))
    return np.asarray(sum(
        heights[:, [k]] * lorentzian(x, places[:, [k]], widths[:, [k]]) for k in range(count)
    ))  # fmt: skip


def _row(case: Case, name: str, other: str, rounds: int, goal: float | None = None) -> str:
    n = len(case.traces)
    seconds, beside = quietest(partial(ours, case, n), rounds)
    accepted = float(np.mean(case.truth.fit(case.traces).verdict == "accepted"))
    return row(
        name, other, n, f"{1e6 * seconds:.1f}", "" if goal is None else f"{goal:g}",
        f"{100 * accepted:.1f} %", f"{1e6 * beside:.0f}",
        "" if goal is None else in_time(1e6 * seconds, goal, beside),
    )  # fmt: skip
