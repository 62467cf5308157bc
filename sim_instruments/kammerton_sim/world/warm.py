"""Compile every kernel before the first measurement needs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kammerton_sim.chip import Chip, random_chip
from kammerton_sim.chip.couplings import Coupling
from kammerton_sim.chip.flux import Flux
from kammerton_sim.signals import Carrier, ChannelOutput, Segment, Wave
from kammerton_sim.world.world import World


def warm(coupled: bool = False) -> None:
    """Play a short loop on a chip of one qubit: seconds when the disk cache is cold.

    coupled: play to a pair, too: half a minute more, once.
    """
    _play(random_chip(1, 0))
    if coupled:
        chip = random_chip(2, 0)
        flux = Flux(line="awg1.3")  # the flux of q0 is what drives q1: it shall only sound
        tuned = replace(chip.qubits[0], flux=flux), chip.qubits[1]
        _play(replace(chip, qubits=tuned, couplings=(Coupling("q0", "q1", 1e6),)))


def _play(chip: Chip) -> None:
    world = World(chip)
    tick = np.zeros(2400, np.uint8)
    tick[:10] = 1
    pulse = np.zeros(2400, np.float32)
    pulse[-40:] = 0.1
    zero = np.zeros_like(pulse)
    outputs = {
        ("awg1", 1): _looped(Wave("pulse", pulse), Wave("zero", zero), Wave("zero", zero)),
        ("awg1", 3): _looped(Wave("zero", zero), Wave("flux", pulse), Wave("zero", zero)),
        chip.wiring.readout.i: _looped(
            Wave("zero", zero), Wave("zero", zero), Wave("tone", pulse, tick)
        ),
    }
    sources = {name: Carrier(hz, 13.0, True) for name, hz in world.chip.wiring.carriers.items()}
    playback = world.play(outputs, sources, 256)
    a, b = np.empty((2, 2, 256), np.uint16)
    playback.records(0, a, b)
    playback.states_of(0, 2)
    world.truth("q0.pi_amplitude", re=[1.0] * 8, im=[0.0] * 8, sample_rate=1e9, carrier=4.9e9)


def _looped(*waves: Wave) -> ChannelOutput:
    segments = tuple(Segment(wave, 5) for wave in waves)
    return ChannelOutput((), segments, 1.0, 15, True, 1e9)
