"""Outputs that no program plays: network analyzers and pulse generators, behind the same rules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kammerton.bench import approval
from kammerton.bench.guard import Guard
from kammerton.bench.limits import check_pulse, check_value
from kammerton.bench.words import pulse, swept
from kammerton.model.roles import (
    Edged,
    FrequencySweep,
    Instrument,
    NetworkAnalyzer,
    PulseGenerator,
)


class Others:
    """Sweeps and single pulses: checked against lab.toml, cold, and not held by a person."""

    def __init__(self, guard: Guard, devices: Mapping[str, Instrument]) -> None:
        self._guard, self._devices = guard, devices

    async def transmission(
        self, name: str, sweep: FrequencySweep
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Sweep a network analyzer; see `NetworkAnalyzer.transmission`."""
        analyzer = self._devices.get(name)
        if not isinstance(analyzer, NetworkAnalyzer):
            raise self._guard.refusal(
                name, swept(sweep), f"{name} is no network analyzer of this bench"
            )
        self._check(name, sweep.power, "power", swept(sweep))
        self._check(name, sweep.start, "frequency", swept(sweep))
        self._check(name, sweep.stop, "frequency", swept(sweep))
        await self._approved(name, "sweep", "power", sweep.power)
        await self._guard.require_cold_to_begin(name)
        self._guard.changed(
            name, "off", swept(sweep), f"limits.frequency and limits.power of {name}"
        )
        return await analyzer.transmission(sweep)

    async def set_pulse(self, name: str, channel: int, volts: float, width: float) -> None:
        """Set the pulse of a channel that is off; see `PulseGenerator.set_pulse`."""
        said = pulse(volts, width)
        pulser = self._pulser(name, said)
        self._check_pulse(name, pulser, volts, said)
        await self._approved(name, "pulse", "volts", volts)
        await self._guard.require_free(name)
        await pulser.set_pulse(channel, volts, width)
        self._guard.changed(f"{name}.{channel}", None, said, f"limits.volts of {name}")

    async def enable_pulse(self, name: str, channel: int) -> None:
        """Switch a channel on whose pulse, as the box itself says, is within its limits."""
        pulser = self._pulser(name, "on")
        await self._guard.require_cold_to_begin(name)
        volts, width, _ = await pulser.settings(channel)
        self._check_pulse(name, pulser, volts, pulse(volts, width))
        await self._approved(name, "pulse on", "volts", volts)
        await self._guard.require_cold_to_begin(name)  # it may be warm since the box was asked
        self._guard.seen.on(name)
        await pulser.enable(channel, on=True)
        self._guard.changed(f"{name}.{channel}", "off", "on", f"limits.volts of {name}")

    def _pulser(self, name: str, new: object) -> PulseGenerator:
        pulser = self._devices.get(name)
        if not isinstance(pulser, PulseGenerator):
            raise self._guard.refusal(name, new, f"{name} is no pulse generator of this bench")
        return pulser

    async def _approved(self, name: str, kind: str, quantity: str, value: float) -> None:
        lab = self._guard.lab
        await self._guard.approved(lambda: [approval.of_value(lab, name, quantity, value, kind)])

    def _check_pulse(self, name: str, pulser: PulseGenerator, volts: float, new: object) -> None:
        lab, edge = self._guard.lab, pulser.fastest_edge if isinstance(pulser, Edged) else 0.0
        self._guard.checked(name, new, lambda: check_pulse(lab, name, volts, edge))

    def _check(self, name: str, value: float, quantity: str, new: object) -> None:
        lab = self._guard.lab
        self._guard.checked(name, new, lambda: check_value(lab, name, quantity, value))
