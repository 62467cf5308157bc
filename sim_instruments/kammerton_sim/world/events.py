"""Poisson events on the laboratory clock: when something hops, switches or strikes.

Time is cut into bins in which one event is expected; what happens in a bin is a hash of its
number and the seed. So any stretch of time can be asked in any order, and again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_Words = NDArray[np.uint64]

_MOST = 16  # events in a bin; a 17th happens once in 1e14 bins
_CUMULATED = np.cumsum([math.exp(-1) / math.factorial(n) for n in range(_MOST)])
_QUIET = 40  # bins: without any event once in 1e17
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class _Found(NamedTuple):
    """The events of a stretch of time, and their marks."""

    start: float
    stop: float
    times: FloatArray
    marks: FloatArray


class Events:
    """Events at `rate` per second; each carries a mark, uniform in [0, 1)."""

    def __init__(self, rate: float, *seed: int) -> None:
        self._width = 1 / rate
        self._seed = np.random.default_rng(seed).integers(1 << 63, size=1, dtype=np.uint64)
        self._found: _Found | None = None

    def between(self, start: float, stop: float) -> tuple[FloatArray, FloatArray]:
        """Times in s, sorted, and marks of the events in start..stop (unix s), and a few around."""
        bins = np.arange(math.floor(start / self._width), math.floor(stop / self._width) + 1)
        words = _mix(self._seed ^ _mix(bins.astype(np.int64).view(np.uint64) + _GOLDEN))
        counts = np.searchsorted(_CUMULATED, _uniform(words, 0), "right")
        owners = np.repeat(np.arange(bins.size), counts)
        turn = np.arange(owners.size) - np.repeat(np.cumsum(counts) - counts, counts)
        times = (bins[owners] + _uniform(words[owners], 2 * turn + 1)) * self._width
        order = np.argsort(times, kind="stable")
        return times[order], _uniform(words[owners], 2 * turn + 2)[order]

    def around(self, start: float, stop: float) -> tuple[FloatArray, FloatArray]:
        """The same of more than that, kept: whoever asks goes on in time, mostly."""
        found = self._found  # of one moment: another thread may replace it
        if found is None or not found.start <= start <= stop <= found.stop:
            ahead = stop + (stop - start)
            found = self._found = _Found(start, ahead, *self.between(start, ahead))
        return found.times, found.marks

    def latest(self, times: FloatArray) -> FloatArray:
        """Mark of the last event before each of `times`, which need not be sorted."""
        if times.size == 0:
            return np.empty(0)
        begun, marks = self.around(times.min() - _QUIET * self._width, times.max())
        last: FloatArray = marks[np.searchsorted(begun, times, "right") - 1]
        return last

    def lasting(self, first: float, last: float) -> float | None:
        """Mark of the last event before, where none comes from one time to another; else None."""
        begun, marks = self.around(first - _QUIET * self._width, last)
        before, until = np.searchsorted(begun, (first, last), "right").tolist()
        return float(marks[before - 1]) if before == until else None


def _uniform(words: _Words, counters: NDArray[np.int64] | int) -> FloatArray:
    counted = words + np.asarray(counters, np.uint64) * _GOLDEN
    return np.asarray((_mix(counted) >> np.uint64(11)) * 2.0**-53, np.float64)


def _mix(x: _Words) -> _Words:
    """Finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
