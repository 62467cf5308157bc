"""Charge-parity beating: a transmon's f01 takes one of two values, as a quasiparticle tunnels.

f01(ng) = f01 + dispersion/2 cos(2 pi ng), and the other parity sits half a period away (Koch et
al. 2007, arXiv:cond-mat/0703002; Riste et al. 2013, arXiv:1212.5459). The offset charge ng jumps
now and then to any value. The dispersion is that of the transmon with the chip's f01 and
anharmonicity, from its Hamiltonian in the charge basis; f01 is the middle of the two.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import root

from kammerton_sim.chip import Charge
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.events import Events, FloatArray

_PAIRS = 15  # Cooper pairs to either side: enough for EJ / EC up to some hundreds


class ChargeNoise:
    """Parity and offset charge of one qubit on the laboratory clock."""

    def __init__(self, charge: Charge, f01: float, anharmonicity: float, *seed: int) -> None:
        self.dispersion = dispersion(f01, anharmonicity)
        self._parity = Events(2 * charge.parity_rate, *seed, 0)
        self._offset = Events(1 / charge.offset_time, *seed, 1)

    def detuning(self, times: FloatArray) -> FloatArray:
        """Hz by which f01 is away from its middle at unix times."""
        parity = 2 * np.round(self._parity.latest(times)) - 1
        shift: FloatArray = self.splitting(times) / 2 * parity
        return shift

    def splitting(self, times: FloatArray) -> FloatArray:
        """Hz between the two values of f01, with sign."""
        offset: FloatArray = self.dispersion * np.cos(2 * math.pi * self._offset.latest(times))
        return offset


def levels(ej: float, ec: float, ng: float) -> FloatArray:
    """Lowest three energies of 4 EC (n - ng)^2 - EJ cos(phi), in the unit of EJ and EC."""
    n = np.arange(-_PAIRS, _PAIRS + 1)
    diagonal = 4 * ec * (n - ng) ** 2
    beside = np.full(n.size - 1, -ej / 2)
    energies = eigh_tridiagonal(diagonal, beside, True, select="i", select_range=(0, 2))
    return np.asarray(energies, np.float64)


def energies_of(f01: float, anharmonicity: float) -> tuple[float, float]:
    """EJ and EC in Hz of the transmon with these (taken at ng = 1/4, between the parities)."""

    def missed(logs: FloatArray) -> list[float]:
        ej, ec = np.exp(logs)
        e = levels(ej, ec, 0.25)
        return [(e[1] - e[0]) / f01 - 1, (e[2] - 2 * e[1] + e[0]) / anharmonicity - 1]

    ec = -anharmonicity
    found = root(missed, np.log([(f01 + ec) ** 2 / (8 * ec), ec]), tol=1e-12)
    if not found.success:
        raise WorldError(f"no transmon has f01 = {f01} Hz and anharmonicity = {anharmonicity} Hz")
    ej, ec = np.exp(found.x)
    return float(ej), float(ec)


def dispersion(f01: float, anharmonicity: float) -> float:
    """Hz, peak to peak, by which f01 moves with the offset charge."""
    ej, ec = energies_of(f01, anharmonicity)
    low, high = (np.diff(levels(ej, ec, ng))[0] for ng in (0.0, 0.5))
    return float(low - high)
