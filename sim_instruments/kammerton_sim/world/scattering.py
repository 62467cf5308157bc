"""What a network analyzer sees of a feedline: S21 while nobody drives the qubits.

Steady state of the resonators of `feedline.py`, averaged over the thermal populations of each
qubit, behind gain and delay of the line. The analyzer stands where generator and digitizer of
the readout stand, behind the same standing wave and amplifier. Its tone punches resonators out
but does not act on the qubits.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip import Feedline, ResonatorTruth
from kammerton_sim.world.cavity import Cavity, steady_turn
from kammerton_sim.world.evolution import Qubit
from kammerton_sim.world.propagate import ComplexArray, FloatArray
from kammerton_sim.world.thermal import excitation_ratio

REFERENCE_STEP = 1e-9
"""s between the samples that `noise` of a feedline is given for."""


def transmission(
    wiring: Feedline,
    resonators: Sequence[ResonatorTruth],
    pulls: Sequence[FloatArray],
    populations: FloatArray,
    hertz: NDArray[np.float64],
    cavities: Sequence[Cavity | None],
    volts: float,
) -> ComplexArray:
    """S21 (N,) at `hertz` (N,); pulls (Q) of (3,) Hz, populations (Q, 3) of the qubit of each.

    cavities: what is known of the photons of each, seen from 0 Hz. volts: of the tone.
    """
    lost = np.zeros(hertz.size, np.complex128)
    for resonator, pulled, levels, cavity in zip(
        resonators, pulls, populations, cavities, strict=True
    ):
        coupling = cmath.rect(resonator.visibility, resonator.asymmetry)
        for level, share in enumerate(levels):
            place: FloatArray | float = resonator.frequency + pulled[level]
            if cavity is not None:
                place = steady_turn(cavity, level, 2 * math.pi * hertz, volts) / (2 * math.pi)
            lost += share * coupling / (1 + 2j * (hertz - place) / resonator.linewidth)
    line = wiring.gain * np.exp(-2j * math.pi * hertz * wiring.delay)
    return np.asarray(line * (1 - lost), np.complex128)


def at_rest(qubits: Sequence[Qubit]) -> FloatArray:
    """(Q, 3) thermal populations."""
    ratios = np.array([excitation_ratio(q.f01, q.temperature) for q in qubits])
    levels = np.stack([np.ones_like(ratios), ratios, ratios**2], axis=1)
    return np.asarray(levels / levels.sum(axis=1, keepdims=True), np.float64)


def trace_noise(noise: float, volts: float, bandwidth: float) -> float:
    """Standard deviation of each quadrature of S21, at `volts` of peak and `bandwidth` Hz.

    noise: V rms per sample of 1 ns and channel, white.
    """
    return noise * math.sqrt(bandwidth * REFERENCE_STEP) / volts
