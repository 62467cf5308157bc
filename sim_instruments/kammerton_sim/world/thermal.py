"""How warm a qubit and a resonator are: populations of Boltzmann, photons of Bose.

A qubit does not follow the mixing chamber below a floor, T^4 = floor^4 + T_mixing_chamber^4: the
excited population saturates (Jin et al. 2015, arXiv:1412.2772). The fourth power is a smooth
corner between both, and ours.
"""

from __future__ import annotations

import math

_H_OVER_K = 6.62607015e-34 / 1.380649e-23  # K s
_LEAST_RATIO = 1e-6


def effective_temperature(floor: float, mixing_chamber: float) -> float:
    """K; saturates at `floor`."""
    return float((floor**4 + mixing_chamber**4) ** 0.25)


def excitation_ratio(frequency: float, temperature: float) -> float:
    """p1 / p0 at equilibrium: exp(-h f / k T), never below 1e-6 (for the eigensystem's sake)."""
    return max(math.exp(-_H_OVER_K * frequency / temperature), _LEAST_RATIO)


def bose(frequency: float, temperature: float) -> float:
    """Mean number of thermal photons at `frequency` Hz."""
    return 1 / math.expm1(min(_H_OVER_K * frequency / temperature, 500.0))
