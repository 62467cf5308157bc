"""A laboratory of two qubits, written down, and a bench whose answers the test decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from kammerton.bench.last_seen import LastSeen
from kammerton.lab import (
    Channel,
    Design,
    Feedline,
    InstrumentEntry,
    Interlock,
    IqLine,
    Lab,
    Limit,
    PiPulse,
    QubitEntry,
    ReadoutPulse,
    ResonatorEntry,
    Sync,
)
from kammerton.model import Program, Records

START = datetime(2026, 1, 1, tzinfo=UTC)


def two_qubits(path: Path) -> Lab:
    volts = {"volts": Limit(-0.5, 0.5, 1e9)}
    awg = InstrumentEntry("awg1", "tektronix_awg5208", "TCPIP0::x::INSTR", volts)
    drive = {
        f"q{k}": IqLine(Channel("awg1", 2 * k + 1), Channel("awg1", 2 * k + 2), "lo", 4.8e9, 13.0)
        for k in range(2)
    }
    readout = IqLine(Channel("awg1", 5), Channel("awg1", 6), "ro", 7.0e9, 13.0)
    return Lab(
        computer="two",
        path=path / "lab.toml",
        database=path / "kammerton.sqlite",
        data=path / "runs",
        sample_rate=1e9,
        instruments={"awg1": awg},
        qubits={n: QubitEntry(n, f"r{n[1:]}", drive[n], _qubit()) for n in drive},
        resonators={f"r{k}": ResonatorEntry(f"r{k}", "feed", _resonator()) for k in range(2)},
        feedlines={"feed": Feedline("feed", readout, "dig", Channel("awg1", 5), 64e-9)},
        sync=Sync("awg1", Channel("awg1", 1), ()),
        pi_pulse=PiPulse(40e-9, 10e-9),
        readout=ReadoutPulse(1e-6, 300e-6),
        interlock=Interlock("fridge", 0.05, 0.1, 30.0),
    )


def _qubit() -> dict[str, Design]:
    return {
        "f01": Design(4.9e9, 8e6),
        "anharmonicity": Design(-200e6, 15e6),
        "pi_amplitude": Design(0.2, 0.03),
        "t1": Design(50e-6, 25e-6),
        "t2_star": Design(30e-6, 15e-6),
        "t2_echo": Design(45e-6, 20e-6),
    }


def _resonator() -> dict[str, Design]:
    return {
        "frequency": Design(6.81e9, 1.5e6),
        "linewidth": Design(2e6, 0.5e6),
        "readout_amplitude": Design(0.045, 0.0),
    }


class ScriptedBench:
    """Answers each program with what `answer(program, target)` says: (M,) complex volts."""

    def __init__(self, answer: Callable[[Program, str], np.ndarray], noise: float = 5e-5) -> None:
        self.answer, self.noise = answer, noise
        self.played: list[Program] = []
        self.seen = LastSeen()
        self.rng = np.random.default_rng(1)

    async def acquire(self, program: Program) -> Records:
        self.played.append(program)
        blocks = {name: self._blocks(program, name) for name in program.sequences}
        shots = {name: self._shots(program, name) for name in blocks if program.keep_shots}
        return Records(blocks, shots, seconds=1.0)

    def _shots(self, program: Program, name: str) -> np.ndarray:
        mean = np.asarray(self.answer(program, name), complex)
        noise = self.rng.normal(size=(2, 1000, mean.size)) * 1e-3
        return mean + noise[0] + 1j * noise[1]

    def _blocks(self, program: Program, name: str) -> np.ndarray:
        mean = np.asarray(self.answer(program, name), complex)
        noise = self.rng.normal(size=(2, 20, mean.size)) * self.noise * np.sqrt(20)
        return mean + noise[0] + 1j * noise[1]


class Chip:
    """Ideal qubits behind a ScriptedBench: it knows programs by name, which no bench should."""

    f01, pi, decay, dephasing, coherence = 4.903e9, 0.21, 60e-6, 30e-6, 50e-6
    resonance, width = 6.8105e9, 2e6
    zero, one = 0.004 + 0.001j, 0.001 + 0.005j

    def __init__(self, dead: tuple[str, ...] = ()) -> None:
        self.dead = dead

    def answer(self, program: Program, target: str) -> np.ndarray:
        if program.name == "resonator_spectroscopy":
            return self._notch(program.axis[target])
        p = getattr(self, program.name)(program, target)
        p = np.zeros(program.points) if target in self.dead else p
        return self.zero + (self.one - self.zero) * p

    def _notch(self, f: np.ndarray) -> np.ndarray:
        return 0.01 * (1 - 0.8 / (1 + 2j * (f - self.resonance) / self.width))

    def qubit_spectroscopy(self, program: Program, target: str) -> np.ndarray:
        return 0.9 * np.exp(-(((program.axis[target] - self.f01) / 1e6) ** 2))

    def rabi_amplitude(self, program: Program, target: str) -> np.ndarray:
        return np.sin(0.5 * np.pi * program.axis[target] / self.pi) ** 2

    def readout(self, program: Program, target: str) -> np.ndarray:
        return np.array([0.0, 1.0])

    def ramsey(self, program: Program, target: str) -> np.ndarray:
        tau = program.axis[target]
        first, second = program.sequences[target][0], program.sequences[target][2]
        turned = 2 * np.pi * (self.f01 - first.frequency) * (tau + first.length) - second.phase
        return 0.5 + 0.5 * np.exp(-tau / self.dephasing) * np.cos(turned)

    def t1(self, program: Program, target: str) -> np.ndarray:
        return np.exp(-program.axis[target] / self.decay)

    def t2_echo(self, program: Program, target: str) -> np.ndarray:
        return 0.5 - 0.5 * np.exp(-program.axis[target] / self.coherence)
