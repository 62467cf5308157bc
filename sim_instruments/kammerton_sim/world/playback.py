"""What the digitizer records while the generators loop."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.chain import Chain
from kammerton_sim.world.conditions import Conditions
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.feedline import Complex64Array, Fields
from kammerton_sim.world.pairs.ties import Tie
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.records import fill, states
from kammerton_sim.world.timeline import IntArray

RecordArray = NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Scene:
    """What the records of K triggers, Q qubits and N samples are drawn from.

    waveforms (K,): which of the W `fields`. starts (K,): sample of the record at which the
    states are taken. decays (Q, 3, N + 1): free decay of a field. lifetimes
    (Q,): T1 in samples. noise: rms in codes of 16 bits. chain: what comes after it. step: s per
    sample. conditions: when shots are not alike.
    ties: qubits whose outcomes go together, while all shots are alike.
    """

    seed: int
    waveforms: IntArray
    starts: IntArray
    fields: Fields
    decays: Complex64Array
    lifetimes: FloatArray
    noise: float
    chain: Chain
    step: float
    conditions: Conditions | None = None
    ties: Sequence[Tie] = ()


@dataclass(eq=False)
class Playback:
    """One play of the loop: records on demand, in any order, from any thread.

    triggers: digitizer triggers per turn of the loop; record n belongs to trigger n mod
    `triggers`. turn_seconds: s. samples: length of a record. populations (K, Q, 3): mean level
    populations at the start of each readout as the play begins, for tests and truths.
    """

    triggers: int
    turn_seconds: float
    samples: int
    populations: FloatArray
    scene: Scene | None = field(default=None, repr=False)
    _delivered: tuple[int, int] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def under(self, conditions: Conditions) -> Playback:
        """The same play where shots are not alike."""
        return replace(self, scene=self.scene and replace(self.scene, conditions=conditions))

    def tied(self, ties: Sequence[Tie]) -> Playback:
        """The same play where outcomes of pairs go together."""
        return replace(self, scene=self.scene and replace(self.scene, ties=ties))

    def records(self, first: int, a: RecordArray, b: RecordArray) -> None:
        """Fill records first.. of channels A and B, both (R, samples).

        Codes are offset binary in 16 bits of which the upper 12 are used: 32768 is 0 V, 65536
        would be full scale. WorldError if nothing triggers or the arrays do not fit: uint16,
        each contiguous.
        """
        scene = self._scene_for(first, a, b)
        rows, populations, lifetimes = self._rows(scene, first, a.shape[0])
        fill(
            scene.seed,
            first,
            scene.waveforms,
            scene.starts,
            rows,
            populations,
            scene.fields.ground,
            scene.fields.change,
            scene.fields.hazards,
            scene.decays,
            lifetimes,
            np.float32(scene.noise),
            scene.chain,
            a,
            b,
        )
        with self._lock:
            low, high = self._delivered or (first, first)
            self._delivered = min(low, first), max(high, first + a.shape[0])

    def states_of(self, first: int, count: int) -> NDArray[np.uint8]:
        """Levels (count, Q) at the start of the readout of records first.. ."""
        out = np.empty((count, self.populations.shape[1]), np.uint8)
        if self.scene is not None:
            rows, populations, _ = self._rows(self.scene, first, count)
            states(self.scene.seed, first, rows, populations, out)
        return out

    @property
    def states(self) -> NDArray[np.uint8]:
        """Levels (records, Q) at the start of every readout delivered so far, in order."""
        first, stop = self._delivered or (0, 0)
        return self.states_of(first, stop - first)

    def _rows(
        self, scene: Scene, first: int, count: int
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Which row (count, Q) of populations (V, K, 3) and lifetimes (V,) in samples to take."""
        if scene.conditions is not None:
            rows, populations, t1 = scene.conditions.rows(first, count)
            return rows, populations, t1 / scene.step
        rows = np.tile(np.arange(scene.lifetimes.size), (count, 1))
        populations = np.ascontiguousarray(self.populations.swapaxes(0, 1))
        if not scene.ties:
            return rows, populations, scene.lifetimes
        levels = np.empty(rows.shape, np.uint8)
        states(scene.seed, first, rows, populations, levels)
        for n, tie in enumerate(scene.ties):
            rows[:, tie.second] = rows.shape[1] + 3 * n + levels[:, tie.first]
        seconds = [tie.second for tie in scene.ties]
        lifetimes = np.concatenate([scene.lifetimes, np.repeat(scene.lifetimes[seconds], 3)])
        table = np.concatenate([populations, *(tie.conditional for tie in scene.ties)])
        return rows, table, lifetimes

    def _scene_for(self, first: int, a: RecordArray, b: RecordArray) -> Scene:
        if self.scene is None:
            raise WorldError("nothing triggers the digitizer: there are no records")
        if first < 0:
            raise WorldError(f"there is no record {first}")
        if a.shape != b.shape or a.ndim != 2 or a.shape[1] != self.samples:
            raise WorldError(f"records of shape {a.shape} and {b.shape}, not (n, {self.samples})")
        for channel in (a, b):
            if channel.dtype != np.uint16 or not channel.flags.c_contiguous:
                raise WorldError("records need contiguous arrays of uint16")
        return self.scene
