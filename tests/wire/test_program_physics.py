"""Compiled programs, through the driver and the wire, do to simulated qubits what they say.

A wrong sign anywhere between the words of a program and the mixer's inputs fails here: I and Q
exchanged, the lower sideband, the quadrature of DRAG, the phase of a second pulse, the delay of the
readout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from kammerton import lab as lab_file
from kammerton.lab import Lab
from kammerton.model import Program, Pulse, Readout, Wait
from kammerton.program import compile, pulse_samples
from kammerton_drivers.tektronix_awg5208 import Awg5208, connect
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.signals import Carrier
from kammerton_sim.write_lab import write_lab

RATE, RESET = 1e9, 2e-3  # a reset of 20 T1: no shot remembers the one before
BROKER = "mqtt://127.0.0.1:1883"


class Rig:
    """A laboratory whose generators are driven by our driver; the rest is set directly."""

    def __init__(self, laboratory: Laboratory, lab: Lab, generators: dict[str, Awg5208]) -> None:
        self.lab, self.world = lab, laboratory.world
        self._boxes, self._generators = laboratory.generators, generators
        self.qubits = list(lab.qubits)
        self.tones = {q: self.truth(f"{lab.qubits[q].resonator}.frequency") for q in self.qubits}

    def truth(self, parameter: str, **extra: object) -> float:
        return self.world.truth(parameter, **extra)

    def pi(self, qubit: str, amplitude=None, **changes: object) -> Pulse:
        pulse = Pulse(
            "drag", 1.0, 40e-9, self.truth(f"{qubit}.f01"), sigma=10e-9,
            anharmonicity=self.truth(f"{qubit}.anharmonicity"),
        )  # fmt: skip
        if amplitude is None:
            amplitude = self.pi_amplitude(qubit, pulse)
        return replace(pulse, amplitude=amplitude, **changes)

    def pi_amplitude(self, qubit: str, pulse: Pulse) -> float:
        carrier = self.lab.qubits[qubit].drive.carrier
        samples = pulse_samples(pulse, carrier, RATE)
        return self.truth(
            f"{qubit}.pi_amplitude", re=samples.real, im=samples.imag, sample_rate=RATE,
            carrier=carrier,
        )  # fmt: skip

    def play(self, sequences, axis, readouts=None):
        """Return (compiled, playback) of a program for all qubits."""
        usual = {q: Readout(f, 0.03, 1e-6) for q, f in self.tones.items()}
        program = Program(
            "physics", sequences, readouts or usual,
            dict.fromkeys(self.qubits, np.asarray(axis, dtype=float)), "x", "", 1, RESET,
        )  # fmt: skip
        compiled = compile(program, self.lab)
        asyncio.run(self._start(compiled))
        outputs = {c: o for box in self._boxes.values() for c, o in box.outputs().items()}
        carriers = {s: Carrier(hz, dbm, True) for s, (hz, dbm) in compiled.carriers.items()}
        return compiled, self.world.play(outputs, carriers, compiled.window.samples)

    async def _start(self, compiled) -> None:
        for name, playlist in compiled.playlists.items():
            await self._generators[name].load(playlist)
            await self._generators[name].enable(playlist.channels, on=True)
            await self._generators[name].run()
        await self._generators[self.lab.sync.master].trigger()
        for name in compiled.playlists:
            await self._generators[name].identity()  # an answer: the trigger has arrived

    def excited(self, sequences, axis) -> np.ndarray:
        """Return the mean population of 1 at the start of each readout, (M, Q)."""
        return self.play(sequences, axis)[1].populations[:, :, 1]


@pytest.fixture(scope="module")
def rig(tmp_path_factory) -> Iterator[Rig]:
    chip = random_chip(5, 3)
    with Laboratory(chip) as laboratory:
        path = tmp_path_factory.mktemp("physics") / "lab.toml"
        path.write_text(write_lab(chip, laboratory.ports, 3, BROKER), encoding="utf-8")
        lab = lab_file.load(path)
        generators = {
            name: connect(name, entry.address)
            for name, entry in lab.instruments.items()
            if entry.driver == "tektronix_awg5208"
        }
        for generator in generators.values():
            asyncio.run(generator.configure(RATE))
        yield Rig(laboratory, lab, generators)
        for generator in generators.values():
            asyncio.run(generator.close())


def test_a_rabi_sweep_turns_over_at_the_true_pi_amplitude(rig):
    factors = np.linspace(0.9, 1.1, 21)
    sequences = {q: (rig.pi(q, rig.pi(q).amplitude * factors),) for q in rig.qubits}
    excited = rig.excited(sequences, factors)
    assert excited.max(axis=0) == pytest.approx(1.0, abs=0.06)
    for column in excited.T:
        curve = np.polyfit(factors, column, 2)
        assert -curve[1] / (2 * curve[0]) == pytest.approx(1.0, abs=5e-3)


def test_the_quadrature_of_drag_has_the_right_sign(rig):
    def inverted(**changes):
        return rig.excited({q: (replace(rig.pi(q), **changes),) for q in rig.qubits}, [0.0])[0]

    wrong = {q: -rig.truth(f"{q}.anharmonicity") for q in rig.qubits}
    flipped = rig.excited(
        {q: (replace(rig.pi(q), anharmonicity=wrong[q]),) for q in rig.qubits}, [0.0]
    )[0]
    assert (inverted() > inverted(shape="gaussian") + 5e-4).all()
    assert (inverted(shape="gaussian") > flipped + 2e-3).all()


@pytest.mark.parametrize("off", [-0.4e6, 0.4e6])
def test_a_second_pulse_turns_with_the_frame_of_its_frequency(rig, off):
    """With phase -2 pi d t, a Ramsey fringe beats at d plus what the qubit is above the drive."""
    detuning, delays = 1e6, 40e-9 * np.arange(60)

    def half(qubit, phase=0.0):
        pulse = rig.pi(qubit)
        return replace(
            pulse, amplitude=pulse.amplitude / 2, frequency=pulse.frequency - off, phase=phase
        )

    turning = -2 * np.pi * detuning * (delays + 40e-9)
    sequences = {q: (half(q), Wait(delays), half(q, turning)) for q in rig.qubits}
    excited = rig.excited(sequences, delays)
    frequencies = np.linspace(0.2e6, 2e6, 361)
    waves = np.exp(-2j * np.pi * np.outer(frequencies, delays))
    beats = frequencies[np.abs(waves @ (excited - excited.mean(axis=0))).argmax(axis=0)]
    assert beats == pytest.approx(detuning + off, abs=0.06e6)


def test_a_wait_lasts_as_long_as_it_says(rig):
    delays = np.array([0.0, 30e-6, 1e-3])
    start, later, rest = rig.excited({q: (rig.pi(q), Wait(delays)) for q in rig.qubits}, delays)
    t1 = [rig.truth(f"{q}.t1") for q in rig.qubits]
    assert -delays[1] / np.log((later - rest) / (start - rest)) == pytest.approx(t1, rel=0.01)


def test_readout_tones_come_back_apart_and_without_the_delay(rig):
    """20 MHz below the resonances every tone is let through; all have one and the same phase."""
    offsets = np.array([-20e6, -15e6])
    readouts = {q: Readout(f + offsets, 0.03, 4e-6, 2e-6) for q, f in rig.tones.items()}
    compiled, playback = rig.play({}, offsets, readouts)
    window = compiled.window
    a, b = (np.empty((2 * 200, window.samples), np.uint16) for _ in "ab")
    playback.records(0, a, b)
    volts = [(codes.reshape(200, 2, -1).mean(axis=0) - 32768.0) / 32768 for codes in (a, b)]
    z = np.einsum("ms,msn->mn", volts[0] + 1j * volts[1], window.weights)
    assert np.ptp(np.angle(z)) < 0.12
    assert np.abs(z).std() < 0.1 * np.abs(z).mean()
