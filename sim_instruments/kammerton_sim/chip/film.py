"""Words for the metal that a chip is made of."""

from __future__ import annotations

from dataclasses import dataclass

from kammerton_sim.chip.keys import KELVIN
from kammerton_sim.chip.section import number


@dataclass(frozen=True)
class Superconductor:
    """The films of the chip and of its junctions.

    critical_temperature: K, above which there are neither qubits nor resonators. The gap, 1.764
    times as much, sets how quasiparticles shorten T1 below it. Of
    aluminium, films have 1.2 K.
    """

    critical_temperature: float = number("critical_temperature_k", KELVIN, 1.2)


ALUMINIUM = Superconductor()
