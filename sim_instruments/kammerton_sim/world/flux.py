"""Flux through the loop of a qubit: static from offset and bias, and pulses from a generator.

The voltages add up linearly; a pulse acts from sample to sample, as the converter holds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip.flux import Flux, channel_of
from kammerton_sim.signals import ChannelId
from kammerton_sim.world.lines import Lines
from kammerton_sim.world.timeline import Fingerprint, Track
from kammerton_sim.world.transmon import Arc, arc

FloatArray = NDArray[np.float64]


class Loop:
    """The loop of a flux-tunable transmon with `f01` and `anharmonicity` in Hz at zero flux."""

    def __init__(self, f01: float, anharmonicity: float, flux: Flux) -> None:
        self.flux = flux
        self.channel: ChannelId | None = channel_of(flux.line)
        self.arc: Arc = arc(f01, anharmonicity, flux.asymmetry)

    def static(self, bias: Mapping[str, float]) -> float:
        """Quanta while no pulse plays; a bias source that is absent gives 0 V."""
        flux = self.flux
        return flux.offset + bias.get(flux.bias, 0.0) / flux.bias_volts

    def steering(self, lines: Lines, bias: Mapping[str, float]) -> Steering | None:
        """What the pulses of the flux channel do; None without a channel."""
        if self.channel is None:
            return None
        return Steering(lines.flux(self.channel), self, self.static(bias))


@dataclass(frozen=True, eq=False)
class Steering:
    """Flux pulses of one qubit."""

    track: Track
    loop: Loop
    static: float

    def fingerprint(self, start: int, stop: int) -> Fingerprint:
        """What tells one content of [start, stop) from another."""
        return self.track.fingerprint(start, stop)

    def shifts(self, start: int, stop: int) -> FloatArray:
        """(N, 2) by which f01 and anharmonicity differ from those at rest, in rad/s."""
        quanta = self.static + self.track.volts(start, stop) / self.loop.flux.volts
        moved = self.loop.arc(quanta) - self.loop.arc(self.static)
        return 2 * math.pi * moved
