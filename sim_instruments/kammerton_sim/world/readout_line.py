"""One feedline with its digitizer: from populations and tones to records."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence

import numpy as np

from kammerton_sim.chip import Chip, ResonatorTruth
from kammerton_sim.signals import Carrier
from kammerton_sim.world import converters
from kammerton_sim.world.cavity import Cavity, cavity
from kammerton_sim.world.chain import chain, compressed, noise_volts
from kammerton_sim.world.dispersive import pulls
from kammerton_sim.world.evolution import Qubit
from kammerton_sim.world.feedline import feedline
from kammerton_sim.world.photons import Kicks, kicks
from kammerton_sim.world.playback import Playback, Scene
from kammerton_sim.world.propagate import ComplexArray, FloatArray
from kammerton_sim.world.readout import Exposure, FieldCache
from kammerton_sim.world.scattering import REFERENCE_STEP, at_rest, trace_noise, transmission
from kammerton_sim.world.timeline import Sound


class ReadoutLine:
    """One feedline: its qubits (numbers in the chip, in order), its fields, its noise."""

    def __init__(self, chip: Chip, number: int, seed: int) -> None:
        self.wiring = chip.feedlines[number]
        served = self.wiring.resonators
        self.members = [n for n, r in enumerate(chip.resonators) if r.name in served]
        self._resonators = [chip.resonators[n] for n in self.members]
        self._qubits = [chip.qubits[n] for n in self.members]
        pairs = zip(self._qubits, self._resonators, strict=True)
        self._pulls = [pulls(qubit, resonator) for qubit, resonator in pairs]
        self.decoys: tuple[ResonatorTruth, ...] = ()
        """Resonances on this line that belong to no qubit."""
        self._meant = chip.wiring.carriers[self.wiring.readout.source]
        self._amplifier = chip.wiring.amplifiers.get(self.wiring.name)
        self._ripple = chip.wiring.ripples.get(self.wiring.name)
        self._receiver = chip.wiring.receivers.get(self.wiring.name)
        self._digitizer = chip.wiring.digitizers.get(self.wiring.name)
        self._seeds = np.random.default_rng((seed, number) if number else seed)
        self._fields = FieldCache()
        self._lock = threading.Lock()

    def distance(self, hertz: float) -> float:
        """Hz from the carrier that this line is meant for."""
        return abs(hertz - self._meant)

    def carrier(self, carriers: Mapping[str, Carrier]) -> float:
        """Hz of the source, or what it is meant to be."""
        source = carriers.get(self.wiring.readout.source)
        return source.frequency if source else self._meant

    def cavities(self, carrier: float) -> list[Cavity | None]:
        """The resonators whose photons count, seen from a source at `carrier` Hz."""
        return [cavity(q, r, carrier) for q, r in zip(self._qubits, self._resonators, strict=True)]

    def kicks(
        self, carriers: Mapping[str, Carrier], tones: Sound, step: float, turn: int
    ) -> list[Kicks | None]:
        """What the tones on this line do to each of its qubits, read or not."""
        cavities = self.cavities(self.carrier(carriers))
        return [
            kicks(tones, c, r.transitions, step, turn) if c is not None else None
            for c, r in zip(cavities, self._resonators, strict=True)
        ]

    def playback(
        self,
        carriers: Mapping[str, Carrier],
        qubits: Sequence[Qubit],
        levels: FloatArray,
        seen: Exposure,
        samples: int,
        turn: int,
        step: float,
    ) -> Playback:
        """Records to be drawn from `levels` (K, Q, 3)."""
        wiring = self.wiring
        code = converters.MIDDLE / wiring.full_scale
        carrier = self.carrier(carriers)
        decoys = self.decoys
        cavities = self.cavities(carrier)
        gain = wiring.gain * code
        line = feedline(self._resonators, self._pulls, carrier, gain, step, decoys, cavities)
        with self._lock:
            setting = carrier, step, samples, decoys, seen.hum
            fields = self._fields.fields(seen, line, samples, setting)
            seed = int(self._seeds.integers(1 << 62))
        scene = Scene(
            seed=seed,
            waveforms=seen.waveforms,
            starts=seen.reads - seen.triggers + round(wiring.delay / step),
            fields=fields,
            decays=line.decays(samples),
            lifetimes=np.array([q.t1 / step for q in qubits]),
            noise=self._noise(step) * code,
            chain=chain(self._amplifier, self._receiver, code),
            step=step,
        )
        return Playback(seen.triggers.size, turn * step, samples, levels, scene)

    def _noise(self, step: float) -> float:
        """V rms of each quadrature of a sample."""
        converter = converters.noise_volts(self._digitizer, self.wiring.full_scale)
        return math.hypot(self.wiring.noise, noise_volts(self._amplifier, step), converter)

    def scattering(
        self, qubits: Sequence[Qubit], hertz: FloatArray, volts: float, bandwidth: float
    ) -> tuple[ComplexArray, float]:
        """S21 at `hertz` with the members at rest, and the noise of each quadrature of a point."""
        wiring = self.wiring
        ground = np.zeros((len(self.decoys), 3))
        ground[:, 0] = 1.0
        levels = np.concatenate([at_rest(qubits), ground])
        resonators = [*self._resonators, *self.decoys]
        cavities = [*self.cavities(0.0), *(None for _ in self.decoys)]
        places = [*self._pulls, *(np.zeros(3) for _ in self.decoys)]
        found = transmission(wiring, resonators, places, levels, hertz, cavities, volts)
        if self._ripple is not None:
            delay = round(self._ripple.delay / REFERENCE_STEP) * REFERENCE_STEP  # as of records
            late = np.exp(-2j * math.pi * hertz * delay)
            found = found * (1 + self._ripple.amplitude * late)
        found = compressed(self._amplifier, volts * found) / volts
        noise = math.hypot(wiring.noise, noise_volts(self._amplifier, REFERENCE_STEP))
        return found, trace_noise(noise, volts, bandwidth)
