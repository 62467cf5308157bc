"""CPU time of traces that are longer than usual, or show more: the third table of section 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from tests.benchmarks.fits_common import Effort, is_map, row
from tests.benchmarks.fits_speed import SNR, Case, ours, quietest
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
    rows = [*_long(effort), *_several(effort)]
    if not rows:
        return
    yield row("kind", "what is other", "N", "us a fit", "accepted", "yardstick")
    yield "|---|---|---|---|---|---|"
    yield from rows
    yield ""


def _long(effort: Effort) -> Iterator[str]:
    for truth in plain(effort.kind).values():
        if not is_map(truth) and truth.kind not in GIVEN:
            finer = replace(truth, axis=_finer(truth.axis))
            rng = np.random.default_rng([effort.seed, 4])
            p = finer.benign(rng, COUNT)
            case = Case(finer, p, finer.measured(rng, p, SNR))
            yield _row(case, truth.name, f"{LONG} points", effort.rounds)


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


def _row(case: Case, name: str, other: str, rounds: int) -> str:
    seconds, beside = quietest(partial(ours, case, COUNT), rounds)
    accepted = float(np.mean(case.truth.fit(case.traces).verdict == "accepted"))
    return row(name, other, COUNT, f"{1e6 * seconds:.1f}", f"{100 * accepted:.1f} %",
               f"{1e6 * beside:.0f}")  # fmt: skip
