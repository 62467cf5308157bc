"""Hand-made waves for a simulated chip: no code of the daemon takes part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton_sim.chip import Chip, random_chip
from kammerton_sim.signals import Carrier, ChannelId, ChannelOutput, Segment, Wave
from kammerton_sim.world import LaboratoryClock, Playback, World

Volts = NDArray[np.complex128]
RATE = 1e9
VPP = 1.0
START = 1.8e9  # unix s at which every laboratory begins: what happens by chance is the same anew


def drag(
    amplitude: float, offset: float, anharmonicity: float = -200e6, phase: float = 0.0
) -> Volts:
    """40 ns, sigma 10 ns, on its intermediate frequency `offset` in Hz."""
    t = (np.arange(40) + 0.5) * 1e-9
    x = (t - 20e-9) / 10e-9
    g = np.exp(-(x**2) / 2)
    derivative = -x / 10e-9 * g
    envelope = g + 1j * derivative / (2 * 2 * np.pi * anharmonicity)
    return amplitude * envelope * np.exp(1j * (2 * np.pi * offset * t + phase))


def square(amplitude: float, offset: float, samples: int) -> Volts:
    return amplitude * np.exp(2j * np.pi * offset * (np.arange(samples) + 0.5) / RATE)


def padded(volts: Volts, samples: int, at_end: bool = True) -> Volts:
    silence = np.zeros(samples - volts.size, complex)
    return np.concatenate([silence, volts] if at_end else [volts, silence])


class Loop:
    """Steps that all channels share; unnamed channels are silent in a step."""

    def __init__(self) -> None:
        self.steps: list[tuple[Mapping[ChannelId, Wave], int, int]] = []
        self.used: set[ChannelId] = set()

    def step(self, waves: Mapping[ChannelId, Wave], samples: int, repeats: int = 1) -> None:
        self.steps.append((waves, samples, repeats))
        self.used |= set(waves)

    def silence(self, samples: int, repeats: int = 1) -> None:
        if samples * repeats:
            self.step({}, samples, repeats)

    def outputs(self, **settings: object) -> dict[ChannelId, ChannelOutput]:
        zeros: dict[int, Wave] = {}
        out = {}
        for channel in self.used:
            segments = tuple(
                Segment(
                    waves.get(channel)
                    or zeros.setdefault(n, Wave(f"zero{n}", np.zeros(n, np.float32))),
                    repeats,
                )
                for waves, n, repeats in self.steps
            )
            plain = ChannelOutput((), segments, VPP, 15, True, RATE)
            out[channel] = replace(plain, **settings)  # type: ignore[arg-type]
        return out


def iq(line_i: ChannelId, line_q: ChannelId, volts: Volts, trigger: bool = False) -> dict:
    markers = None
    if trigger:
        markers = np.zeros(volts.size, np.uint8)
        markers[:100] = 1
    scale = 2 / VPP
    return {
        line_i: Wave("i", (volts.real * scale).astype(np.float32), markers),
        line_q: Wave("q", (volts.imag * scale).astype(np.float32)),
    }


class Lab:
    """A world and the shortest way to play blocks of volts on it."""

    drag = staticmethod(drag)
    square = staticmethod(square)
    padded = staticmethod(padded)

    def __init__(self, chip: Chip, carriers: Mapping[str, Carrier] | None = None) -> None:
        self.chip, self.world = chip, World(chip, clock=LaboratoryClock(START))
        self.wiring = chip.wiring
        meant = chip.wiring.carriers
        self.carriers = carriers or {s: Carrier(hz, 13.0, True) for s, hz in meant.items()}

    def offset(self, number: int, carrier: str = "drive_lo") -> float:
        return self.world.truth(f"q{number}.f01") - self.carriers[carrier].frequency

    def tone(self, number: int = 0, amplitude: float = 0.045, samples: int = 1000) -> Volts:
        r = self.chip.resonators[number]
        offset = r.frequency + r.chi / 2 - self.carriers["readout_lo"].frequency
        return padded(square(amplitude, offset, samples), 2400, at_end=False)

    def pi(self, number: int = 0) -> float:
        """Volts that invert, from the laboratory's truth about a drag() of unit peak."""
        unit = drag(1.0, self.offset(number))
        return self.world.truth(
            f"q{number}.pi_amplitude",
            re=unit.real.tolist(),
            im=unit.imag.tolist(),
            sample_rate=RATE,
            carrier=self.carriers["drive_lo"].frequency,
        )

    def loop(
        self,
        points: Sequence[Mapping[int, Volts]],
        tones: Sequence[Volts] | None = None,
        wait: Sequence[int] | None = None,
        reset: int = 300_000,
    ) -> Loop:
        """points[k]: qubit -> volts of equal length; then wait[k] samples, the tone, reset."""
        loop = Loop()
        tones = tones or [self.tone()] * len(points)
        wait = wait or [0] * len(points)
        wiring = self.chip.wiring
        known: dict[tuple[int, int], dict] = {}
        reads: dict[int, dict] = {}
        for point, tone, pause in zip(points, tones, wait, strict=True):
            waves: dict[ChannelId, Wave] = {}
            for number, volts in point.items():
                line = wiring.drive[f"q{number}"]
                key = id(volts), number
                if key not in known:
                    known[key] = iq(line.i, line.q, volts)
                waves |= known[key]
            if point:
                loop.step(waves, next(iter(point.values())).size)
            loop.silence(pause)
            if id(tone) not in reads:
                reads[id(tone)] = iq(wiring.readout.i, wiring.readout.q, tone, trigger=True)
            loop.step(reads[id(tone)], tone.size)
            loop.silence(1000, reset // 1000)
        return loop

    def play(self, loop: Loop, samples: int = 1280, **settings: object) -> Playback:
        return self.world.play(loop.outputs(**settings), self.carriers, samples)

    def excited(self, *args: object, number: int = 0, **kwargs: object) -> NDArray[np.float64]:
        """P1 at each point."""
        playback = self.play(self.loop(*args, **kwargs))  # type: ignore[arg-type]
        return playback.populations[:, number, 1]


@pytest.fixture
def make_lab() -> Callable[..., Lab]:
    """make_lab(qubits, seed, **changes): without drift, with changes to every qubit."""
    return lambda qubits, seed, **changes: Lab(still(random_chip(qubits, seed), **changes))


def still(chip: Chip, **changes: object) -> Chip:
    """The same chip without drift, and with other changes to every qubit."""
    still = {"f01_drift": replace(chip.qubits[0].f01_drift, amplitude=0.0)}
    still["t1_drift"] = replace(chip.qubits[0].t1_drift, amplitude=0.0)
    qubits = tuple(replace(q, **still, **changes) for q in chip.qubits)  # type: ignore[arg-type]
    return replace(chip, qubits=qubits)


@pytest.fixture
def one() -> Lab:
    """One qubit, no drift."""
    return Lab(still(random_chip(1, 7)))


@pytest.fixture
def three() -> Lab:
    """Three qubits, no drift."""
    return Lab(still(random_chip(3, 11)))
