"""Between which two rows a line changes its place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.ridge import Columns
from kammerton.estimation.maps.tracks import Tracked, costs

Array = NDArray[np.float64]

MOST = 50.0  # chi-square by which one row speaks for either place; a stray one says no more
PLAIN = 0.7  # of what a typical row says for its place: less, and the line is on its way
LEFT = 0.2  # chi-square, in parts of the line's, that a plain line leaves at most
CHANCE = 4.0  # and so many standard deviations of a row's
SOFT = 0.1  # error of the middle of a soft change, in parts of its length


def changed(
    c: Columns, first: Tracked, second: Tracked, height: Array, shape: str, unlike: float
) -> tuple[float, float]:
    """Return where along the rows the first line gives way to the second, and its variance.

    Where it goes over softly this is half-way between the two places. Both are in parts of all
    rows' length. height: chi-square of the line of each row, wherever it is (B,). unlike: reduced
    chi-square of the lines, 1 where they are as the law has them.
    """
    cost = [costs(c, fit.theta, shape) for fit in (first, second)]
    odds = cost[0] - cost[1]
    at, variance = changed_at(c.b, odds / max(1.0, unlike))
    first_rows = c.b < at
    left = _left(c, np.where(first_rows, *cost))
    height = np.maximum(height, 1.0)
    sides = (_plain(-odds / height, first_rows), _plain(odds / height, ~first_rows))
    length = length_of_change(c.b, (left < LEFT * height) & (sides[0] | sides[1]), at)
    return at, variance + (SOFT * length) ** 2


def _left(c: Columns, cost: Array) -> Array:
    """Return by how much more than chance a row's chi-square exceeds a typical one's (B,)."""
    count = np.maximum(c.parts * (c.w > 0).sum(axis=1), 1)
    usual = float(np.median(cost / count))
    return np.asarray(cost - usual * (count + CHANCE * np.sqrt(2.0 * count)))


def _plain(clear: Array, mine: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of one side's rows show its place as plainly as most of them."""
    return np.asarray(mine & (clear > PLAIN * max(float(np.median(clear[mine])), 0.0)))


def changed_at(b: Array, odds: Array) -> tuple[float, float]:
    """Return where between rows at b (B,) a line changes its place, and the variance of that.

    odds: chi-square of each row with the line at its first place, less that at its second (B,).
    The change may lie anywhere between two rows, so that where these are plain it is the middle
    of a step with the variance step^2 / 12 of a uniform law; rows that could show either line
    make it wider.
    """
    step, middle = np.diff(b), 0.5 * (b[1:] + b[:-1])
    chi2 = np.cumsum(np.clip(odds, -MOST, MOST))[:-1]
    chance = step * np.exp(-0.5 * (chi2 - chi2.min()))
    chance /= chance.sum()
    mean = float(chance @ middle)
    return mean, float(chance @ (step**2 / 12.0 + (middle - mean) ** 2))


def length_of_change(b: Array, plain: NDArray[np.bool_], at: float) -> float:
    """Return over what length rows next to the change show neither place plainly.

    plain: which rows show their place (B,). 0 where the change is a jump.
    """
    split = int(np.searchsorted(b, at))
    low = int(np.flatnonzero(plain[:split]).max(initial=0))
    high = split + int(np.flatnonzero(plain[split:]).min(initial=len(b) - split - 1))
    return float(b[high] - b[low] - (b[split] - b[split - 1]))
