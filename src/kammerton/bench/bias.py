"""Bias sources: ramps that begin where the box really is, and what each does to be safe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import pairwise

from kammerton.bench import approval
from kammerton.bench.guard import Guard
from kammerton.bench.limits import check_value
from kammerton.bench.ramp import steps
from kammerton.bench.second_look import Difference, SecondLook
from kammerton.bench.switching import OutputChange
from kammerton.bench.tasks import together, unbroken
from kammerton.lab import Limit
from kammerton.model import InstrumentError, OutputRefused, SettingsChanged
from kammerton.model.quantity import show
from kammerton.model.roles import BiasSource

SOMEBODY = "somebody else"

RESOLUTION, SHARE = 1e-5, 1e-3
"""How far (V, and of the value) a bias may read from what it was set to."""

RULE = 'safe = "{}" of {}'
"""What the audit log names as the rule by which a bias was made safe."""

ON_THE_WAY = "unknown, on the way to 0 V"
"""Where the audit log says that a bias is whose ramp was broken off."""

LONGEST_RAMP = 3600.0
"""s that a bias may take to come to 0 V where lab.toml wants that."""


class Biases:
    """The bias sources of a bench. Their levels are known by read-back only, never assumed."""

    def __init__(self, guard: Guard, sources: Mapping[str, BiasSource]) -> None:
        self._guard, self._sources = guard, sources
        self._turns = {name: asyncio.Lock() for name in sources}
        self._last: dict[str, float] = {}
        self._left: dict[str, tuple[float, bool]] = {}
        self._moved: dict[str, str] = {}  # what was made safe, and how it was before
        self._second = SecondLook()

    async def set(self, name: str, volts: float) -> None:
        """Ramp a bias to `volts` through its limits, switching it on at 0 V where it is off.

        The level is read first. Each step is checked, small, slow, and the last place to stop:
        a cancellation, a person's hold or, on the way up, the interlock ends the ramp there.

        Raises
        ------
        OutputRefused
            Not within limits, not cold, held, or the box stands outside its limits already.
        InstrumentError
            The source fails, or reads back something else.
        """
        guard = self._guard
        if name not in self._sources:
            raise guard.refusal(name, volts, f"{name} is no bias source of {guard.lab.path.name}")
        limit = guard.checked(
            name, volts, lambda: check_value(guard.lab, name, "volts", volts, "bias")
        )
        await guard.approved(
            lambda: [approval.of_value(guard.lab, name, "volts", volts, "bias ramp")]
        )
        await guard.require_unkept(name)
        if volts:
            await guard.require_cold(name)
        async with self._turns[name]:
            await self._ramped(name, volts, limit)

    async def levels(self) -> dict[str, tuple[float, bool]]:
        """Return where each bias is, V, and whether that comes out; without who does not answer."""
        found = dict[str, tuple[float, bool]]()
        for name, source in self._sources.items():
            with suppress(InstrumentError):
                found[name] = await source.settings()
        return found

    def made_safe(self) -> frozenset[str]:
        """Return, once, what was moved to make it safe; no look complains of that any more."""
        found = frozenset(self._moved)
        self._moved.clear()
        return found

    async def as_left(self, *names: str) -> None:
        """Raise unless every bias is where it was set, or was first found: flux moves qubits.

        names: of those that are looked at; all without.

        Raises
        ------
        SettingsChanged
            One was made safe; or somebody else moved it, and the loop pauses, unless that is who
            holds its qubit. Then what is found counts as meant.
        LastingFault
            Twice within an hour: a person is asked.
        InstrumentError
            One does not answer.
        """
        await together(self._as_left(name) for name in names or self._sources)

    async def make_safe(self, name: str) -> None:
        """Do what lab.toml declares: hold (and read back), ramp to zero, or also switch off.

        That of a qubit that somebody holds stays where it is, wherever that may be; nobody asks.

        Raises
        ------
        InstrumentError
            The source is not known to be so.
        """
        async with self._turns[name]:
            if self._guard.keeper(name) is not None:
                self._last.pop(name, None)
            elif self._guard.lab.instruments[name].safe in ("zero", "off"):
                await self._to_zero(name)
            else:
                await self._is_held(name)

    async def _to_zero(self, name: str) -> None:
        """Ramp to zero, and switch off what shall be; where a person takes it, stop there.

        Wherever that ends, the audit says that it was moved.
        """
        entry = self._guard.lab.instruments[name]
        start, on = await self._sources[name].settings()
        moves = on and (entry.safe == "off" or not _near(start, 0.0))
        self._left.pop(name, None)
        if moves:
            self._moved.setdefault(name, _words(start, on))
        rule, new = RULE.format(entry.safe, name), ON_THE_WAY
        try:
            new = await self._down(name, start, on=on)
        except BaseException as reason:
            rule = f"a ramp ended by {_cause(reason)}: {rule}"
            raise
        finally:
            if moves and new != _words(start, on):
                self._guard.changed(name, _words(start, on), new, rule)

    async def _down(self, name: str, start: float, *, on: bool) -> str:
        """Ramp to zero, and switch off what shall be; return where that ended, in words."""
        entry, source = self._guard.lab.instruments[name], self._sources[name]
        limit, off, level = entry.limits.get("volts"), entry.safe == "off", start
        if on and limit is None:
            await source.safe()
            return "off"
        if on and limit is not None:
            for value in steps(start, 0.0, limit):
                if self._guard.keeper(name) is None:
                    await source.set_voltage(value, rate=limit.max_rate)
                    level = value
        if self._guard.keeper(name) is not None:
            self._last.pop(name, None)
            return f"{level:g} V"
        if on and off:
            await source.enable(on=False)
        await self._is_zero(name, off=off)
        return "off" if off else "0 V"

    async def _as_left(self, name: str) -> None:
        async with self._turns[name]:
            ask = self._sources[name].settings
            if name not in self._left:
                level, on = self._left[name] = await self._second.agreed(name, ask, _moved)
                if (was := self._moved.pop(name, None)) is None:
                    return
                words = f"{name} was made safe: {_words(level, on)}, not {was}"
                raise SettingsChanged(words, instrument=name)
            meant, was_on = left = self._left[name]
            level, on = found = await self._second.at(name, ask, partial(_moved, left))
            if not _moved(left, found):
                return
            del self._left[name]
            self._last.pop(name, None)
        old, new = _words(meant, was_on), _words(level, on)
        self._guard.note(OutputChange(name, old, new, SOMEBODY, found=True))
        raise self._guard.changed_by_somebody(name, f"is not as it was: {new}, not {old}")

    async def _ramped(self, name: str, volts: float, limit: Limit) -> None:
        source = self._sources[name]
        self._left.pop(name, None)
        start = await self._start(name, volts)
        path = self._guard.checked(name, volts, lambda: self._path(name, start, volts, limit))
        try:
            for before, value in pairwise((start, *path)):
                await self._require_step(name, before, value)
                await source.set_voltage(value, rate=limit.max_rate)
            await self._verified(name, volts)
        except BaseException as reason:
            await unbroken(self._stopped(name, start, volts, reason))
            raise
        self._guard.changed(name, f"{start:g} V", f"{volts:g} V", f"limits.volts of {name}")

    async def _require_step(self, name: str, before: float, value: float) -> None:
        """Refuse a step of what a person holds, and one away from 0 V while it is not cold."""
        await self._guard.require_unkept(name)
        if abs(value) > abs(before):
            await self._guard.require_cold(name)

    async def _start(self, name: str, volts: float) -> float:
        """Return the level that comes out; an output that is off is switched on, at 0 V."""
        source = self._sources[name]
        level, on = await source.settings()
        if on:
            return level
        limit = self._guard.checked(name, 0.0, lambda: self._zero(name))
        if volts:
            await self._guard.require_cold_to_begin(name)
        await self._guard.require_unkept(name)
        await source.set_voltage(0.0, rate=limit.max_rate)
        await self._guard.require_unkept(name)
        await source.enable(on=True)
        self._guard.changed(name, "off", "on, 0 V", f"limits.volts of {name}")
        return 0.0

    def _zero(self, name: str) -> Limit:
        """Return the limits of an output that is off, if they let it begin at 0 V."""
        limit = self._guard.lab.instruments[name].limits["volts"]
        if not limit.minimum <= 0.0 <= limit.maximum:
            raise OutputRefused(
                f"{name} is off and would begin at 0 V, outside its own limits: switch it on by "
                f"hand, within {show(limit.minimum, 'V')} to {show(limit.maximum, 'V')}"
            )
        return limit

    def _path(self, name: str, start: float, volts: float, limit: Limit) -> list[float]:
        if not limit.minimum <= start <= limit.maximum:
            raise OutputRefused(
                f"{name} is at {show(start, 'V')}, outside its own limits: bring it back by hand"
            )
        path = steps(start, volts, limit)
        for value in path:
            check_value(self._guard.lab, name, "volts", value, "bias")
        return path

    async def _verified(self, name: str, volts: float) -> None:
        level, on = await self._sources[name].settings()
        if not on or not _near(level, volts):
            state = "" if on else ", switched off"
            raise InstrumentError(
                f"{name} was ramped to {show(volts, 'V')} but reads back {show(level, 'V')}{state}"
            )
        self._last[name] = volts
        self._left[name] = volts, True
        self._moved.pop(name, None)

    async def _stopped(self, name: str, start: float, volts: float, reason: BaseException) -> None:
        """Say where a ramp ended that did not arrive, as far as the box says."""
        self._last.pop(name, None)
        cause = _cause(reason)
        try:
            level = f"{(await self._sources[name].settings())[0]:g} V"
        except InstrumentError as error:
            level = f"unknown: {error}"
        self._guard.changed(name, f"{start:g} V", level, f"ramp to {volts:g} V ended by {cause}")

    async def _is_held(self, name: str) -> None:
        level, on = await self._sources[name].settings()
        last = self._last.get(name)
        if last is not None and not (on and _near(level, last)):
            raise InstrumentError(f"{name} was left at {last:g} V but reads {level:g} V")

    async def _is_zero(self, name: str, *, off: bool) -> None:
        level, on = await self._sources[name].settings()
        if on and (off or not _near(level, 0.0)):
            raise InstrumentError(f"{name} reads back {level:g} V, {'on' if on else 'off'}")
        self._last.pop(name, None)


def _moved(left: tuple[float, bool], found: tuple[float, bool]) -> list[Difference]:
    """Return how a level and whether it comes out differ from what they were."""
    (level, on), (now, is_on) = left, found
    moved: list[Difference] = [] if _near(now, level) else [("voltage", level, now)]
    return moved if on == is_on else [*moved, ("on", on, is_on)]


def _cause(reason: BaseException) -> str:
    return str(reason) or type(reason).__name__


def _words(level: float, on: bool) -> str:
    return f"{level:g} V" if on else "off"


def _near(level: float, volts: float) -> bool:
    return abs(level - volts) <= max(RESOLUTION, SHARE * abs(volts))
