"""What a digitizer does to its records before the driver has them, when it is told to."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.rig import Codes
from kammerton_sim.wire.refusals import Refusal, Refusals

IntArray = NDArray[np.int64]

_MOST = 10**8
_MIDDLE = 32768.0
_TWELVE_BITS = np.uint16(0xFFF0)


class BoardFaults:
    """Sound until told otherwise.

    gain: of the input; above 1 what is loud clips. swapped: channel A arrives as B. silent: no
    trigger reaches the board. keep: share of a record that is sampled; the rest reads code 0.
    dropped: samples lost in the middle of a record. astray: by how much of itself the sample rate
    is wrong, as the reference at the board's input is gone; 0: it is there.
    """

    def __init__(self) -> None:
        self.gain, self.swapped, self.silent = 1.0, False, False
        self.keep, self.dropped, self.astray = 1.0, 0, 0.0
        self._lost, self._rng = 0.0, np.random.default_rng(0)
        self._stuck, self._kept = Refusals(), np.empty(0, np.uint16)
        self._lock = threading.Lock()

    def lose(self, share: float, seed: int) -> None:
        """Lose this share of the triggers of what is armed from now on."""
        self._lost, self._rng = share, np.random.default_rng(seed)

    def replay(self, buffers: int) -> Refusal:
        """Deliver the next buffer that comes, and then so many times the same again.

        Returns what counts them. Of several, each goes on where the one before ends.
        """
        with self._lock:
            if not self._stuck:
                self._kept = np.empty(0, np.uint16)
            return self._stuck.add(0, buffers)

    def play_on(self, replay: Refusal) -> None:
        """Let the rest of them be."""
        self._stuck.drop(replay)

    def missed(self, expected: int) -> IntArray | None:
        """Draw which of the records to come get lost, sorted; None when none does."""
        if not self._lost:
            return None
        triggers = int(expected / (1 - self._lost) * 1.2) + 100
        if triggers > _MOST:
            raise ValueError(f"{expected} records: too many for triggers that get lost")
        return np.flatnonzero(self._rng.random(triggers) < self._lost)

    def spoil(self, target: Codes) -> None:
        """Turn records (2, R, samples) into what the driver gets."""
        if self.swapped:
            target[:] = target[::-1].copy()
        if self.gain != 1.0:
            codes = (target - _MIDDLE) * self.gain + _MIDDLE
            target[:] = np.clip(codes, 0, 65535).astype(np.uint16) & _TWELVE_BITS
        if self.dropped:
            middle = target.shape[-1] // 2
            moved = target[..., middle + self.dropped :].copy()
            target[..., middle : middle + moved.shape[-1]] = moved
        if self.keep < 1:
            target[..., int(self.keep * target.shape[-1]) :] = 0
        if self._stuck:
            self._repeat(target)

    def _repeat(self, target: Codes) -> None:
        with self._lock:
            if self._kept.shape != target.shape:
                self._kept = target.copy()
            elif self._stuck.next() is not None:
                target[:] = self._kept


def delivered(first: int, count: int, missed: IntArray | None) -> list[tuple[int, int, int]]:
    """Runs (number of the record, from place, to place) for records first.. that arrive.

    missed: sorted numbers, counted like `first`, of those that do not.
    """
    if missed is None or not missed.size:
        return [(first, 0, count)]
    places = np.arange(first, first + count)
    numbers = places + np.searchsorted(missed - np.arange(missed.size), places, "right")
    breaks = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), count]
    return [(int(numbers[a]), a, b) for a, b in pairwise(breaks)]
