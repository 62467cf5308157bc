"""Laws of a tunable transmon against its bias, and where to start.

Qubit (Koch et al., Phys. Rev. A 76, 042319 (2007)): with phi = pi (V - sweet spot) / period,

    f01 = (f_max + E_C) (cos^2 phi + d^2 sin^2 phi)^(1/4) - E_C

where d is the asymmetry of the junctions and E_C the charging energy in Hz, which is the
anharmonicity's size. Near the sweet spot E_C, d and the period are nearly one number. What is not
known of E_C and d is therefore taken as usual, E_C = 200(50) MHz and d^2 = 0.00(15), and this
uncertainty is part of the period's error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import laws
from kammerton.estimation.maps.arcs import Arc, Seeker
from kammerton.estimation.maps.maps import Maps
from kammerton.estimation.maps.positions import Law

Array = NDArray[np.float64]
Prior = tuple[Array, Array]

USUAL_EC, ITS_ERROR = 200e6, 50e6
USUAL_SQUARE = 0.15  # spread of d^2 where nothing is known of the junctions
SQUARES = -0.3, 0.95  # of d^2, where a search begins
FIXED = 1e5  # 1/sigma of a parameter that is not free


@dataclass(frozen=True)
class Scale:
    """From a map's window to SI units: frequency = f0 + u df, bias = b0 + v db."""

    f0: float
    df: float
    b0: float
    db: float

    @classmethod
    def of(cls, maps: Maps) -> Scale:
        """Return the scale of maps over frequency and bias."""
        f, b = maps.axes
        return cls(float(f[0]), float(np.ptp(f)), float(b[0]), float(np.ptp(b)))


F_MAX, TOP, LOG_PERIOD, SQUARE, E_C = range(5)


def qubit_law(b: Array, scale: Scale) -> Law:
    """Return the law of theta = f_max, sweet spot, log period, d^2, E_C, in windows."""
    return Law(laws.TRANSMON, b, np.array([scale.f0 / scale.df]))


def qubit_prior(scale: Scale, anharmonicity: float | None, period: float | None,
                asymmetry: float | None) -> Prior:  # fmt: skip
    """Return what is known of theta, or usual: mean and 1/sigma."""
    ec, error = (USUAL_EC, ITS_ERROR) if anharmonicity is None else (abs(anharmonicity), 1e4)
    mean = np.array([0.0, 0.0, 0.0, 0.0, ec / scale.df])
    sure = np.array([0.0, 0.0, 0.0, 1.0 / USUAL_SQUARE, scale.df / error])
    if period is not None:
        mean[LOG_PERIOD], sure[LOG_PERIOD] = np.log(abs(period) / scale.db), FIXED
    if asymmetry is not None:
        mean[SQUARE], sure[SQUARE] = asymmetry**2, FIXED
    return mean, sure


def with_period(theta: Array, longer: float) -> Array:
    """Return a qubit's theta with a period longer by exp(longer), and the same curvature."""
    there = theta.copy()
    there[LOG_PERIOD] += longer
    there[SQUARE] = np.clip(1.0 - (1.0 - theta[SQUARE]) * np.exp(2.0 * longer), *SQUARES)
    return there


def qubit_seeker(scale: Scale, prior: Prior) -> Seeker:
    """Return how a qubit's arc is looked for: f01 + E_C to the fourth power is a cosine."""
    ec = float(prior[0][E_C])
    shift = scale.f0 / scale.df + ec

    def start(arc: Arc) -> Array:
        high, low = arc.level + arc.swing, arc.level - arc.swing
        square = float(np.clip(low / high, 0.0, 1.0))
        top = (max(high, 0.0) ** 0.25 - 1.0) * shift
        return np.array([top, arc.top, np.log(arc.period), square, ec])

    return Seeker(shift, start)
