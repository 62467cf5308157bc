"""One arming of the simulated digitizer: which records it delivered, and how long they took."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.board_faults import IntArray, delivered
from kammerton_sim.instruments.rig import Playback

FloatArray = NDArray[np.float64]


@dataclass
class Acquisition:
    """One arming of the board and the records it delivered.

    first: number of the first record, counted from the start of the generators; an arbitrary one
    when they already played as the board was armed. locked: whether it samples by the reference
    that all boxes share. phase: samples by which the first record comes late if it does not.
    """

    index: int
    time: float
    samples: int
    per_buffer: int
    expected: int
    delay: int
    late: bool
    locked: bool = True
    phase: float = 0.0
    first: int = -1
    made: int = 0
    triggers: int = 0
    turn_seconds: float = 0.0
    playback: Playback | None = None
    played: dict[int, Playback] = field(default_factory=dict)
    """Buffer -> what it was made from: outputs may change under way."""
    archive: NDArray[np.uint8] | None = None
    """The states, kept when what was played is forgotten."""
    missed: IntArray | None = None
    """Triggers that never reached the board, counted from the first record."""
    begun: float = 0.0
    """When the first trigger came, on the monotonic clock."""

    def begin(self, first: int, playback: Playback) -> None:
        """Note what is played as the first trigger comes."""
        self.first, self.playback = first, playback
        self.triggers, self.turn_seconds = playback.triggers, playback.turn_seconds
        self.begun = monotonic()

    def times(self, first: int, count: int) -> FloatArray:
        """Return when records first.. are triggered, in s after the generators' start."""
        each = self.turn_seconds / self.triggers if self.triggers else 0.0
        return (self.first + first + np.arange(count, dtype=np.float64)) * each

    @property
    def records(self) -> int:
        """Records delivered so far."""
        return min(self.made * self.per_buffer, self.expected)

    @property
    def turns(self) -> float:
        """How many turns of the loop they cover."""
        return self.records / self.triggers if self.triggers else 0.0

    @property
    def seconds(self) -> float:
        """Laboratory time they took."""
        return self.turns * self.turn_seconds

    def states(self) -> NDArray[np.uint8]:
        """Return the level of each qubit at the start of each record, (records, qubits)."""
        if self.archive is not None:
            return self.archive
        per, total = self.per_buffer, self.records
        parts = [
            self.played[n].states_of(self.first + number, stop - start)
            for n in range(self.made)
            for number, start, stop in self.delivered(n * per, min(per, total - n * per))
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.uint8)

    def delivered(self, first: int, count: int) -> list[tuple[int, int, int]]:
        """Runs of triggers (number, from place, to place) that became records first.. ."""
        return delivered(first, count, self.missed)

    def forget(self) -> None:
        """Let go of what was played; the summary stays."""
        self.playback = None
        self.played.clear()

    def summary(self) -> dict[str, Any]:
        """Return what the control socket tells about it."""
        return {"index": self.index, "time": self.time, "records": self.records,
                "turns": self.turns, "first": max(self.first, 0), "late": self.late}  # fmt: skip
