"""Setting an instrument up: clocks, references and its own limits; its outputs stay off."""

from __future__ import annotations

from kammerton.bench.gate import Gate
from kammerton.bench.own_limits import allowed
from kammerton.bench.readback import CYCLED, ReadBack
from kammerton.bench.switching import OutputChange
from kammerton.bench.words import setting
from kammerton.lab import Lab
from kammerton.model.roles import (
    Digitizer,
    Instrument,
    MicrowaveSource,
    SelfLimiting,
    WaveformGenerator,
)


class SettingUp:
    """Sets instruments up; what they read then is expected of them from now on."""

    def __init__(self, lab: Lab, gate: Gate, read_back: ReadBack) -> None:
        self._lab, self._gate, self._read_back = lab, gate, read_back

    async def configure(self, device: Instrument) -> None:
        """Set one up as at the start, unless it is kept with a qubit that somebody holds."""
        if isinstance(device, MicrowaveSource | WaveformGenerator | Digitizer | SelfLimiting):
            await self._gate.guard.require_free(device.name)
        if self._gate.guard.keeper(device.name) is not None:
            return
        if isinstance(device, SelfLimiting):
            await self._limit(device.name, device)
        if isinstance(device, MicrowaveSource):
            await device.configure()
        elif isinstance(device, WaveformGenerator | Digitizer):
            await device.configure(self._lab.sample_rate)

    async def _limit(self, name: str, device: SelfLimiting) -> None:
        """Set what it keeps to by itself; where that was otherwise, the audit says how."""
        guard, before = self._gate.guard, await self._read_back.now(name)
        await device.limit(allowed(self._lab.instruments[name]))
        rule = f"limits of {name}, which it keeps to by itself"
        for key, new in (await self._read_back.now(name)).items():
            if key != CYCLED and (old := before[key]) != new:
                was, is_now = setting(key, old), setting(key, new)
                guard.note(OutputChange(f"{name} {key}", was, is_now, guard.who, rule=rule))

    async def anew(self, device: Instrument) -> None:
        """Set up one that is off, wherever it was."""
        await self.configure(device)
        self._gate.set_up_anew(device.name)
        self._read_back.forget(device.name)
        await self._read_back.remember([device.name])

    async def again(self, device: Instrument) -> None:
        """Set up one that comes back, and say in the audit what it has lost."""
        await self._read_back.note_lost(device.name)
        await self.anew(device)
