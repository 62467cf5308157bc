"""The spectrum of a transmon, and how it moves with the flux through its loop.

H = 4 EC (n - ng)^2 - EJ cos(phi) in the charge basis; two junctions make one of
EJ sqrt(cos^2(pi F) + d^2 sin^2(pi F)) with F in flux quanta and asymmetry d (J. Koch et al.,
Phys. Rev. A 76, 042319 (2007), eqs. 2.1 and 2.18). The offset charge is 1/4, where the charge
dispersion, a cosine of 2 pi ng, vanishes to first order.

Between charge-basis solutions the arc is a cubic spline in sqrt(EJ), in which it is almost a
straight line: its error is below 10 Hz while EJ / EC is above 12. A symmetric loop is followed
down to a hundredth of its EJ, not to half a quantum itself.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.errors import WorldError

FloatArray = NDArray[np.float64]

_CHARGES = np.arange(-20, 21)
_OFFSET_CHARGE = 0.25
_NODES = 65
_LEAST = 0.01  # of EJ


def transitions(ej: float, ec: float, ng: float = _OFFSET_CHARGE) -> tuple[float, float]:
    """f01 and anharmonicity (f12 - f01), in the unit of `ej` and `ec`."""
    from scipy.linalg import eigh_tridiagonal  # scipy: half of the time that a start takes

    charging = 4 * ec * (_CHARGES - ng) ** 2
    hopping = np.full(_CHARGES.size - 1, -ej / 2)
    e = eigh_tridiagonal(charging, hopping, eigvals_only=True, select="i", select_range=(0, 2))
    return float(e[1] - e[0]), float(e[2] - 2 * e[1] + e[0])


def energies(f01: float, anharmonicity: float) -> tuple[float, float]:
    """EJ and EC of a transmon with these transitions, in their unit."""
    from scipy.optimize import root

    ec = -anharmonicity
    guess = ((f01 + ec) ** 2 / (8 * ec) / f01, ec / f01)

    def off(x: FloatArray) -> list[float]:
        found = transitions(float(x[0]), float(x[1]))
        return [found[0] - 1, found[1] - anharmonicity / f01]

    solution = root(off, guess, tol=1e-13)
    if abs(solution.fun).max() > 1e-6:
        raise WorldError(
            f"no transmon has f01 = {f01:g} Hz and anharmonicity = {anharmonicity:g} Hz"
        )
    return float(solution.x[0]) * f01, float(solution.x[1]) * f01


class Arc:
    """f01 and anharmonicity in Hz against flux in quanta, given at zero flux."""

    def __init__(self, f01: float, anharmonicity: float, asymmetry: float) -> None:
        from scipy.interpolate import CubicSpline

        ej, ec = energies(f01, anharmonicity)
        self.ratio = ej / ec
        self._asymmetry = asymmetry
        roots = np.linspace(math.sqrt(max(asymmetry, _LEAST)), 1, _NODES)
        table = np.array([transitions(ej * x**2, ec) for x in roots])
        table += np.array([f01, anharmonicity]) - table[-1]
        self._spline = CubicSpline(roots, table)

    def __call__(self, quanta: FloatArray | float) -> FloatArray:
        """(..., 2): f01 and anharmonicity."""
        return np.asarray(self._spline(self._root(np.asarray(quanta, np.float64))))

    def slope(self, quanta: float) -> float:
        """Slope of f01 in Hz per quantum."""
        h = 1e-6
        up, down = self(np.array([quanta + h, quanta - h]))
        return float(up[0] - down[0]) / (2 * h)

    def _root(self, quanta: FloatArray) -> FloatArray:
        """sqrt(EJ) in units of its largest value."""
        c, s = np.cos(np.pi * quanta), self._asymmetry * np.sin(np.pi * quanta)
        return np.asarray(np.sqrt(np.sqrt(np.maximum(c**2 + s**2, _LEAST**2))))


@cache
def arc(f01: float, anharmonicity: float, asymmetry: float) -> Arc:
    """The arc of a transmon, solved once."""
    return Arc(f01, anharmonicity, asymmetry)
