"""A coupled pair of the chip: what is true of it, and what is played to it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kammerton_sim.chip import Chip
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.evolution import Qubit
from kammerton_sim.world.flux import Steering
from kammerton_sim.world.lines import Lines
from kammerton_sim.world.pairs.basis import PLACE
from kammerton_sim.world.pairs.coupler import Exchange, exchange_of
from kammerton_sim.world.pairs.play import joint_populations
from kammerton_sim.world.pairs.rest import at_rest
from kammerton_sim.world.pairs.script import Exchanged, Script, Voice, write_script
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.timeline import IntArray

_TURN = 2 * math.pi

Bias = Mapping[str, float]
Steer = Callable[[int], Steering | None]
"""Number of a qubit in the chip -> its flux pulses."""


@dataclass(frozen=True, eq=False)
class Couple:
    """Qubits `numbers` of the chip and what couples them."""

    names: tuple[str, str]
    numbers: tuple[int, int]
    exchange: Exchange

    @property
    def name(self) -> str:
        """The element's name, such as "q0-q1"."""
        return self.exchange.coupling.name

    def g(self, qubits: tuple[Qubit, Qubit], bias: Bias) -> float:
        """Hz at the present static fluxes."""
        at = (np.array([f]) for f in (*(q.f01 for q in qubits), self.exchange.rest(bias)))
        return float(self.exchange.effective(*at)[0])

    def zz(self, qubits: tuple[Qubit, Qubit], bias: Bias) -> float:
        """Hz by which one qubit moves when the other is excited."""
        given = self.exchange.coupling.zz
        if given is not None:
            return given
        a, b = qubits
        numbers = (0.0, b.f01 - a.f01, a.anharmonicity, b.anharmonicity, self.g(qubits, bias))
        return at_rest(*(_TURN * x for x in numbers)).shift / _TURN

    def truth(self, name: str, qubits: tuple[Qubit, Qubit], bias: Bias) -> float:
        """`g` or `zz`; WorldError for anything else."""
        if name not in ("g", "zz"):
            raise WorldError(f"the laboratory has no truth of {self.name}.{name}")
        return self.g(qubits, bias) if name == "g" else self.zz(qubits, bias)

    def played(
        self,
        qubits: tuple[Qubit, Qubit],
        lines: Lines,
        steer: Steer,
        bias: Bias,
        reads: IntArray,
        turn: int,
    ) -> Played:
        """What sounds in a turn of `turn` samples with measurements at `reads`."""
        frames = [lines.frame(name) for name in self.names]
        frame = next((f for f in frames if f is not None), qubits[0].f01)
        voices = tuple(
            Voice(lines.drive(name), qubit.rabi_rate, (f or frame) - frame, steer(number))
            for name, qubit, f, number in zip(self.names, qubits, frames, self.numbers, strict=True)
        )
        coupler = self.exchange.steering(lines, bias)
        exchanged = self._exchanged(qubits, bias)
        pair = voices[0], voices[1]
        script = write_script(pair, coupler, exchanged, reads, turn, 1 / lines.rate)
        return Played(self, qubits, bias, frame, 1 / lines.rate, script)

    def _exchanged(self, qubits: tuple[Qubit, Qubit], bias: Bias) -> Exchanged:
        """What moving a coupler, and the qubits beside it, changes."""
        exchange, rest = self.exchange, self.exchange.rest(bias)

        def of(f: FloatArray, g: FloatArray, c: FloatArray) -> FloatArray:
            pushed = exchange.moved(f, c, False), exchange.moved(g, c, True)
            return np.stack([*pushed, exchange.effective(f, g, c)], axis=1)

        still = of(*(np.array([f]) for f in (qubits[0].f01, qubits[1].f01, rest)))

        def changes(
            first: FloatArray, second: FloatArray, coupler: FloatArray | None
        ) -> FloatArray:
            if exchange.loop is None:
                return np.zeros((first.shape[0], 3))
            moved = first[:, 0], second[:, 0], 0 * first[:, 0] if coupler is None else coupler[:, 0]
            at = (
                f + m / _TURN for f, m in zip((*(q.f01 for q in qubits), rest), moved, strict=True)
            )
            return _TURN * (of(*at) - still)

        return changes


@dataclass(frozen=True, eq=False)
class Played:
    """A pair with what is played to it; `qubits` as they are at the start."""

    couple: Couple
    qubits: tuple[Qubit, Qubit]
    bias: Bias
    frame: float
    step: float
    script: Script
    _known: list[FloatArray] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def joint(self) -> FloatArray:
        """(K, 9) joint populations at every readout, in the order of `basis.LABELS`."""
        with self._lock:
            if not self._known:
                self._known.append(self._computed())
        return self._known[0]

    def marginal(self, which: int) -> FloatArray:
        """(K, 3) populations of the first (0) or second (1)."""
        table: FloatArray = self.joint()[:, PLACE]
        return np.asarray(table.sum(axis=2 - which))

    def _computed(self) -> FloatArray:
        g, given = self.couple.g(self.qubits, self.bias), self.couple.exchange.coupling.zz
        shift = None if given is None else _TURN * given
        return joint_populations(self.script, self.qubits, _TURN * g, shift, self.frame, self.step)

    @property
    def fluxed(self) -> bool:
        """Whether a flux pulse plays."""
        return any(segment.shifts.any() for segment in self.script.segments)

    def closeness(self) -> float:
        """Largest g over the distance of 01-10, 11-02 or 11-20, at rest or in a pulse."""
        a, b = self.qubits
        g = _TURN * self.couple.g(self.qubits, self.bias)
        rest = _TURN * (a.f01 - b.f01), _TURN * a.anharmonicity, _TURN * b.anharmonicity
        at = np.concatenate([np.zeros((1, 5)), *(s.shifts for s in self.script.segments)])
        apart = rest[0] + at[:, 0] - at[:, 2]
        distances = (apart, apart + rest[1] + at[:, 1], apart - rest[2] - at[:, 3])
        near = np.min(np.abs(distances), axis=0)
        return float(np.max(np.abs(g + at[:, 4]) / np.maximum(near, 1.0)))


def couples_of(chip: Chip) -> list[Couple]:
    """Every coupled pair of the chip."""
    numbers = {q.name: n for n, q in enumerate(chip.qubits)}
    exchanges = (exchange_of(word, chip.couplers) for word in chip.couplings)
    return [
        Couple((w.first, w.second), (numbers[w.first], numbers[w.second]), exchange)
        for exchange in exchanges
        for w in (exchange.coupling,)
    ]
