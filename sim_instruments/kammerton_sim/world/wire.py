"""What a mixer and a cable make of a generator pair before it reaches the chip.

The mixer adds an image and leakage of its oscillator (see `mixer`); a standing wave lets all of
it arrive once more, `delay` later: the transmission 1 + a exp(-2 pi j f delay) ripples over the
frequency with the period 1 / delay (two reflections, of which a is the product; Pozar, Microwave
Engineering, ch. 2, from memory; multiple ones are left out). The delay is rounded to samples.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip.imperfections import Mixer, Ripple
from kammerton_sim.world.mixer import imbalance
from kammerton_sim.world.timeline import IntArray, IqPair, Spanned

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class Wire:
    """The mixer and the cable of one line, for a carrier and samples of some length.

    straight, image: factors of an envelope and of its conjugate. leakage: V. again: factor of
    what arrives `delay` samples late.
    """

    straight: complex = 1.0
    image: complex = 0.0
    leakage: complex = 0.0
    again: complex = 0.0
    delay: int = 0

    @property
    def hum(self) -> complex:
        """V that arrive while the generator is silent."""
        return self.leakage * (1 + self.again)

    def arriving(self, volts: ComplexArray) -> ComplexArray:
        """What arrives without the hum, of volts that begin `delay` samples early."""
        mixed: ComplexArray = self.straight * volts + self.image * np.conj(volts)
        on_time, late = mixed[self.delay :], mixed[: mixed.size - self.delay]
        arrived: ComplexArray = on_time + self.again * late
        return arrived

    def pulse(self, volts: ComplexArray) -> ComplexArray:
        """All that arrives of a pulse before and after silence, with the hum while it lasts."""
        silence = np.zeros(self.delay, np.complex128)
        return self.arriving(np.concatenate([silence, volts, silence])) + self.hum


PERFECT = Wire()


def wire(mixer: Mixer | None, ripple: Ripple | None, carrier: float, step: float) -> Wire:
    """The wire of a line whose mixer is pumped at `carrier` Hz; samples of `step` s."""
    mixer = mixer or Mixer()
    straight, image = imbalance(mixer.gain_error, mixer.phase_error)
    delay = round(ripple.delay / step) if ripple else 0
    turned = cmath.rect(1.0, -2 * math.pi * carrier * delay * step)
    again = ripple.amplitude * turned if ripple else 0.0
    leakage = cmath.rect(mixer.leakage, mixer.leakage_phase)
    return Wire(straight, image, leakage, again, delay)


@dataclass(frozen=True, eq=False)
class _Span:
    starts: IntArray
    stops: IntArray


@dataclass(frozen=True, eq=False)
class Wired:
    """A generator pair as it arrives at the end of its wire."""

    pair: IqPair
    wire: Wire

    @property
    def spans(self) -> Sequence[Spanned]:
        """When it sounds."""
        return [_Span(t.starts, t.stops + self.wire.delay) for t in self.pair.spans]

    def fingerprint(self, start: int, stop: int) -> tuple[Hashable, ...]:
        """What tells one content of [start, stop) from another."""
        return self.pair.fingerprint(start - self.wire.delay, stop)

    def volts(self, start: int, stop: int) -> ComplexArray:
        """I + jQ at the end of the wire, without the hum."""
        return self.wire.arriving(self.pair.volts(start - self.wire.delay, stop))

    @property
    def hum(self) -> complex:
        """V that are always there."""
        return self.wire.hum

    @property
    def tail(self) -> int:
        """Samples by which it sounds on after its generator."""
        return self.wire.delay
