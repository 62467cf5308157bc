"""Plausible chips, drawn from a seed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip.words import Chip, Feedline, Line, QubitTruth, ResonatorTruth, Wiring

CHANNELS_PER_GENERATOR = 8
QUBITS_PER_FEEDLINE = 10
MOST_QUBITS = 1000
DRIVE_CARRIER = 4.9e9
READOUT_CARRIER = 7.0e9
_SPAN = 600e6
_PI_AREA = 23.925e-9  # s: integral of a Gaussian of sigma 10 ns, cut at +-20 ns, of unit peak


def random_chip(qubits: int, seed: int) -> Chip:
    """A plausible chip, ten qubits to a feedline; the same seed gives the same chip."""
    if not 1 <= qubits <= MOST_QUBITS:
        raise ValueError(f"a chip has 1 to {MOST_QUBITS} qubits, not {qubits}")
    rng = np.random.default_rng(seed)
    groups = [members.size for members in _groups(qubits)]
    offsets = [offset for size in groups for offset in _drive_offsets(rng, size)]
    return Chip(
        name=f"chip-{qubits}-{seed}",
        seed=seed,
        qubits=tuple(_random_qubit(rng, n, offsets[n]) for n in range(qubits)),
        resonators=_random_resonators(rng, groups),
        wiring=default_wiring(qubits),
    )


def default_wiring(qubits: int) -> Wiring:
    """Boxes of eight channels: two channels a qubit in order, the readout pairs last.

    Each feedline has its own digitizer ("board", "board2", ...) and its own two sources.
    """
    groups = _groups(qubits)
    channels = [
        (f"awg{n // CHANNELS_PER_GENERATOR + 1}", n % CHANNELS_PER_GENERATOR + 1)
        for n in range(2 * qubits + 2 * len(groups))
    ]
    pairs = list(zip(channels[::2], channels[1::2], strict=True))
    plain = Wiring(
        generators=tuple(dict.fromkeys(box for box, _ in channels)),
        drive={
            f"q{q}": Line(pairs[q][0], pairs[q][1], _numbered("drive_lo", n))
            for n, members in enumerate(groups)
            for q in members.tolist()
        },
        readout=Line(*pairs[qubits], "readout_lo"),
        trigger=(*pairs[qubits][0], 1),
        go=("awg1", 1, 1),
        carriers={
            _numbered(name, n): hertz
            for n in range(len(groups))
            for name, hertz in (("drive_lo", DRIVE_CARRIER), ("readout_lo", READOUT_CARRIER))
        },
    )
    more = (
        Feedline(
            name=f"feed{n}",
            board=_numbered("board", n),
            readout=Line(*pairs[qubits + n], _numbered("readout_lo", n)),
            trigger=(*pairs[qubits + n][0], 1),
            resonators=tuple(f"r{q}" for q in groups[n].tolist()),
            delay=plain.delay,
            gain=plain.gain,
            noise=plain.noise,
            full_scale=plain.full_scale,
        )
        for n in range(1, len(groups))
    )
    return replace(plain, more=tuple(more))


def _groups(qubits: int) -> list[NDArray[np.int64]]:
    """The qubits of each feedline, as even as can be."""
    return np.array_split(np.arange(qubits), math.ceil(qubits / QUBITS_PER_FEEDLINE))


def _numbered(name: str, n: int) -> str:
    return f"{name}{n + 1}" if n else name


def slow_envelope_time(t2: float, slow_dephasing: float) -> float:
    """1/e time in s of exp(-t/t2) exp(-(2 pi slow_dephasing t)^2 / 2)."""
    if slow_dephasing == 0:
        return t2
    square = (2 * math.pi * slow_dephasing) ** 2
    return 2 / (math.sqrt(1 / t2**2 + 2 * square) + 1 / t2)


def _drive_offsets(rng: np.random.Generator, qubits: int) -> list[float]:
    """Distances from the carrier: evenly spread, jittered, neighbours half a span apart."""
    slot = _SPAN / qubits
    jitter = slot / 4
    places = (np.arange(qubits) + 0.5) * slot - _SPAN / 2 + rng.uniform(-jitter, jitter, qubits)
    places = np.where(abs(places) < 20e6, np.copysign(20e6, places), places)
    half = (qubits + 1) // 2
    return [float(places[n // 2 + half * (n % 2)]) for n in range(qubits)]


def _random_qubit(rng: np.random.Generator, number: int, offset: float) -> QubitTruth:
    t1, t2, slow = _random_coherence(rng)
    return QubitTruth(
        name=f"q{number}",
        f01=round(DRIVE_CARRIER + offset, 1),
        anharmonicity=round(float(rng.uniform(-210e6, -190e6)), 1),
        t1=t1,
        t2=t2,
        slow_dephasing=slow,
        rabi_rate=math.pi / (float(rng.uniform(0.165, 0.205)) * _PI_AREA),
    )


def _random_coherence(rng: np.random.Generator) -> tuple[float, float, float]:
    while True:
        t1, t2 = rng.uniform(25e-6, 90e-6), rng.uniform(25e-6, 70e-6)
        slow = rng.uniform(2e3, 6e3)
        if t2 < 1.8 * t1 and 15e-6 < slow_envelope_time(t2, slow) < 40e-6:
            return float(t1), float(t2), float(slow)


def _random_resonators(rng: np.random.Generator, groups: list[int]) -> tuple[ResonatorTruth, ...]:
    slots = np.concatenate([np.round(np.linspace(0, 9, size)) for size in groups])
    places = READOUT_CARRIER - 270e6 + 60e6 * slots + rng.uniform(-2.4e6, 2.4e6, slots.size)
    return tuple(
        ResonatorTruth(
            name=f"r{n}",
            frequency=round(float(place), 1),
            chi=round(float(rng.uniform(-1.2e6, -0.9e6)), 1),
            linewidth=round(float(rng.uniform(1.6e6, 2.4e6)), 1),
            visibility=float(rng.uniform(0.7, 0.9)),
            asymmetry=float(rng.uniform(-0.3, 0.3)),
        )
        for n, place in enumerate(places)
    )
