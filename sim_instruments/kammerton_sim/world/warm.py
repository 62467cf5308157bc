"""Compile every kernel before the first measurement needs it."""

from __future__ import annotations

import numpy as np

from kammerton_sim.chip import random_chip
from kammerton_sim.signals import Carrier, ChannelOutput, Segment, Wave
from kammerton_sim.world.world import World


def warm() -> None:
    """Play a short loop on a chip of one qubit: seconds when the disk cache is cold."""
    world = World(random_chip(1, 0))
    tick = np.zeros(2400, np.uint8)
    tick[:10] = 1
    pulse = np.zeros(2400, np.float32)
    pulse[-40:] = 0.1
    outputs = {
        ("awg1", 1): _looped(Wave("pulse", pulse), Wave("zero", np.zeros_like(pulse))),
        ("awg1", 3): _looped(Wave("zero", np.zeros_like(pulse)), Wave("tone", pulse, tick)),
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
