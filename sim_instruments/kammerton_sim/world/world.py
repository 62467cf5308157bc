"""The simulated laboratory's physics: from samples in the generators to records."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from kammerton_sim.chip import Chip, ResonatorTruth
from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.fridge import Refrigerator
from kammerton_sim.world import truth
from kammerton_sim.world.clock import LaboratoryClock
from kammerton_sim.world.conditions import Conditions
from kammerton_sim.world.dispersive import purcell_rate, residual_dephasing
from kammerton_sim.world.drift import Path
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.evolution import Qubit
from kammerton_sim.world.flux import Loop, Steering, connect
from kammerton_sim.world.flux_noise import dephasing
from kammerton_sim.world.lines import Carriers, Lines, Outputs
from kammerton_sim.world.mishaps import Mishaps
from kammerton_sim.world.noise import Noise
from kammerton_sim.world.pairs.couple import Played, couples_of
from kammerton_sim.world.pairs.engaged import engaged
from kammerton_sim.world.playback import Playback
from kammerton_sim.world.propagate import ComplexArray, FloatArray
from kammerton_sim.world.readout import expose
from kammerton_sim.world.readout_line import ReadoutLine
from kammerton_sim.world.score import Score, write_score
from kammerton_sim.world.thermal import (
    FASTEST,
    effective_temperature,
    quasiparticle_rate,
    stimulated,
)
from kammerton_sim.world.timeline import IntArray, rising_edges, turn_samples

_LATEST = 1e11
"""Unix s: three thousand years from now."""


class World:
    """A chip in its refrigerator, seen only through its cables.

    clock: the laboratory's. refrigerator: what the chip sits in. The parameters wander on the
    clock along paths fixed by the chip's seed; `seed` fixes the noise of the records (default:
    the chip's). bias: V of each static bias source by name; one that is absent gives 0 V.
    """

    def __init__(
        self, chip: Chip, seed: int | None = None, clock: LaboratoryClock | None = None
    ) -> None:
        self.chip = chip
        self.clock = clock or LaboratoryClock()
        cryostat = chip.refrigerator or Cryostat()
        self.refrigerator = Refrigerator(
            self.clock.now, cryostat.base_temperature, warm=bool(cryostat.warm)
        )
        self._rests = cryostat.base_temperature
        self._critical = chip.superconductor.critical_temperature
        self.bias: Mapping[str, float] = {}
        self._loops = [
            Loop(q.f01, q.anharmonicity, q.flux) if q.flux else None for q in chip.qubits
        ]
        self.couples = couples_of(chip)
        connect(self._loops_by_name(), chip.wiring)
        seed = chip.seed if seed is None else seed
        self._readouts = [ReadoutLine(chip, n, seed) for n in range(len(chip.feedlines))]
        self._f01 = [Path(q.f01_drift, chip.seed, n, 0) for n, q in enumerate(chip.qubits)]
        self._t1 = [Path(q.t1_drift, chip.seed, n, 1) for n, q in enumerate(chip.qubits)]
        self.noise = Noise(chip)
        self.mishaps = Mishaps()

    def _loops_by_name(self) -> dict[str, list[Loop]]:
        """Loops of qubits and couplers; a coupler has one for every pair that it couples."""
        loops: dict[str, list[Loop]] = {}
        for qubit, loop in zip(self.chip.qubits, self._loops, strict=True):
            loops[qubit.name] = [loop] if loop else []
        for exchange in (couple.exchange for couple in self.couples):
            if exchange.loop is not None:
                loops.setdefault(exchange.coupling.coupler, []).append(exchange.loop)
        return loops

    @property
    def temperature(self) -> float:
        """K of the mixing chamber; set, it is held there."""
        return self.refrigerator.temperature

    @temperature.setter
    def temperature(self, kelvin: float) -> None:
        self.refrigerator.hold(kelvin)

    def qubit(self, number: int, at: float | None = None) -> Qubit:
        """A qubit as it is at unix time `at` (default: now), as warm as it was then."""
        at = self.clock.now() if at is None else at
        kelvin = self.refrigerator.temperature_at(at)
        q = self.chip.qubits[number]
        f01, anharmonicity, rate, frozen = self._at_rest(number, at)
        f01 += self._f01[number](at)
        photons = residual_dephasing(self.chip.resonators[number], kelvin)
        warm = effective_temperature(q.floor_temperature, kelvin)
        qubit = Qubit(
            f01=f01,
            anharmonicity=anharmonicity,
            t1=1 / self._decay(number, f01, at, kelvin),
            dephasing_rate=min(1 / q.t2 - 0.5 / q.t1 + rate + photons, FASTEST),
            slow_dephasing=math.hypot(q.slow_dephasing, frozen),
            rabi_rate=q.rabi_rate,
            temperature=warm,
        )
        return self.mishaps.applied(qubit, number, at)

    def _at_rest(self, number: int, at: float) -> tuple[float, float, float, float]:
        """f01 and anharmonicity at the static flux, and how its noise dephases (1/s, Hz)."""
        q, loop = self.chip.qubits[number], self._loops[number]
        if loop is None:
            return q.f01, q.anharmonicity, 0.0, 0.0
        quanta = loop.static(self.bias) + float(self.noise.quanta(number, np.array([at]))[0])
        f01, anharmonicity = map(float, loop.arc(quanta))
        return f01, anharmonicity, *dephasing(loop.arc.slope(quanta), loop.flux.noise)

    def _decay(self, number: int, f01: float, at: float, kelvin: float) -> float:
        """1/T1: of the chip alone, through the resonator, by defects and by quasiparticles."""
        qubit, resonator = self.chip.qubits[number], self.chip.resonators[number]
        warm, rests = (
            effective_temperature(qubit.floor_temperature, each) for each in (kelvin, self._rests)
        )
        alone = 1 / (qubit.t1 * math.exp(self._t1[number](at)))
        modes = alone + purcell_rate(qubit, resonator, f01)
        modes *= stimulated(f01, warm, rests)
        defects = self.noise.lasting_rate(number, f01, at)
        total = modes + defects + quasiparticle_rate(f01, kelvin, self._critical)
        return min(total, FASTEST)

    def _detuning(self, start: float, number: int, times: FloatArray) -> FloatArray:
        """Hz by which f01 is off what it was at `start`, for reasons that shots can tell."""
        shift, loop = self.noise.charge_shift(number, times), self._loops[number]
        if loop is None:
            return shift
        quanta = loop.static(self.bias) + self.noise.quanta(number, np.append(times, start))
        f01 = loop.arc(quanta)[:, 0]
        moved: FloatArray = shift + f01[:-1] - f01[-1]
        return moved

    def decoy(self, resonance: ResonatorTruth) -> Callable[[], None]:
        """Put a resonance that belongs to no qubit on the feedline whose carrier is nearest.

        Returns what takes it off.
        """
        line = min(self._readouts, key=lambda each: each.distance(resonance.frequency))
        line.decoys = (*line.decoys, resonance)

        def take_off() -> None:
            line.decoys = tuple(d for d in line.decoys if d is not resonance)

        return take_off

    def truth(self, parameter: str, at: float | None = None, **extra: object) -> float:
        """The true value of a parameter such as "q0.t1" or "r0.linewidth"; see `truth`.

        Raises
        ------
        WorldError
            There is no such thing, or was none: a chip that is too warm is no superconductor.
        """
        if not isinstance(parameter, str):
            raise WorldError(f"a parameter is a name such as q0.t1, not {parameter!r}")
        if at is not None and not (isinstance(at, int | float) and abs(at) < _LATEST):
            raise WorldError(f"{parameter}: at is a time in unix s, not {at!r}")
        found = self._truth(parameter, at, extra)
        kelvin = self.refrigerator.temperature_at(self.clock.now() if at is None else at)
        if kelvin > self._critical:
            raise WorldError(
                f"{parameter}: no truth at {kelvin:.3g} K; above {self._critical:g} K the chip"
                " is no superconductor and has neither qubits nor resonators"
            )
        return found

    def _truth(self, parameter: str, at: float | None, extra: Mapping[str, object]) -> float:
        element, _, name = parameter.partition(".")
        for couple in self.couples:
            if couple.name == element:
                a, b = couple.numbers
                return couple.truth(name, (self.qubit(a, at), self.qubit(b, at)), self.bias)
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
        lines = Lines(self.chip.wiring, outputs, carriers, clocked.sample_rate)
        tones = lines.readout(wiring)
        seen = expose(tones, triggers, round(wiring.delay / step), samples)
        at = self.clock.now()
        qubits = [self.qubit(n, at) for n in readout.members]
        fluxes = [self._steering(lines, n) for n in readout.members]
        names = [self.chip.qubits[n].name for n in readout.members]
        kicks = readout.kicks(carriers, tones, step, turn)
        rates = [q.rabi_rate for q in qubits]
        score = write_score(names, rates, lines, seen, turn, fluxes, kicks)
        if self.couples:
            pairs = self._pairs(readout.members, lines, seen.reads, turn, at)
            score = replace(score, pairs=pairs, numbers=readout.members)
        playback = readout.playback(
            carriers, qubits, score.answers(qubits), seen, samples, turn, step
        )
        if self.noise.still:
            return playback.tied(score.ties()) if score.pairs else playback
        return playback.under(self._conditions(readout.members, score, qubits, at, turn * step))

    def _pairs(
        self, members: Sequence[int], lines: Lines, reads: IntArray, turn: int, at: float
    ) -> list[Played]:
        """Return the pairs that are propagated together, of the qubits that are read."""
        return engaged(
            self.couples,
            members,
            partial(self.qubit, at=at),
            lines,
            partial(self._steering, lines),
            self.bias,
            reads,
            turn,
            self.noise.still,
        )

    def scattering(
        self, hertz: FloatArray, volts: float, bandwidth: float, feedline: int = 0
    ) -> tuple[ComplexArray, float]:
        """S21 of a feedline at `hertz` (N,), and the standard deviation of each quadrature.

        volts: peak at the analyzer. bandwidth: Hz of a point.
        """
        readout, at = self._readouts[feedline], self.clock.now()
        qubits = [self.qubit(n, at) for n in readout.members]
        return readout.scattering(qubits, hertz, volts, bandwidth)

    def _steering(self, lines: Lines, number: int) -> Steering | None:
        loop = self._loops[number]
        return loop.steering(lines, self.bias) if loop else None

    def _conditions(
        self, members: Sequence[int], score: Score, qubits: list[Qubit], at: float, turn: float
    ) -> Conditions:
        moments = np.asarray(score.reads * score.step, np.float64)
        detunings = partial(self._detuning, at)
        return Conditions(
            self.noise,
            detunings,
            members,
            score.answer,
            qubits,
            at,
            turn,
            moments,
            score.coherent,
            score.heavy,
        )
