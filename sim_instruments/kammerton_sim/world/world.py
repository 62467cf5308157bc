"""The simulated laboratory's physics: from samples in the generators to records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from kammerton_sim.chip import Chip, Line
from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.fridge import Refrigerator
from kammerton_sim.signals import Carrier, ChannelId, ChannelOutput
from kammerton_sim.world import truth
from kammerton_sim.world.clock import LaboratoryClock
from kammerton_sim.world.drift import Path
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.evolution import Qubit, effective_temperature, evolution
from kammerton_sim.world.playback import Playback
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.readout import Exposure, expose
from kammerton_sim.world.readout_line import ReadoutLine
from kammerton_sim.world.tape import populations
from kammerton_sim.world.tapes import write_tape
from kammerton_sim.world.timeline import IqPair, Spans, rising_edges, track, turn_samples

_THREADS = 2

Outputs = Mapping[ChannelId, ChannelOutput]
Carriers = Mapping[str, Carrier]


class World:
    """A chip in its refrigerator, seen only through its cables.

    clock: the laboratory's. refrigerator: what the chip sits in. The parameters wander on the
    clock along paths fixed by the chip's seed; `seed` fixes the noise of the records (default:
    the chip's).
    """

    def __init__(self, chip: Chip, seed: int | None = None) -> None:
        self.chip = chip
        self.clock = LaboratoryClock()
        cryostat = chip.refrigerator or Cryostat()
        self.refrigerator = Refrigerator(
            self.clock.now, cryostat.base_temperature, warm=bool(cryostat.warm)
        )
        seed = chip.seed if seed is None else seed
        self._readouts = [ReadoutLine(chip, n, seed) for n in range(len(chip.feedlines))]
        self._f01 = [Path(q.f01_drift, chip.seed, n, 0) for n, q in enumerate(chip.qubits)]
        self._t1 = [Path(q.t1_drift, chip.seed, n, 1) for n, q in enumerate(chip.qubits)]

    @property
    def temperature(self) -> float:
        """K of the mixing chamber; set, it is held there."""
        return self.refrigerator.temperature

    @temperature.setter
    def temperature(self, kelvin: float) -> None:
        self.refrigerator.hold(kelvin)

    def qubit(self, number: int, at: float | None = None) -> Qubit:
        """A qubit as it is at unix time `at` (default: now), at the present temperature."""
        at = self.clock.now() if at is None else at
        q = self.chip.qubits[number]
        return Qubit(
            f01=q.f01 + self._f01[number](at),
            anharmonicity=q.anharmonicity,
            t1=q.t1 * math.exp(self._t1[number](at)),
            dephasing_rate=1 / q.t2 - 0.5 / q.t1,
            slow_dephasing=q.slow_dephasing,
            rabi_rate=q.rabi_rate,
            temperature=effective_temperature(q.floor_temperature, self.temperature),
        )

    def truth(self, parameter: str, at: float | None = None, **extra: object) -> float:
        """The true value of a parameter such as "q0.t1" or "r0.linewidth"; see `truth`."""
        return truth.value(self.chip, partial(self.qubit, at=at), parameter, extra)

    def play(
        self, outputs: Outputs, carriers: Carriers, samples: int, feedline: int = 0
    ) -> Playback:
        """Everything that follows from what the generators loop and how the sources are set.

        It is what the digitizer of one feedline sees, of the qubits that are read there.

        outputs: what each channel plays; an absent channel is silent. carriers: source name ->
        its setting; an absent source is off. samples: length of a record, which is sampled at
        the rate of the channel that carries the trigger. Lines share the trigger channel's
        turn: a line whose own turn is shorter is silent after it, a longer one is cut.

        A source that is off, or not above 8 dBm, puts nothing on its lines. Without a rising
        trigger marker there are no triggers and no records.
        """
        readout = self._readouts[feedline]
        wiring = readout.wiring
        box, channel, marker = wiring.trigger
        clocked = outputs.get((box, channel))
        triggers = rising_edges(clocked, marker)
        turn = turn_samples(clocked)
        if clocked is None or triggers.size == 0:
            return Playback(0, 0.0, samples, np.empty((0, len(readout.members), 3)))
        step = 1 / clocked.sample_rate
        lines = _Lines(outputs, carriers)
        seen = expose(
            lines.pair(wiring.readout, clocked.sample_rate),
            triggers,
            round(wiring.delay / step),
            samples,
        )
        at = self.clock.now()
        qubits = [self.qubit(n, at) for n in readout.members]
        levels = self._populations(lines, readout.members, qubits, seen, turn, clocked.sample_rate)
        return readout.playback(carriers, qubits, levels, seen, samples, turn, step)

    def _populations(
        self,
        lines: _Lines,
        members: Sequence[int],
        qubits: Sequence[Qubit],
        seen: Exposure,
        turn: int,
        rate: float,
    ) -> FloatArray:
        """(K, Q, 3) at every readout."""

        def of(number: int, qubit: Qubit) -> FloatArray:
            line = self.chip.wiring.drive[self.chip.qubits[number].name]
            tape = write_tape(lines.pair(line, rate), qubit.rabi_rate, seen.reads, turn)
            carrier = lines.frequency(line.source)
            moving = evolution(qubit, qubit.f01 if carrier is None else carrier, 1 / rate)
            return populations(tape, moving, qubit.slow_dephasing, self.chip.qubits[number].t1)

        with ThreadPoolExecutor(_THREADS) as threads:
            each = list(threads.map(of, members, qubits))
        return np.ascontiguousarray(np.stack(each, axis=1))


class _Lines:
    """The mixers' inputs: generator pairs as they sound, through sources as they are set."""

    def __init__(self, outputs: Outputs, carriers: Carriers) -> None:
        self._outputs, self._carriers = outputs, carriers
        self._spans = Spans()

    def pair(self, line: Line, rate: float) -> IqPair:
        """A line's two tracks, silent if its source does not pump the mixer."""
        heard = self.frequency(line.source) is not None
        i, q = (self._outputs.get(c) if heard else None for c in (line.i, line.q))
        pair = IqPair(track(i, self._spans), track(q, self._spans))
        if pair.sample_rate not in (0.0, rate):
            raise WorldError(
                f"{line.i[0]} runs at {pair.sample_rate:g} samples/s, the trigger at {rate:g}"
            )
        return pair

    def frequency(self, source: str) -> float | None:
        """Hz of a source that pumps its mixers, else None."""
        carrier = self._carriers.get(source)
        if carrier is None or not carrier.pumps:
            return None
        return carrier.frequency
