"""A tunable coupler, eliminated: what it adds to the exchange of two qubits and to their f01.

    g(t) = g12 + g1 g2 / 2 (1/D1 + 1/D2 - 1/S1 - 1/S2),    Dj = fj - fc, Sj = fj + fc
    shift of qubit j = gj^2 (1/Dj - 1/Sj)

F. Yan et al., Phys. Rev. Applied 10, 054062 (2018), eq. 3 and the text around it. Right while the
coupler stays far from both, |Dj| >> gj, and moves slowly against Dj: it is never excited here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kammerton_sim.chip.couplings import Coupler, Coupling
from kammerton_sim.world.flux import Loop, Steering
from kammerton_sim.world.lines import Lines
from kammerton_sim.world.propagate import FloatArray


@dataclass(frozen=True, eq=False)
class Exchange:
    """What couples a pair; everything in Hz."""

    coupling: Coupling
    loop: Loop | None

    def effective(
        self, f_first: FloatArray, f_second: FloatArray, f_coupler: FloatArray
    ) -> FloatArray:
        """Exchange in every sample."""
        word = self.coupling
        total = np.full(f_coupler.shape, word.g)
        if self.loop is None:
            return total
        away = sum(1 / (f - f_coupler) - 1 / (f + f_coupler) for f in (f_first, f_second))
        return np.asarray(total + word.to_first * word.to_second / 2 * away)

    def moved(self, f: FloatArray, f_coupler: FloatArray, second: bool) -> FloatArray:
        """How far the coupler pushes a qubit that would be at f without it."""
        if self.loop is None:
            return np.zeros(f_coupler.shape)
        g = self.coupling.to_second if second else self.coupling.to_first
        return np.asarray(g**2 * (1 / (f - f_coupler) - 1 / (f + f_coupler)))

    def rest(self, bias: Mapping[str, float]) -> float:
        """f01 of the coupler at rest; 0 without one."""
        return float(self.loop.arc(self.loop.static(bias))[0]) if self.loop else 0.0

    def steering(self, lines: Lines, bias: Mapping[str, float]) -> Steering | None:
        """Flux pulses of the coupler."""
        return self.loop.steering(lines, bias) if self.loop else None


def exchange_of(coupling: Coupling, couplers: Mapping[str, Coupler]) -> Exchange:
    """What couples the pair, with the coupler that it names."""
    word = couplers[coupling.coupler] if coupling.coupler else None
    loop = Loop(word.frequency, word.anharmonicity, word) if word else None
    return Exchange(coupling, loop)
