"""One number in each of the blocks of a run, in the order of time, and where it changes.

The largest cumulative sum of its deviations, each in its own error: of one change at an unknown
moment no test sees more (Page, Biometrika 42, 523, 1955).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kammerton.model.trace import FloatArray

CHANGED = 4.65
"""Errors of the difference of early and late beyond which it is one. Of a million series of 20
blocks without a change 33 have more."""

OFF = 1.0
"""Errors of the published value, by which a change must move it to matter."""

LARGEST, KEPT = 2, 0.66
"""Differences from one block to the next that are left out, for they may be a hop, and what is left
of the mean square of 19 without them."""


@dataclass(frozen=True)
class Errors:
    """Standard deviations of what is known of a number, in its unit.

    block: of what one block says. bar: of the mean, as it will be published. moved: of what else
    may change the difference of early and late. walk: what it wanders during the run.
    """

    block: float
    bar: float
    moved: float
    walk: float


@dataclass(frozen=True)
class Hop:
    """The likeliest change: after `part` of the run, from `early` to `late`, off the mean.

    errors: of the difference, in its own. off: how far the mean is from what held at the middle of
    the run, in its own errors.
    """

    part: float
    early: float
    late: float
    errors: float
    off: float

    @property
    def matters(self) -> bool:
        """Whether the mean may not be published."""
        return self.errors > CHANGED and self.off > OFF


def largest_hop(values: FloatArray, known: Errors) -> Hop:
    """Return the likeliest change of values (B,) of as many blocks.

    What they scatter from one to the next beyond their errors is noise, too. A random walk is no
    hop: the means of two parts differ by walk/sqrt(3), and the mean is off its middle by
    walk/sqrt(12).
    """
    count = values.size
    apart = values - values.mean()
    noise = max(known.block, scatter(values))
    before = np.arange(1, count)
    after = count - before
    sums = np.cumsum(apart)[:-1]
    early, late = sums / before, -sums / after
    spread = noise**2 * count / (before * after) + known.moved**2 + known.walk**2 / 3
    errors = np.abs(late - early) / np.sqrt(spread)
    n = int(np.argmax(errors))
    bar = math.hypot(known.bar, known.walk / math.sqrt(12))
    off = min(before[n], after[n]) / count * abs(float(late[n] - early[n])) / bar
    return Hop(before[n] / count, float(early[n]), float(late[n]), float(errors[n]), off)


def scatter(values: FloatArray) -> float:
    """Return the standard deviation of values (B,) by how each differs from the one before."""
    squares = np.sort(np.square(np.diff(values)))
    if squares.size > 4 * LARGEST:
        return math.sqrt(float(squares[:-LARGEST].mean()) / (2 * KEPT))
    return math.sqrt(float(squares.mean()) / 2)
