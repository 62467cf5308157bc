"""Maps without a line, many of each class: what `make prove-maps` also fits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kammerton.estimation import fit_batch
from tests.benchmarks.fits_common import Effort, is_map, mark, progress, row
from tests.catalogue.registry import plain
from tests.catalogue.truth import Truth
from tests.unit.estimation.map_inputs import NOTHING

SIDE = 31  # points of either axis
SHARE = 5  # times fewer than traces of a class that may never be accepted
SOME = 100  # maps at once


def lines(effort: Effort) -> Iterator[str]:
    """Yield a table of how many are accepted."""
    every = [truth for truth in plain(effort.kind).values() if is_map(truth)]
    if not every:
        return
    n = max(1, effort.never // SHARE)
    yield "### Maps without a line\n"
    yield (
        f"{len(NOTHING)} classes ({', '.join(NOTHING)}), {SIDE} by {SIDE} points, {n} maps each. "
        "Goal: none accepted.\n"
    )
    yield row("kind", "maps", "accepted", "without sigma: accepted", "")
    yield "|---|---|---|---|---|"
    for truth in every:
        progress(f"maps without a line: {truth.name}")
        told, blind = (accepted(truth, n, effort.seed, sigma) for sigma in (1.0, None))
        yield row(truth.name, n * len(NOTHING), told, blind, mark(told == 0))
    yield ""


def accepted(truth: Truth, n: int, seed: int, sigma: float | None) -> int:
    """Count what is accepted of n maps of every class, of noise 1; sigma: what is said of it."""
    axes = tuple(np.linspace(axis[0], axis[-1], SIDE) for axis in truth.axis)
    total = 0
    for number, make in enumerate(NOTHING.values()):
        rng = np.random.default_rng([seed, number])
        for k in range(0, n, SOME):
            found = fit_batch(truth.kind, axes, make(rng, min(SOME, n - k), SIDE, SIDE), sigma)
            total += int(np.count_nonzero(found.verdict == "accepted"))
    return total
