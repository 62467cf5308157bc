"""Yokogawa GS200 as a bias source of a flux line, over the upstream QCoDeS driver.

Its own limit is :SOURce:PROTection:VOLTage, 1 to 30 V (manual IM GS210-01EN, section 13.2; whole
volts: the upstream driver). It cuts what follows across the line from a current, should somebody
set the box to one; what cuts a voltage is a limiter of current, of which lab.toml says nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from qcodes.instrument_drivers.yokogawa import YokogawaGS200

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity, State
from kammerton.model.setup import Allowed, Setting, limits_itself
from kammerton_drivers.line import SOCKET, Careful, idn, without_delay
from kammerton_drivers.session import Session

SAFE_RATE = 0.5
"""V/s with which `safe` goes to 0: a step would heat the refrigerator and move neighbours."""

LOWEST, HIGHEST = 1, 30
"""V that its limiter of voltage can be set to."""

_TICK = 0.1  # s: the clock of the box's ramps
_LONGEST = 3600.0
_PROGRAM_ENDED = 1 << 7


log = logging.getLogger(__name__)


def own_limits(allowed: Allowed) -> tuple[Setting, ...]:
    """Return the least limiter of voltage that cuts nothing which lab.toml allows."""
    if "volts" not in allowed:
        return ()
    volts = math.ceil(round(max(map(abs, allowed["volts"])), 9))
    return (Setting("voltage_limit", float(min(max(volts, LOWEST), HIGHEST)), "V"),)


@limits_itself(own_limits)
def connect(name: str, address: str) -> Gs200:
    """Connect to a source by its VISA address; function, range, level and output stay.

    Raises
    ------
    InstrumentError
        Nobody answers there, or the source is set to current.
    """
    source = Gs200(name, address)
    source.session.connect()
    return source


class Gs200:
    """A BiasSource in voltage mode. The range is chosen at the box, and never changed here."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.session = Session(name, address, lambda label: _Source(label, address, **SOCKET))

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def limit(self, allowed: Mapping[str, tuple[float, float]]) -> None:
        """Set its limiter of voltage, and read it back; one below the present level is not set.

        Raises
        ------
        InstrumentError
            The box does not take it.
        """
        for limit in own_limits(allowed):
            put_it = partial(_put_limit, volts=int(float(limit.value)))
            await self.session.do(f"limit the voltage to {limit}", put_it)

    async def state(self) -> State:
        """Ask for the limiters; level and output are asked for by `settings`."""
        return await self.session.read("read limiters", _limiters)

    async def set_voltage(self, volts: float, *, rate: float) -> None:
        """Ramp to `volts` at `rate` V/s; with the output off, set the level.

        Raises
        ------
        InstrumentError
            The range is too small, or the box is elsewhere when it should have arrived.
        """
        if not (math.isfinite(volts) and rate > 0):
            raise InstrumentError(f"{self.name}: no ramp to {volts} V at {rate} V/s")
        seconds = await self.session.do(f"set {volts:g} V", lambda source: _go(source, volts, rate))
        await self._wait(seconds)
        level, _ = await self.settings()
        if abs(level - volts) > max(1e-6, 1e-3 * abs(volts)):
            raise InstrumentError(f"{self._place} is at {level:g} V and not at {volts:g} V")

    async def enable(self, *, on: bool) -> None:
        """Switch the output on or off.

        Raises
        ------
        InstrumentError
            The level is not 0: the output would jump.
        """
        await self.session.do(f"switch {'on' if on else 'off'}", lambda source: _switch(source, on))

    async def settings(self) -> tuple[float, bool]:
        """Ask the instrument for its level in V and whether its output is on."""
        return await self.session.read("read settings", _settings)

    async def safe(self) -> None:
        """Ramp to 0 V, switch the output off and read back that it is."""
        if (await self.settings())[1]:
            await self.set_voltage(0.0, rate=SAFE_RATE)
            await self.enable(on=False)
        if (await self.settings())[1]:
            raise InstrumentError(f"{self._place} stays on after it was told off")

    async def close(self) -> None:
        """Close the session; the output stays as it is."""
        await self.session.close()

    @property
    def _place(self) -> str:
        return f"{self.name} ({self.session.address})"

    async def _wait(self, seconds: float) -> None:
        """Wait for the end of a ramp without keeping the lane."""
        if not seconds:
            return
        await asyncio.sleep(seconds)
        for _ in range(20):
            if await self.session.do("wait for the ramp", _ended):
                return
            await asyncio.sleep(_TICK)
        raise InstrumentError(f"{self._place}: the ramp does not end")


class _Source(Careful, YokogawaGS200):
    """The upstream driver, which would greet on stdout."""

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Ask who is there and what it is set to, so that the wrong box is noticed at once."""
        without_delay(self)
        who = idn(self)
        if "GS2" not in who.model:
            self.close()
            raise InstrumentError(f"this is no GS200 but {who.vendor} {who.model}")
        if self.source_mode() != "VOLT":
            self.close()
            raise InstrumentError("it is set to current; a bias source gives volts")


def _go(source: YokogawaGS200, volts: float, rate: float) -> float:
    """Start a ramp, or set the level where nothing comes out; returns the seconds it takes."""
    span = float(source.voltage_range())
    if abs(volts) > span:
        raise InstrumentError(f"{source.name}: {volts:g} V do not fit its range of {span:g} V")
    distance = abs(volts - float(source.voltage.get()))
    if source.output() == "off" or not distance:
        source.ramp_mode("JUMP")
        source.voltage.set(volts)
        return 0.0
    seconds = max(_TICK, math.ceil(distance / rate / _TICK) * _TICK)
    if seconds > _LONGEST:
        raise InstrumentError(f"{source.name}: a ramp of {seconds:g} s is longer than {_LONGEST:g}")
    source.ramp_mode("HARDWARE")
    source.ramp_blocking(False)
    source.ramp_rate(distance / seconds)
    source.voltage.set(volts)
    return seconds


def _ended(source: YokogawaGS200) -> bool:
    return bool(int(source.extended_event_register()) & _PROGRAM_ENDED)


def _put_limit(source: YokogawaGS200, volts: int) -> None:
    if _limiters(source)["voltage_limit"] == volts:
        return
    level, on = _settings(source)
    if on and abs(level) > volts:
        log.warning(
            "%s is on at %g V: its limiter stays as it is, not %d V", source.name, level, volts
        )
        return
    source.voltage_limit.set(volts)
    if (taken := _limiters(source)["voltage_limit"]) != volts:
        raise InstrumentError(f"{source.name} takes a limiter of {taken:g} V instead of {volts} V")


def _limiters(source: YokogawaGS200) -> dict[str, float]:
    return {
        "voltage_limit": float(source.voltage_limit.get()),
        "current_limit": float(source.current_limit.get()),
    }


def _settings(source: YokogawaGS200) -> tuple[float, bool]:
    return float(source.voltage.get()), source.output() == "on"


def _switch(source: YokogawaGS200, on: bool) -> None:
    level = float(source.voltage.get())
    if level and (source.output() == "on") != on:
        raise InstrumentError(f"{source.name}: at {level:g} V switching would be a step; go to 0")
    source.output("on" if on else "off")
