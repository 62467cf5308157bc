"""What happens to qubits at a given moment: hops, collapses of T1, cut lines. Put there by hand.

A mishap lasts from its time until it is mended; the truth of earlier and later times stays right.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from kammerton_sim.world.evolution import Qubit


@dataclass(frozen=True)
class Mishap:
    """From `start` to `stop` (unix s) on the qubit of this number in the chip.

    f01: Hz added. rate: 1/s added to 1/T1. drive: what is left of the drive's amplitude.
    """

    number: int
    start: float
    f01: float = 0.0
    rate: float = 0.0
    drive: float = 1.0
    stop: float = math.inf


class Mishaps:
    """All that have happened."""

    def __init__(self) -> None:
        self._all: list[Mishap] = []
        self._lock = threading.Lock()

    def happen(self, mishap: Mishap) -> Callable[[float], None]:
        """Let it happen; returns what mends it at a unix time."""
        with self._lock:
            place = len(self._all)
            self._all.append(mishap)

        def mend(at: float) -> None:
            with self._lock:
                self._all[place] = replace(self._all[place], stop=at)

        return mend

    def applied(self, qubit: Qubit, number: int, at: float) -> Qubit:
        """A qubit with what holds at this time."""
        for m in self._all:
            if m.number == number and m.start <= at < m.stop:
                qubit = qubit._replace(
                    f01=qubit.f01 + m.f01,
                    t1=1 / (1 / qubit.t1 + m.rate),
                    rabi_rate=qubit.rabi_rate * m.drive,
                )
        return qubit
