"""The refrigerator's monitors alone, while no bench is open: only read, and never written to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import monotonic

from kammerton.bench.beside import beside
from kammerton.bench.boxes import Boxes
from kammerton.bench.connect import Factory, close_all, connect_each
from kammerton.bench.interlock import ColdCheck
from kammerton.bench.tasks import unbroken
from kammerton.bench.warmth import Warmth
from kammerton.lab import Lab
from kammerton.model import InstrumentError, LabClock
from kammerton.model.lasting import Lasting
from kammerton.model.roles import FridgeMonitor, Instrument

log = logging.getLogger(__name__)

PERIOD = 2.0
"""s between two readings."""

CONNECT = 5.0
"""s that a monitor gets to connect: a bench that is to open waits for that."""

AGAIN = 10.0
"""s until monitors of which none connects are tried again."""

ANEW = 60.0
"""s without a valid reading after which they are connected anew."""


@dataclass
class Apart:
    """Reads the monitors as the interlock does, and tells `warmth`; drive is none of its business.

    Bands of gauges forbid drive and say nothing of warmth: those are not asked. held: names what
    is held; as long as a monitor is by its name, a person wants all of them, and they are let go.
    """

    lab: Lab
    clock: LabClock
    warmth: Warmth
    held: Callable[[], Collection[str]]
    drivers: Mapping[str, Callable[[], Factory]] | None = None

    def __post_init__(self) -> None:
        self._mute = Lasting(log)
        named = {self.lab.interlock.fridge, self.lab.interlock.second}
        entries = {name: entry for name, entry in self.lab.instruments.items() if name in named}
        self._alone = replace(self.lab, instruments=entries)

    def wanted(self) -> bool:
        """Say whether a person wants a monitor."""
        return any(name in self._alone.instruments for name in self.held())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read again and again meanwhile."""
        async with beside(self._keep_reading(), "the refrigerator alone"):
            yield

    async def once(self) -> None:
        """Read once: for a process that ends before it came to more."""
        if not self.wanted():
            async with self._connected() as cold:
                if cold is not None:
                    await cold.refresh()

    async def _keep_reading(self) -> None:
        while True:
            if self.wanted():
                await asyncio.sleep(PERIOD)
                continue
            async with self._connected() as cold:
                if cold is not None:
                    await self._read(cold)
            if cold is None:
                await asyncio.sleep(AGAIN)

    async def _read(self, cold: ColdCheck) -> None:
        """Read until a person wants the monitors, or no valid reading comes any more."""
        loop = asyncio.get_running_loop()
        valid = loop.time()
        while not self.wanted() and loop.time() - valid <= ANEW:
            await cold.refresh()
            if cold.reading is not None:
                valid = loop.time()
                self._mute.over("the refrigerator is read again")
            elif no_reading := cold.causes.get("no reading"):
                self._blind(no_reading)
            await asyncio.sleep(PERIOD)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ColdCheck | None]:
        """Connect; None: no monitor does. No session is left open, whatever happens."""
        found = dict[str, Instrument | str]()

        async def connect() -> None:
            found.update(await connect_each(self._alone, self.drivers, CONNECT))

        cold: ColdCheck | None = None
        try:
            await unbroken(connect())
            cold = await self._check(found)
            yield cold
        finally:
            await unbroken(self._closed(cold, found))

    async def _check(self, found: Mapping[str, Instrument | str]) -> ColdCheck | None:
        monitors = {n: each for n, each in found.items() if isinstance(each, FridgeMonitor)}
        if not monitors:
            self._blind("; ".join(each for each in found.values() if isinstance(each, str)))
            return None
        try:
            await Boxes(self._alone).as_declared(monitors)
        except InstrumentError as stranger:  # how cold another refrigerator is says nothing
            self._blind("; ".join(str(stranger).splitlines()))
            return None
        settings = replace(self.lab.interlock, gauges={})
        cold = ColdCheck(settings, tuple(monitors.values()), self.clock, monotonic)
        cold.goes_on(self.warmth)
        return cold

    async def _closed(self, cold: ColdCheck | None, found: Mapping[str, Instrument | str]) -> None:
        if cold is not None:
            await cold.end()
        for line in await close_all({n: i for n, i in found.items() if isinstance(i, Instrument)}):
            log.warning("%s", line)

    def _blind(self, why: str) -> None:
        self._mute.failed(
            f"the refrigerator cannot be read while the other instruments are not connected: {why}"
        )
