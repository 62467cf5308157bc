"""What is played to every qubit in a turn, and what a qubit answers to it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kammerton_sim.world.evolution import Qubit, evolution
from kammerton_sim.world.flux import Steering
from kammerton_sim.world.lines import Lines
from kammerton_sim.world.pairs.couple import Played
from kammerton_sim.world.pairs.ties import Tie, tie
from kammerton_sim.world.photons import Kicks
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.readout import Exposure
from kammerton_sim.world.tape import Tape, longest_coherence, populations
from kammerton_sim.world.tapes import write_tape
from kammerton_sim.world.timeline import IntArray

_THREADS = 2
_HEAVY = 20_000  # samples


@dataclass(frozen=True, eq=False)
class Score:
    """A tape for every qubit of a feedline.

    frames: Hz of the frame that a tape is written in (None: the qubit's own).
    reads (K,): samples of the turn at which the states are taken. step: s per sample.
    pairs: what is propagated together; numbers: of the tapes' qubits in the chip.
    """

    tapes: Sequence[Tape]
    frames: Sequence[float | None]
    reads: IntArray
    step: float
    pairs: Sequence[Played] = ()
    numbers: Sequence[int] = ()

    def answer(self, place: int, qubit: Qubit) -> FloatArray:
        """(K, 3) populations of a qubit at every readout, if it is like `qubit`.

        One of a pair is as it is on average, however `qubit` differs from that.
        """
        for pair in self.pairs:
            if self.numbers[place] in pair.couple.numbers:
                return pair.marginal(pair.couple.numbers.index(self.numbers[place]))
        frame = self.frames[place]
        moving = evolution(qubit, qubit.f01 if frame is None else frame, self.step)
        return populations(self.tapes[place], moving, qubit.slow_dephasing, qubit.t1)

    def answers(self, qubits: Sequence[Qubit]) -> FloatArray:
        """(K, Q, 3) populations of all qubits."""
        with ThreadPoolExecutor(_THREADS) as threads:
            each = list(threads.map(self.answer, range(len(qubits)), qubits))
        return np.ascontiguousarray(np.stack(each, axis=1))

    def ties(self) -> list[Tie]:
        """Pairs of which both are read here."""
        places = {number: place for place, number in enumerate(self.numbers)}
        return [
            tie(pair.joint(), *(places[n] for n in pair.couple.numbers))
            for pair in self.pairs
            if places.keys() >= set(pair.couple.numbers)
        ]

    @property
    def heavy(self) -> bool:
        """Whether an answer takes long: many samples of drives that are hardly ever repeated."""
        return max(tape.drives.size for tape in self.tapes) > _HEAVY

    @property
    def coherent(self) -> float:
        """Longest time in s in which a phase builds up; a microsecond at least."""
        return max(1e-6, *(longest_coherence(tape) * self.step for tape in self.tapes))


def write_score(
    names: Sequence[str],
    rabi_rates: Sequence[float],
    lines: Lines,
    seen: Exposure,
    turn: int,
    fluxes: Sequence[Steering | None],
    kicks: Sequence[Kicks | None],
) -> Score:
    """Write down one turn of `turn` samples for every qubit of `names`, with its flux pulses.

    rabi_rates: rad/s of rotation per volt. kicks: by photons in the resonators.
    """

    def written(name: str, rabi_rate: float, flux: Steering | None, kicked: Kicks | None) -> Tape:
        return write_tape(lines.drive(name), rabi_rate, seen.reads, turn, flux, kicked)

    with ThreadPoolExecutor(_THREADS) as threads:
        tapes = list(threads.map(written, names, rabi_rates, fluxes, kicks))
    frames = [lines.frame(name) for name in names]
    return Score(tapes, frames, seen.reads, 1 / lines.rate)
