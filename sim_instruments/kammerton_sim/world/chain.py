"""From the feedline to the converter: amplifiers that saturate, a mixer, offsets.

Saturation after Rapp (1991): z / (1 + |z / s|^2p)^(1/2p), of the sum of all tones and of the
noise before it. Noise of a chain at temperature T in the band of the samples: each quadrature
has the variance k T Z0 G / step (thermal noise; the formula from memory).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from kammerton_sim.chip.imperfections import Amplifier, Receiver
from kammerton_sim.world.mixer import imbalance
from kammerton_sim.world.propagate import ComplexArray

_BOLTZMANN = 1.380649e-23  # J/K
_IMPEDANCE = 50.0  # ohm


class Chain(NamedTuple):
    """What the kernel needs, in codes. perfect: nothing to be done.

    straight, image: factors of z and of its conjugate. saturation: 0 for none.
    """

    perfect: bool
    saturation: float
    sharpness: float
    straight: complex
    image: complex
    offset: complex


def chain(amplifier: Amplifier | None, receiver: Receiver | None, code: float) -> Chain:
    """The chain in units of a code; `code`: codes per volt."""
    amplifier = amplifier or Amplifier(0.0, 0.0)
    receiver = receiver or Receiver()
    straight, image = imbalance(receiver.gain_error, receiver.phase_error)
    offset = complex(receiver.offset_a, receiver.offset_b)
    perfect = amplifier.saturation == 0 and receiver == Receiver()
    saturation = amplifier.saturation * code
    return Chain(perfect, saturation, amplifier.sharpness, straight, image, offset * code)


def compressed(amplifier: Amplifier | None, volts: ComplexArray) -> ComplexArray:
    """What an amplifier lets out of tones that come one after the other."""
    if amplifier is None or amplifier.saturation == 0:
        return volts
    twice = 2 * amplifier.sharpness
    return volts / (1 + (abs(volts) / amplifier.saturation) ** twice) ** (1 / twice)


def noise_volts(amplifier: Amplifier | None, step: float) -> float:
    """V rms at the digitizer in each quadrature, from the noise temperature."""
    if amplifier is None:
        return 0.0
    gain = 10 ** (amplifier.gain / 10)
    return math.sqrt(_BOLTZMANN * amplifier.noise_temperature * _IMPEDANCE * gain / step)
