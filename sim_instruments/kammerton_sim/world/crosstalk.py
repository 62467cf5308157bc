"""A qubit hears the drives of others: a complex matrix between lines and qubits.

What line p plays about its carrier f_p reaches qubit q with the factor C_qp, and turns with
f_p - f in a frame of frequency f. The phase between two sources is that at the start of a turn,
and every sample is held in the qubit's frame (2 % of amplitude for carriers 100 MHz apart).
Fields of lines add up: the matrix is the most general linear one (an identity, no paper).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.timeline import Sound, Spanned


@dataclass(frozen=True, eq=False)
class Heard:
    """A line that a qubit hears. turning: rad per sample in the qubit's frame."""

    line: Sound
    factor: complex
    turning: float

    def fingerprint(self, start: int, stop: int) -> tuple[Hashable, ...]:
        """What tells one content of [start, stop) from another."""
        key = self.line.fingerprint(start, stop)
        return (*key, start) if self.turning else key

    def volts(self, start: int, stop: int) -> NDArray[np.complex128]:
        """I + jQ at the qubit, without the hum."""
        volts = self.factor * self.line.volts(start, stop)
        return volts * np.exp(1j * self.turning * np.arange(start, stop)) if self.turning else volts


@dataclass(frozen=True, eq=False)
class Joined:
    """All that one qubit hears."""

    parts: Sequence[Heard]

    @property
    def spans(self) -> Sequence[Spanned]:
        """When anything sounds."""
        return [span for part in self.parts for span in part.line.spans]

    def fingerprint(self, start: int, stop: int) -> tuple[Hashable, ...]:
        """What tells one content of [start, stop) from another."""
        return tuple(part.fingerprint(start, stop) for part in self.parts)

    def volts(self, start: int, stop: int) -> NDArray[np.complex128]:
        """I + jQ at the qubit, without the hum."""
        total = np.zeros(stop - start, np.complex128)
        for part in self.parts:
            total += part.volts(start, stop)
        return total

    @property
    def hum(self) -> complex:
        """V that are always there in the qubit's own frame; that of other carriers is left out."""
        return sum((p.factor * p.line.hum for p in self.parts if not p.turning), 0j)

    @property
    def tail(self) -> int:
        """Samples by which it sounds on after the generators."""
        return max(part.line.tail for part in self.parts)


def factor(level: float, phase: float) -> complex:
    """Of a level in dB and a phase in rad."""
    size = 10 ** (level / 20)
    return complex(size * math.cos(phase), size * math.sin(phase))
