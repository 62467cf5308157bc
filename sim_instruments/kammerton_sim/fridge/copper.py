"""Heat capacities: copper from 300 K down (Debye and electrons), and dilute helium-3.

Debye temperature 344.3 K and electronic term 0.691 mJ/(mol K^2) of copper: D. L. Martin, Phys. Rev.
B 8, 5357 (1973). 106 T J/(mol K) of helium-3 in its saturated solution: Pobell, Matter and Methods
at Low Temperatures (from memory). Helium-3 above its Fermi temperature is taken as a gas of 3/2 R.
"""

from __future__ import annotations

import math

import numpy as np

_GAS = 8.314462618
_MOLAR_MASS = 0.063546
_DEBYE = 344.3
_ELECTRONS = 0.691e-3
_FERMI, _CLASSICAL = 106.0, 1.5 * _GAS

_KELVIN = np.geomspace(0.5, 500.0, 200)


def _lattice(kelvin: float) -> float:
    """J/(mol K): 9 R (T/D)^3 times the integral of x^4 e^x / (e^x - 1)^2 up to D/T."""
    x = np.linspace(1e-6, min(_DEBYE / kelvin, 60.0), 2000)
    integral = np.trapezoid(x**4 * np.exp(-x) / np.expm1(-x) ** 2, x)
    return float(9 * _GAS * (kelvin / _DEBYE) ** 3 * integral)


_LATTICE = np.array([_lattice(t) for t in _KELVIN])


def copper(kelvin: float) -> float:
    """J/(kg K)."""
    if kelvin > _KELVIN[0]:
        lattice = float(np.interp(kelvin, _KELVIN, _LATTICE))
    else:
        lattice = float(_LATTICE[0]) * (kelvin / float(_KELVIN[0])) ** 3
    return (lattice + _ELECTRONS * kelvin) / _MOLAR_MASS


def dilute_helium(kelvin: float) -> float:
    """J/(K mol of helium-3)."""
    return _CLASSICAL * math.tanh(_FERMI * kelvin / _CLASSICAL)
