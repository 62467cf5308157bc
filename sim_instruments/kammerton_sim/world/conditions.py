"""Shots are not alike: which condition a qubit is in at each record, and what it then answers.

A qubit is taken as constant within a shot and its shots before (its populations are those of the
periodic state under the same condition): right while conditions last longer than the reset, and
for bursts, in which a qubit forgets faster than they change.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.evolution import Qubit
from kammerton_sim.world.noise import Noise
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.stretches import stretches
from kammerton_sim.world.timeline import IntArray

_RATE_STEP = 0.005  # conditions whose lasting 1/T1 differ by less are taken as one
_BURST_STEPS = 0.15, 0.5  # in a burst, by less of ln(1/T1) than this: the second for heavy scores
_PHASE_STEP = 0.1  # as are those whose phases differ by less at the end of a shot, in turns / 2 pi

Detunings = Callable[[int, FloatArray], FloatArray]
"""Number of a qubit and unix times -> Hz by which f01 is off that of the base."""

Answers = Callable[[int, Qubit], FloatArray]
"""Place among the qubits and what that one is like -> its populations (K, 3) at every readout."""


@dataclass(eq=False)
class Conditions:
    """Rows of a table: one for each qubit in each condition that has occurred.

    members: numbers of the qubits in the chip. start: unix s of the first turn. turn: s.
    triggers (K,): s within the turn. base: the qubits as they are at `start`. coherent: s, the
    longest time in which a phase builds up. heavy: answers take long.
    """

    noise: Noise
    detunings: Detunings
    members: Sequence[int]
    answers: Answers
    base: Sequence[Qubit]
    start: float
    turn: float
    triggers: FloatArray
    coherent: float
    heavy: bool = False
    _rows: dict[tuple[int, ...], int] = field(default_factory=dict, repr=False)
    _populations: list[FloatArray] = field(default_factory=list, repr=False)
    _t1: list[float] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @cached_property
    def _rates_at_start(self) -> list[float]:
        pairs = zip(self.members, self.base, strict=True)
        return [self.noise.lasting_rate(n, q.f01, self.start) for n, q in pairs]

    def rows(self, first: int, count: int) -> tuple[IntArray, FloatArray, FloatArray]:
        """For records first..: rows (count, Q), and the table so far.

        The table: populations (V, K, 3) and T1 (V,) in s.
        """
        turn, point = np.divmod(np.arange(first, first + count), self.triggers.size)
        times = self.start + turn * self.turn + self.triggers[point]
        bursts = self.noise.burst_rate(times)
        columns = [self._column(place, times, bursts) for place in range(len(self.base))]
        with self._lock:
            table = np.stack(self._populations), np.array(self._t1)
        return np.stack(columns, axis=1), *table

    def _column(self, place: int, times: FloatArray, bursts: FloatArray) -> NDArray[np.int64]:
        codes = np.stack(self._codes(place, times, bursts), axis=1)
        begin, stretch = stretches(codes)
        steps = [(place, *each) for each in codes[begin].tolist()]
        with self._lock:
            rows = {each: self._row(*each) for each in sorted(set(steps))}
        return np.array([rows[each] for each in steps], np.int64)[stretch]

    def _codes(
        self, place: int, times: FloatArray, bursts: FloatArray
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Conditions in whole steps away from the base: lasting rate, bursts, detuning."""
        base, number = self.base[place], self.members[place]
        now = self._rates_at_start[place]
        more = (self.noise.lasting_rates(number, base.f01, times) - now) * base.t1
        lasting = np.maximum(1 + more, 0.01)
        struck = np.log1p(bursts * base.t1 / lasting)
        tunes = self.detunings(number, times) / self._resolution
        steps = np.log(lasting) / _RATE_STEP, struck / self._burst_step, tunes
        rate, burst, tune = (np.rint(x).astype(np.int64) for x in steps)
        return rate, burst, tune

    @property
    def _burst_step(self) -> float:
        return _BURST_STEPS[self.heavy]

    @property
    def _resolution(self) -> float:
        return _PHASE_STEP / (2 * math.pi * self.coherent)

    def _row(self, place: int, rate: int, burst: int, tune: int) -> int:
        key = place, rate, burst, tune
        if key not in self._rows:
            base = self.base[place]
            qubit = base._replace(
                t1=base.t1 * math.exp(-rate * _RATE_STEP - burst * self._burst_step),
                f01=base.f01 + tune * self._resolution,
            )
            self._rows[key] = len(self._t1)
            self._populations.append(self.answers(place, qubit))
            self._t1.append(qubit.t1)
        return self._rows[key]
