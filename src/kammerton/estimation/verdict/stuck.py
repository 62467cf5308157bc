"""A digitizer that stopped: values that are written again and again.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel, making_piece, piece
from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]
Counts = NDArray[np.intp]

LEAST, SHARE = 4, 0.08  # of points in a row that repeat others
FINEST = 1e-5  # step of counts, in parts of their range
FEW = 2  # values that come by turns: two rails, not a block read again
CHANCE = 1e-7  # that counts, which repeat by chance, do so often in a row


def stuck(batch: Batch, suspects: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the suspects (N,) hold one value, or one block of values, repeated.

    Noise never gives the same number twice in a row so often. Counts of few shots do, and a
    population that stays at exactly 0 or 1 is no fault: there only a long run elsewhere counts.
    """
    found = suspects.copy()
    if suspects.any():
        which = suspects.nonzero()[0]
        flags = np.zeros(len(which), dtype=np.bool_)
        parts = batch.y[which].reshape(len(which), batch.parts, -1)
        fill_stuck(parts, batch.w[which], LEAST, SHARE, CHANCE, flags)
        found[which] = flags
    return found


def between_rails(batch: Batch, which: NDArray[np.intp]) -> tuple[Counts, Counts]:
    """Return how many points of the traces `which` lie off their rails, and how many values.

    A rail is the largest or the smallest value, where there is more than one point of it.
    """
    out = np.empty((len(which), 2), dtype=np.intp)
    fill_between(batch.y, batch.w, which, out)
    return out[:, 0], out[:, 1]


@kernel
def fill_between(y: Array, w: Array, which: Counts, out: Counts) -> None:
    """Fill out (B, 2) with the numbers of points and of different values off the rails."""
    for b in range(which.size):
        values, m = np.empty(y.shape[1]), 0
        for i in range(y.shape[1]):
            if w[which[b], i] > 0.0:
                values[m] = y[which[b], i]
                m += 1
        ordered = np.sort(values[:m])
        low = high = 0
        while low < m and ordered[low] == ordered[0]:
            low += 1
        while high < m and ordered[m - 1 - high] == ordered[m - 1]:
            high += 1
        low, high = low if low > 1 else 0, high if high > 1 else 0
        left = max(m - low - high, 0)
        out[b, 0], out[b, 1] = left, different(ordered[low : low + left]) if left else 0


@kernel
def fill_stuck(
    y: Array,
    w: Array,
    least: int,
    share: float,
    chance: float,
    out: NDArray[np.bool_],
) -> None:
    """Fill out (N,) for y (N, parts, M)."""
    for n in range(y.shape[0]):
        m = 0
        kept = np.zeros((y.shape[1], y.shape[2]))
        for i in range(y.shape[2]):
            if w[n, i] > 0.0:
                for k in range(y.shape[1]):
                    kept[k, m] = y[n, k, i]
                m += 1
        out[n] = repeats(kept[:, :m], least, share, chance)


@making_piece
def repeats(y: Array, least: int, share: float, chance: float) -> bool:
    """Whether a value is held, or a block read again, in points (parts, M)."""
    m = y.shape[1]
    needed = max(least, int(share * m + 0.5))
    held, end = longest(y, 1)
    at_end = held > 0 and y.shape[0] == 1 and (y[0, end] == y[0].min() or y[0, end] == y[0].max())
    by_chance = counted(y[0])
    if held >= needed and not at_end and not (by_chance and usual(y[0], end, held, 1, chance)):
        return True
    for lag in range(needed, m - needed + 1):
        run, last = longest(y, lag)
        few = min(run, lag) // 2 if by_chance else FEW
        if run < needed or different(y[0, last + 1 - run : last + 1]) <= few:
            continue
        if not (by_chance and usual(y[0], last, run, lag, chance)):
            return True
    return False


@piece
def usual(y: Array, last: int, run: int, lag: int, chance: float) -> bool:
    """Whether counts (M,) may well repeat `run` points up to `last`, `lag` after them, by chance.

    How likely a value is to come again, the rest of the trace tells: how often it is there.
    """
    m = y.size
    log_chance = 2.0 * math.log(m)  # of pairs of places where it might have begun
    for i in range(last + 1 - run, last + 1):
        elsewhere = 0
        for k in range(m):
            apart = k < last + 1 - run - lag or k > last
            elsewhere += apart and y[k] == y[i]
        log_chance += math.log((elsewhere + 0.5) / m)
    return log_chance > math.log(chance)


@piece
def longest(y: Array, lag: int) -> tuple[int, int]:
    """Return how many points in a row equal those `lag` before, at most, and where that ends."""
    best = end = run = 0
    for i in range(lag, y.shape[1]):
        same = True
        for part in range(y.shape[0]):
            same = same and y[part, i] == y[part, i - lag]
        run = run + 1 if same else 0
        if run > best:
            best, end = run, i
    return best, end


@making_piece
def different(values: Array) -> int:
    """Return how many different values there are."""
    ordered = np.sort(values)
    count = 1
    for i in range(1, ordered.size):
        count += ordered[i] != ordered[i - 1]
    return count


@making_piece
def counted(values: Array) -> bool:
    """Return whether all values are whole multiples of one step apart, as counts are."""
    ordered = np.sort(values)
    span = ordered[-1] - ordered[0]
    step = span
    if span == 0.0:
        return True
    for i in range(1, ordered.size):
        gap = ordered[i] - ordered[i - 1]
        if gap > 1e-9 * span:
            step = min(step, gap)
    if step < FINEST * span:
        return False
    for i in range(1, ordered.size):
        steps = (ordered[i] - ordered[0]) / step
        if abs(steps - round(steps)) > 1e-3:
            return False
    return True
