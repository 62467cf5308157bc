"""Words for a flux-tunable transmon: its loop, and the lines that thread flux through it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kammerton_sim.chip.keys import ANY, NOT_NEGATIVE, POSITIVE, Rule
from kammerton_sim.chip.section import number, text
from kammerton_sim.signals import ChannelId

_ASYMMETRY: Rule = ("must be at least 0 and below 1", lambda x: 0 <= x < 1)


@dataclass(frozen=True)
class Flux:
    """The loop of a qubit with two junctions, whose f01 and anharmonicity hold at zero flux.

    asymmetry: |EJ1 - EJ2| / (EJ1 + EJ2). offset: flux quanta that are there without any
    voltage. line: the generator channel for flux pulses, such as "awg2.3", or "". volts: V at
    that channel for one flux quantum. bias: name of the source of the static voltage, or "".
    bias_volts: V of that source for one flux quantum. noise: quanta per root of Hz at 1 Hz, of a
    spectrum that falls as 1/f.
    """

    asymmetry: float = number("asymmetry", _ASYMMETRY, 0.0)
    offset: float = number("offset_quanta", ANY, 0.0)
    line: str = text("line", "")
    volts: float = number("volts_per_quantum_v", POSITIVE, 1.0)
    bias: str = text("bias", "")
    bias_volts: float = number("bias_volts_per_quantum_v", POSITIVE, 1.0)
    noise: float = number("noise_quanta_per_rthz", NOT_NEGATIVE, 0.0)


def channel_of(line: str) -> ChannelId | None:
    """The channel of a line such as "awg2.3"; None if it is not of that form."""
    match = re.fullmatch(r"(\w+)\.([1-8])", line)
    return (match[1], int(match[2])) if match else None
