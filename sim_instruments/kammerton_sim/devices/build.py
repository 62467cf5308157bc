"""A chip from a device: what the table tells is kept, the rest is drawn from a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kammerton_sim.chip import Chip, QubitTruth, ResonatorTruth, Wiring, random_chip
from kammerton_sim.chip.couplings import Coupling
from kammerton_sim.devices import draw
from kammerton_sim.devices.carriers import carriers
from kammerton_sim.devices.names import resonator_of
from kammerton_sim.devices.readout import visibility
from kammerton_sim.devices.words import Device, DeviceQubit

_EXCHANGE = 2.0e6, 0.2e6  # Hz (g / 2 pi): middle and spread [from memory]
_SLOW = 2.5e3, 0.5  # Hz of slow noise: median and spread of the logarithm [from memory]


def device_chip(device: Device, seed: int, coupled: bool = False) -> Chip:
    """Build a chip of a device's qubits, ten to a feedline; the same seed gives the same chip.

    Drawn are resonators (frequency, chi, linewidth, asymmetry), drive strengths, slow noise, and
    what the table leaves out (from the other qubits of the table, or as in `drawn_device`).
    coupled: the table's pairs exchange at about 2 MHz; else they are left apart.
    """
    rng = np.random.default_rng((seed, 2))
    plain = random_chip(len(device.qubits), seed)
    qubits = tuple(
        _qubit(entry.name, numbers, like, rng)
        for entry, numbers, like in zip(
            device.qubits, list(_filled(device, rng)), plain.qubits, strict=True
        )
    )
    resonators = tuple(
        _resonator(entry, qubit, like, plain.wiring)
        for entry, qubit, like in zip(device.qubits, qubits, plain.resonators, strict=True)
    )
    wiring = _wired(plain, qubits)
    return replace(
        plain,
        name=f"{device.name}-{seed}",
        qubits=qubits,
        resonators=resonators,
        wiring=wiring,
        couplings=tuple(_couplings(device, rng)) if coupled else (),
    )


def _couplings(device: Device, rng: np.random.Generator) -> Iterator[Coupling]:
    for a, b in device.couplings:
        g = _EXCHANGE[0] + _EXCHANGE[1] * float(np.clip(rng.standard_normal(), -2, 2))
        yield Coupling(device.qubits[a].name, device.qubits[b].name, g)


class _Numbers(NamedTuple):
    """What the table tells of a qubit, with every gap filled."""

    t1: float
    t2: float
    f01: float
    anharmonicity: float


def _filled(device: Device, rng: np.random.Generator) -> Iterator[_Numbers]:
    """Fill every gap with the median of the others, scattered a little."""
    medians = _medians(device)
    for entry in device.qubits:
        a, b, c = rng.uniform(-1, 1, 3).tolist()
        t1 = _or(entry.t1, max(medians.t1 * (1 + 0.1 * a), (entry.t2 or 0.0) / 2))
        t2 = min(_or(entry.t2, medians.t2 * (1 + 0.1 * b)), 2 * t1)
        f01 = _or(entry.f01, medians.f01 + 30e6 * c)
        yield _Numbers(t1, t2, f01, _or(entry.anharmonicity, medians.anharmonicity))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _medians(device: Device) -> _Numbers:
    published = _Numbers(
        draw.T1[0], draw.T1[0] * draw.T2_OVER_T1[0], draw.F01[0], draw.ANHARMONICITY[0]
    )
    columns = {n: [getattr(q, n) for q in device.qubits] for n in _Numbers._fields}
    known = {n: [x for x in column if x is not None] for n, column in columns.items()}
    return published._replace(**{n: float(np.median(xs)) for n, xs in known.items() if xs})


def _qubit(name: str, numbers: _Numbers, like: QubitTruth, rng: np.random.Generator) -> QubitTruth:
    """A qubit of the table, driven as strongly as a qubit of a random chip."""
    slow = _SLOW[0] * math.exp(_SLOW[1] * float(rng.standard_normal()))
    return replace(
        like,
        name=name,
        **numbers._asdict(),
        slow_dephasing=slow,
    )


def _resonator(
    entry: DeviceQubit, qubit: QubitTruth, like: ResonatorTruth, wiring: Wiring
) -> ResonatorTruth:
    """A resonator that reads as badly as the table says, where it says so."""
    name = resonator_of(entry.name)
    if entry.readout_error is None:
        return replace(like, name=name)
    gain, noise = abs(wiring.gain), wiring.noise
    depth = visibility(entry.readout_error, qubit.t1, like.chi, like.linewidth, gain, noise)
    return replace(like, name=name, visibility=depth)


def _wired(plain: Chip, qubits: tuple[QubitTruth, ...]) -> Wiring:
    """The wiring of a random chip, with sources where the table's qubits are."""
    wiring, drive, sources = plain.wiring, {}, dict[str, float]()
    pairs = zip(plain.resonators, qubits, strict=True)
    names = {resonator.name: resonator_of(qubit.name) for resonator, qubit in pairs}
    for feedline in plain.feedlines:
        places = [n for n, r in enumerate(plain.resonators) if r.name in feedline.resonators]
        shared = wiring.drive[plain.qubits[places[0]].name].source
        for k, (hertz, members) in enumerate(carriers([qubits[n].f01 for n in places], plain.seed)):
            source = f"{shared}_{k + 1}" if k else shared
            sources[source] = hertz
            for n in (places[m] for m in members):
                line = wiring.drive[plain.qubits[n].name]
                drive[qubits[n].name] = replace(line, source=source)
        sources[feedline.readout.source] = wiring.carriers[feedline.readout.source]
    more = tuple(
        replace(f, resonators=tuple(names[name] for name in f.resonators)) for f in wiring.more
    )
    ordered = {q.name: drive[q.name] for q in qubits}
    return replace(wiring, drive=ordered, carriers=sources, more=more)
