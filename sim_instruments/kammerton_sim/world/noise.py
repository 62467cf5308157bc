"""All that moves a qubit's f01 and T1 from shot to shot, on the laboratory clock."""

from __future__ import annotations

import numpy as np

from kammerton_sim.chip import Chip
from kammerton_sim.world.bursts import BurstNoise
from kammerton_sim.world.charge import ChargeNoise
from kammerton_sim.world.defects import Defects
from kammerton_sim.world.events import FloatArray
from kammerton_sim.world.flux_noise import FluxPath

_DEFECTS, _CHARGE, _BURSTS, _FLUX = (
    10,
    11,
    12,
    13,
)  # what tells the seeds of the effects from each other


class Noise:
    """Defects, charges and fluxes of every qubit, and the bursts that meet them all."""

    def __init__(self, chip: Chip) -> None:
        seed = chip.seed
        self.defects = [Defects(q.defects, seed, n, _DEFECTS) for n, q in enumerate(chip.qubits)]
        self.charges = [
            ChargeNoise(q.charge, q.f01, q.anharmonicity, seed, n, _CHARGE) if q.charge else None
            for n, q in enumerate(chip.qubits)
        ]
        self.fluxes = [
            FluxPath(q.flux.noise, seed, n, _FLUX) if q.flux and q.flux.noise else None
            for n, q in enumerate(chip.qubits)
        ]
        self.bursts = BurstNoise(chip.bursts, seed, _BURSTS) if chip.bursts else None

    @property
    def still(self) -> bool:
        """Whether every shot is like the others."""
        moving = any(d.moving for d in self.defects) or any(self.charges) or any(self.fluxes)
        return not moving and self.bursts is None

    def lasting_rate(self, number: int, f01: float, at: float) -> float:
        """1/s that defects add to 1/T1 of a qubit at f01: part of what T1 is at that time."""
        return float(self.lasting_rates(number, f01, np.array([at]))[0])

    def lasting_rates(self, number: int, f01: float, times: FloatArray) -> FloatArray:
        """The same at many times."""
        return self.defects[number].rate(f01, times)

    def burst_rate(self, times: FloatArray) -> FloatArray:
        """1/s that bursts add to 1/T1 of every qubit."""
        return np.zeros(times.shape) if self.bursts is None else self.bursts.rate(times)

    def quanta(self, number: int, times: FloatArray) -> FloatArray:
        """Flux through the loop of a qubit that nobody put there."""
        path = self.fluxes[number]
        return np.zeros(times.shape) if path is None else path(times)

    def charge_shift(self, number: int, times: FloatArray) -> FloatArray:
        """Hz by which charge moves f01 of a qubit off its middle."""
        charge = self.charges[number]
        return np.zeros(times.shape) if charge is None else charge.detuning(times)
