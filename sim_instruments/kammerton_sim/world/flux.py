"""Flux through the loop of a qubit: static from offset and bias, and pulses from a generator.

The voltages add up linearly, with those of other loops (crosstalk: a matrix of mutual
inductances, as Barrett et al. 2023, arXiv:2303.03347 measure it); a pulse acts from sample to
sample, as the converter holds it and the line lets it settle. Levels against flux: `transmon`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip import Wiring
from kammerton_sim.chip.flux import Flux, channel_of
from kammerton_sim.chip.imperfections import Settling
from kammerton_sim.signals import ChannelId
from kammerton_sim.world.flux_distortion import Pulses
from kammerton_sim.world.lines import Lines
from kammerton_sim.world.timeline import Spanned
from kammerton_sim.world.transmon import Arc, arc

FloatArray = NDArray[np.float64]


class Loop:
    """The loop of a flux-tunable transmon with `f01` and `anharmonicity` in Hz at zero flux."""

    def __init__(self, f01: float, anharmonicity: float, flux: Flux) -> None:
        self.flux = flux
        self.channel: ChannelId | None = channel_of(flux.line)
        self.arc: Arc = arc(f01, anharmonicity, flux.asymmetry)
        self.settling: Sequence[Settling] = ()
        self.heard: Sequence[tuple[Loop, float]] = ()
        """Loops whose voltages thread flux through this one, and what share of theirs."""

    def static(self, bias: Mapping[str, float]) -> float:
        """Quanta while no pulse plays; a bias source that is absent gives 0 V."""
        others = sum(share * loop.own(bias) for loop, share in self.heard)
        return self.flux.offset + self.own(bias) + others

    def own(self, bias: Mapping[str, float]) -> float:
        """Quanta that the loop's own static source threads through it."""
        return bias.get(self.flux.bias, 0.0) / self.flux.bias_volts

    def steering(self, lines: Lines, bias: Mapping[str, float]) -> Steering | None:
        """What the pulses of flux channels do; None where no channel reaches the loop."""
        sources = [(self, 1.0), *self.heard]
        pulses = [
            Pulses(lines.flux(loop.channel), share / loop.flux.volts, loop.settling, 1 / lines.rate)
            for loop, share in sources
            if loop.channel is not None
        ]
        return Steering(pulses, self, self.static(bias)) if pulses else None


def connect(loops: Mapping[str, Sequence[Loop]], wiring: Wiring) -> None:
    """Let loops, by the name of their qubit or coupler, settle and hear as the wiring says."""
    for name, same in loops.items():
        for loop in same:
            loop.settling = [word for word in wiring.flux_settling if word.line == name]
            loop.heard = [
                (loops[word.source][0], word.fraction)
                for word in wiring.flux_crosstalk
                if word.target == name
            ]


@dataclass(frozen=True, eq=False)
class Steering:
    """Flux pulses of one qubit."""

    pulses: Sequence[Pulses]
    loop: Loop
    static: float

    @property
    def spans(self) -> Sequence[Spanned]:
        """When flux is not at rest."""
        return self.pulses

    def fingerprint(self, start: int, stop: int) -> Hashable:
        """What tells one content of [start, stop) from another."""
        return tuple(each.fingerprint(start, stop) for each in self.pulses)

    def shifts(self, start: int, stop: int) -> FloatArray:
        """(N, 2) by which f01 and anharmonicity differ from those at rest, in rad/s."""
        quanta = self.static + sum(each.quanta(start, stop) for each in self.pulses)
        moved = self.loop.arc(quanta) - self.loop.arc(self.static)
        return 2 * math.pi * moved
