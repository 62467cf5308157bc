"""What the digitizer records while the generators loop."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.feedline import Complex64Array
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.records import fill, states

RecordArray = NDArray[np.uint16]


@dataclass(eq=False)
class Playback:
    """One play of the loop: records on demand, in any order, from any thread.

    triggers: digitizer triggers per turn of the loop; record n belongs to trigger n mod
    `triggers`. turn_seconds: s. samples: length of a record. populations (K, Q, 3): mean level
    populations at the start of each readout, for tests and truths.
    """

    triggers: int
    turn_seconds: float
    samples: int
    populations: FloatArray
    seed: int = 0
    waveforms: NDArray[np.int64] = field(repr=False, default_factory=lambda: _no(np.int64))
    starts: NDArray[np.int64] = field(repr=False, default_factory=lambda: _no(np.int64))
    ground: Complex64Array = field(repr=False, default_factory=lambda: _no(np.complex64))
    change: Complex64Array = field(repr=False, default_factory=lambda: _no(np.complex64))
    decays: Complex64Array = field(repr=False, default_factory=lambda: _no(np.complex64))
    lifetimes: FloatArray = field(repr=False, default_factory=lambda: _no(np.float64))
    noise: float = 0.0
    _delivered: tuple[int, int] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def records(self, first: int, a: RecordArray, b: RecordArray) -> None:
        """Fill records first.. of channels A and B, both (R, samples).

        Codes are offset binary in 16 bits of which the upper 12 are used: 32768 is 0 V, 65536
        would be full scale. WorldError if nothing triggers or the shapes do not fit.
        """
        self._check(first, a, b)
        fill(
            self.seed,
            first,
            self.waveforms,
            self.starts,
            self.populations,
            self.ground,
            self.change,
            self.decays,
            self.lifetimes,
            np.float32(self.noise),
            a,
            b,
        )
        with self._lock:
            low, high = self._delivered or (first, first)
            self._delivered = min(low, first), max(high, first + a.shape[0])

    def states_of(self, first: int, count: int) -> NDArray[np.uint8]:
        """Levels (count, Q) at the start of the readout of records first.. ."""
        out = np.empty((count, self.populations.shape[1]), np.uint8)
        if self.triggers:
            states(self.seed, first, self.populations, out)
        return out

    @property
    def states(self) -> NDArray[np.uint8]:
        """Levels (records, Q) at the start of every readout delivered so far, in order."""
        first, stop = self._delivered or (0, 0)
        return self.states_of(first, stop - first)

    def _check(self, first: int, a: RecordArray, b: RecordArray) -> None:
        if not self.triggers:
            raise WorldError("nothing triggers the digitizer: there are no records")
        if first < 0:
            raise WorldError(f"there is no record {first}")
        if a.shape != b.shape or a.ndim != 2 or a.shape[1] != self.samples:
            raise WorldError(f"records of shape {a.shape} and {b.shape}, not (n, {self.samples})")


def _no(dtype: type[np.generic]) -> NDArray[np.generic]:  # type: ignore[type-var]
    return np.empty(0, dtype)
