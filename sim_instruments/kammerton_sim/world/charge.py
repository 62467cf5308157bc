"""Charge-parity beating: a transmon's f01 takes one of two values, as a quasiparticle tunnels.

f01(ng) = f01 + dispersion/2 cos(2 pi ng), and the other parity sits half a period away (Koch et
al. 2007, arXiv:cond-mat/0703002; Riste et al. 2013, arXiv:1212.5459). The offset charge ng jumps
now and then to any value. The dispersion is that of the transmon with the chip's f01 and
anharmonicity, from its Hamiltonian in the charge basis; f01 is the middle of the two.
"""

from __future__ import annotations

import math

import numpy as np

from kammerton_sim.chip import Charge
from kammerton_sim.world.events import Events, FloatArray
from kammerton_sim.world.transmon import energies, transitions


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


def dispersion(f01: float, anharmonicity: float) -> float:
    """Hz, peak to peak, by which f01 moves with the offset charge."""
    ej, ec = energies(f01, anharmonicity)
    return transitions(ej, ec, 0.0)[0] - transitions(ej, ec, 0.5)[0]
