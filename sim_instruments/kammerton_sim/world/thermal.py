"""How warm a qubit and a resonator are: populations of Boltzmann, photons of Bose, and T1.

A qubit does not follow the mixing chamber below a floor, T^4 = floor^4 + T_mixing_chamber^4: the
excited population saturates (Jin et al. 2015, arXiv:1412.2772). The fourth power is a smooth
corner between both, and ours.

What heat does to T1: a bath of modes takes and gives 2 n + 1 times as fast as at absolute zero, and
quasiparticles in equilibrium tunnel through the junction (Catelani et al., PRB 84, 064517 (2011)):
(2 w / pi) exp(-Delta / k T) exp(+-h f / 2 k T) K0(h f / 2 k T) down and up, for k T far below the
gap Delta. Transmons of aluminium, 20 to 300 mK: Lvov et al., arXiv:2409.02784.
"""

from __future__ import annotations

import math

_H_OVER_K = 6.62607015e-34 / 1.380649e-23  # K s
_LEAST_RATIO = 1e-6

_GAP = 1.764  # in units of k times the critical temperature; BCS
FASTEST = 1e9
"""1/s: what decays faster is gone within a sample."""


def effective_temperature(floor: float, mixing_chamber: float) -> float:
    """K; saturates at `floor`."""
    return float((floor**4 + mixing_chamber**4) ** 0.25)


def excitation_ratio(frequency: float, temperature: float) -> float:
    """p1 / p0 at equilibrium: exp(-h f / k T), never below 1e-6 (for the eigensystem's sake)."""
    return max(math.exp(-_H_OVER_K * frequency / temperature), _LEAST_RATIO)


def bose(frequency: float, temperature: float) -> float:
    """Mean number of thermal photons at `frequency` Hz."""
    return 1 / math.expm1(min(_H_OVER_K * frequency / temperature, 500.0))


def stimulated(frequency: float, temperature: float, rests: float) -> float:
    """By how much a bath of modes takes and gives faster than at `rests` K: that of 2 n + 1."""
    return (2 * bose(frequency, temperature) + 1) / (2 * bose(frequency, rests) + 1)


def quasiparticle_rate(frequency: float, temperature: float, critical: float) -> float:
    """1/s, down and up together, by quasiparticles that are in equilibrium at `temperature` K.

    critical: K, of the film; above it there is no superconductor.
    """
    if temperature > critical:
        return FASTEST
    half = _H_OVER_K * frequency / temperature / 2
    gap = _GAP * critical / temperature
    both = math.exp(half - gap) + math.exp(-half - gap)
    return min(4 * frequency * both * _k0(half), FASTEST)


def _k0(z: float) -> float:
    """Modified Bessel function of the second kind: exp(-z cosh t) from 0 on, by trapezoids."""
    step = 0.2
    tail = sum(math.exp(-z * math.cosh(n * step)) for n in range(1, 100))
    return step * (math.exp(-z) / 2 + tail)
