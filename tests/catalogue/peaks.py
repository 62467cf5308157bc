"""Lines that are not the one that is meant: somebody else's, a neighbour's beside it, a tone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.catalogue.damage import as_measured, size_of, without_pair
from tests.catalogue.nothing import column, way
from tests.catalogue.truth import Array, Traces, Truth, log_uniform


def is_line(truth: Truth) -> bool:
    return "centre" in truth.draw(np.random.default_rng(0), 1)


def wrong_peak(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """Somebody else's line, alone; there is nothing to measure."""
    if not is_line(truth):
        return None
    return replace(as_measured(truth, rng, n)[1], low={}, high={})


def wrong_peak_expected(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """The same, 6 to 12 linewidths from where one is expected within a linewidth."""
    if not is_line(truth):
        return None
    good = as_measured(truth, rng, n)[1]
    away = rng.choice([-1.0, 1.0], n) * rng.uniform(6.0, 12.0, n)
    return replace(_believed(good, away, 1.0), low={}, high={})


def _believed(good: Traces, away: Array, within: float) -> Traces:
    """Say where a line is expected: so many linewidths from where it is, and within so many."""
    width = good.low["linewidth"]
    place = good.low["frequency" if "frequency" in good.low else "frequency_0"]
    believed: dict[str, object] = {"expected": place + away * width, "within": within * width}
    return replace(good, known=good.known | believed)


def neighbour_below(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """A line of 10 to 60 % of the height, 3 to 6 linewidths below."""
    return _neighbour(truth, rng, n, -1.0)


def neighbour_above(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """A line of 10 to 60 % of the height, 3 to 6 linewidths above."""
    return _neighbour(truth, rng, n, 1.0)


def neighbour_expected(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """The same, and the right one is expected where it is, within a half of its linewidth."""
    good = neighbour_above(truth, rng, n)
    return None if good is None else _believed(good, 0.5 * rng.normal(size=n), 0.5)


def _neighbour(truth: Truth, rng: np.random.Generator, n: int, side: float) -> Traces | None:
    if not is_line(truth):
        return None
    p = truth.benign(rng, n)
    p["width"] = np.minimum(p["width"], 0.08)
    p["centre"] = 0.5 - side * rng.uniform(0.05, 0.25, n)
    other = {
        **p, "centre": p["centre"] + side * rng.uniform(3.0, 6.0, n) * p["width"],
        "width": p["width"] * rng.uniform(0.5, 1.5, n),
    }  # fmt: skip
    share = column(truth, rng.uniform(0.1, 0.6, n))
    y = truth.clean(p) + share * (truth.clean(other) - truth.clean(truth.empty(other)))
    return without_pair(as_measured(truth, rng, n, p, y)[1])


def cw_tone(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """A spike of one to three points, 0.2 to 2 times the line, beside a good line."""
    if not is_line(truth) or isinstance(truth.axis, tuple):
        return None
    p = truth.benign(rng, n)
    y, x = truth.clean(p), truth.windows()
    away = column(truth, p["width"] * rng.uniform(1.5, 4.0, n) * rng.choice([-1.0, 1.0], n))
    where = np.clip(column(truth, p["centre"]) + away, 0.02, 0.98)
    narrow = rng.uniform(0.3, 0.7, n) / len(x)  # as a Gaussian's sigma
    spike = np.exp(-0.5 * ((x - where) / column(truth, narrow)) ** 2)
    size = size_of(truth, p) * column(truth, log_uniform(rng, 0.2, 2.0, n))
    return as_measured(truth, rng, n, p, y + size * way(truth, rng, y) * spike)[1]
