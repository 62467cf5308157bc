"""What crosses between the simulated instruments and the world: outputs, as they really are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Wave:
    """A stored waveform: float32 samples in -1..1, and marker bits (bit m-1 is marker m)."""

    name: str
    samples: NDArray[np.float32]
    markers: NDArray[np.uint8] | None = None
    _key: bytes = field(default=b"", repr=False)

    @property
    def key(self) -> bytes:
        """A digest of the samples: equal samples, equal key."""
        if not self._key:
            self._key = hashlib.blake2b(self.samples.tobytes(), digest_size=16).digest()
        return self._key


@dataclass(frozen=True, eq=False)
class Segment:
    """A waveform played `repeats` times in a row."""

    wave: Wave
    repeats: int = 1


@dataclass(frozen=True, eq=False)
class ChannelOutput:
    """One generator channel: what it plays before the loop, in the loop, and its settings."""

    prologue: tuple[Segment, ...]
    loop: tuple[Segment, ...]
    vpp: float
    resolution: int
    on: bool
    sample_rate: float


LEAST_MIXER_POWER = 8.0
"""dBm: a source at or below it does not pump its mixer."""


@dataclass(frozen=True)
class Carrier:
    """One microwave source as it is: Hz, dBm, and whether anything comes out."""

    frequency: float
    power: float
    on: bool

    @property
    def pumps(self) -> bool:
        """Whether its mixers are pumped hard enough to mix."""
        return self.on and self.power > LEAST_MIXER_POWER


ChannelId = tuple[str, int]
