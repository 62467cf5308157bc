"""The words of a chip: its qubits, its resonators, its wiring."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from kammerton_sim.chip.couplings import Coupler, Coupling
from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.chip.film import ALUMINIUM, Superconductor
from kammerton_sim.chip.flux import Flux
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.chip.imperfections import (
    Amplifier,
    Crosstalk,
    Digitizer,
    FluxCrosstalk,
    Mixer,
    Receiver,
    Ripple,
    Settling,
)
from kammerton_sim.chip.noise import Bursts, Charge, Defect
from kammerton_sim.chip.photons import Photons, PunchOut, Purcell, Transitions
from kammerton_sim.chip.section import Section
from kammerton_sim.signals import ChannelId

Marker = tuple[str, int, int]
"""Generator, channel, marker (1..4)."""


class ChipError(ValueError):
    """A chip file that cannot be used; `problems` names everything that is wrong with it."""

    def __init__(self, problems: tuple[str, ...], source: str = "chip") -> None:
        self.problems = problems
        several = (f"{source}: {len(problems)} problems", *problems)
        one = f"{source}: {' '.join(problems).removeprefix(f'{source}: ')}"
        super().__init__("\n".join(several) if problems[1:] else one)


@dataclass(frozen=True)
class Drift:
    """An Ornstein-Uhlenbeck wander: standard deviation and correlation time in s."""

    amplitude: float
    time: float


@dataclass(frozen=True)
class QubitTruth:
    """One transmon.

    f01, anharmonicity: Hz (the latter negative). t1: s, 1/e time of |1> towards equilibrium.
    t2: s, exponential coherence time of |0>-|1> including T1, without the slow noise; at most
    2 t1. slow_dephasing: Hz, standard deviation of the detuning that is frozen within a shot.
    rabi_rate: rad/s of rotation per volt at the generator. floor_temperature: K, what the
    qubit's effective temperature saturates at. f01_drift: in Hz. t1_drift: of ln(T1).
    """

    name: str
    f01: float
    anharmonicity: float
    t1: float
    t2: float
    slow_dephasing: float
    rabi_rate: float
    floor_temperature: float = 0.035
    f01_drift: Drift = Drift(1e3, 3600.0)
    t1_drift: Drift = Drift(0.1, 3600.0)
    defects: tuple[Defect, ...] = ()
    charge: Charge | None = None
    flux: Flux | None = None


QUBIT_SECTIONS: Mapping[str, Section] = {
    "defects": Section(Defect, many=True),
    "charge": Section(Charge),
    "flux": Section(Flux),
}


@dataclass(frozen=True)
class ResonatorTruth:
    """One notch resonator: S21 = 1 - visibility exp(j asymmetry) / (1 + 2j (f - f_s) / linewidth).

    frequency: Hz, with the qubit in |0>; f_s = frequency + s chi in level s. chi: Hz, negative.
    linewidth: Hz, loaded, full width. visibility: loaded over coupling quality. asymmetry: rad.
    """

    name: str
    frequency: float
    chi: float
    linewidth: float
    visibility: float
    asymmetry: float
    purcell: Purcell | None = None
    photons: Photons | None = None
    punch_out: PunchOut | None = None
    transitions: Transitions | None = None


RESONATOR_SECTIONS: Mapping[str, Section] = {
    "purcell": Section(Purcell),
    "photons": Section(Photons),
    "punch_out": Section(PunchOut),
    "transitions": Section(Transitions),
}


@dataclass(frozen=True)
class Line:
    """A generator pair that feeds an I/Q mixer, and the source that pumps it."""

    i: ChannelId
    q: ChannelId
    source: str


@dataclass(frozen=True)
class Feedline:
    """One readout line with the digitizer at its end.

    board: name of the digitizer. readout: the generator pair that plays its tones. trigger: the
    marker that triggers the digitizer. resonators: those that it serves. delay: s from the
    readout generator to the record. gain: volts at the digitizer per volt at the generator.
    noise: volts rms per sample and channel. full_scale: volts.
    """

    name: str
    board: str
    readout: Line
    trigger: Marker
    resonators: tuple[str, ...]
    delay: float
    gain: complex
    noise: float
    full_scale: float


@dataclass(frozen=True)
class Wiring:
    """Which output goes where.

    drive: qubit name -> line. go: the marker that starts the other generators. carriers:
    source -> the Hz it is meant for (for whoever writes a lab.toml; the physics asks the source
    itself). readout, trigger, delay, gain, noise, full_scale: the first feedline, which serves
    every resonator that no other does. more: the other feedlines. See `Chip.feedlines`.
    instruments: further ones, by name. amplifiers, receivers, digitizers: what comes between a
    feedline (by name) and its records. mixers, ripples: of a line, by the name of its qubit or
    feedline. flux_crosstalk, flux_settling: of flux lines, by the name of their qubit or coupler.
    """

    generators: tuple[str, ...]
    drive: Mapping[str, Line]
    readout: Line
    trigger: Marker
    go: Marker
    carriers: Mapping[str, float]
    delay: float = 64e-9
    gain: complex = 0.30 * complex(math.cos(0.7), math.sin(0.7))
    noise: float = 0.036
    full_scale: float = 0.4
    more: tuple[Feedline, ...] = ()
    instruments: Mapping[str, FurtherInstrument] = field(default_factory=dict)
    amplifiers: Mapping[str, Amplifier] = field(default_factory=dict)
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    digitizers: Mapping[str, Digitizer] = field(default_factory=dict)
    mixers: Mapping[str, Mixer] = field(default_factory=dict)
    ripples: Mapping[str, Ripple] = field(default_factory=dict)
    drive_crosstalk: tuple[Crosstalk, ...] = ()
    flux_crosstalk: tuple[FluxCrosstalk, ...] = ()
    flux_settling: tuple[Settling, ...] = ()


WIRING_SECTIONS: Mapping[str, Section] = {
    "instruments": Section(FurtherInstrument, named=True),
    "amplifiers": Section(Amplifier, named=True),
    "receivers": Section(Receiver, named=True),
    "digitizers": Section(Digitizer, named=True),
    "mixers": Section(Mixer, named=True),
    "ripples": Section(Ripple, named=True),
    "drive_crosstalk": Section(Crosstalk, many=True),
    "flux_crosstalk": Section(FluxCrosstalk, many=True),
    "flux_settling": Section(Settling, many=True),
}


@dataclass(frozen=True)
class Chip:
    """Qubits, their resonators (same order) and the wiring. `seed` fixes every random path."""

    name: str
    seed: int
    qubits: tuple[QubitTruth, ...]
    resonators: tuple[ResonatorTruth, ...]
    wiring: Wiring
    bursts: Bursts | None = None
    refrigerator: Cryostat | None = None
    couplings: tuple[Coupling, ...] = ()
    couplers: Mapping[str, Coupler] = field(default_factory=dict)
    superconductor: Superconductor = ALUMINIUM

    @property
    def feedlines(self) -> tuple[Feedline, ...]:
        """Every feedline; the first is "feed0" with the digitizer "board"."""
        wiring = self.wiring
        elsewhere = {name for feedline in wiring.more for name in feedline.resonators}
        first = Feedline(
            name="feed0",
            board="board",
            readout=wiring.readout,
            trigger=wiring.trigger,
            resonators=tuple(r.name for r in self.resonators if r.name not in elsewhere),
            delay=wiring.delay,
            gain=wiring.gain,
            noise=wiring.noise,
            full_scale=wiring.full_scale,
        )
        return first, *wiring.more


CHIP_SECTIONS: Mapping[str, Section] = {
    "couplings": Section(Coupling, many=True),
    "couplers": Section(Coupler, named=True),
    "bursts": Section(Bursts),
    "refrigerator": Section(Cryostat),
    "superconductor": Section(Superconductor),
}
