"""A digitizer that stopped: values that are written again and again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.prepare import Batch

LEAST, SHARE = 4, 0.08  # of points in a row that repeat others
MANY = 12  # the least for counts, which repeat by chance
COUNTS = 0.8  # share of different values below which a trace is counts of few shots


def stuck(batch: Batch, suspects: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the suspects (N,) hold one value, or one block of values, repeated.

    Noise never gives the same number twice in a row so often. Counts of few shots do, and a
    population that stays at exactly 0 or 1 is no fault: there only a long run elsewhere counts.
    """
    found = suspects.copy()
    for n in np.flatnonzero(suspects):
        y = batch.y[n].reshape(batch.parts, -1).T
        found[n] = _repeats(y[batch.w[n, : len(y)] > 0])
    return found


def _repeats(y: NDArray[np.float64]) -> bool:
    least = max(LEAST, round(SHARE * len(y)))
    distinct = len(np.unique(y, axis=0))
    held = _longest(np.r_[False, (y[1:] == y[:-1]).all(axis=1)])
    at_end = held[0] > 1 and _extreme(y, held[1])
    if distinct < COUNTS * (len(y) - held[0]):
        least = max(MANY, len(y) // 6)
    if held[0] >= least and not at_end:
        return True
    return any(_read_again(y, lag, least) for lag in range(least, len(y) - least + 1))


def _read_again(y: NDArray[np.float64], lag: int, least: int) -> bool:
    """Whether so many points in a row, not all alike, are those of `lag` points before."""
    run, end = _longest((y[lag:] == y[:-lag]).all(axis=1))
    block = y[end + 1 - run : end + 1]
    return run >= least and len(np.unique(block, axis=0)) > run // 2


def _extreme(y: NDArray[np.float64], at: int) -> bool:
    """Whether the value at a place is the largest or the smallest of all."""
    value = y[at, 0]
    return y.shape[1] == 1 and bool(value in (y.min(), y.max()))


def _longest(same: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the length of the longest run of True, and where it ends."""
    best, end, run = 0, 0, 0
    for i, each in enumerate(same):
        run = run + 1 if each else 0
        if run > best:
            best, end = run, i
    return best, end
