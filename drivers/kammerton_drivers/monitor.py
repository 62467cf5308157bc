"""What every fridge monitor has: a session that only reads, and a temperature that can be one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from qcodes.instrument import Instrument

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity
from kammerton_drivers.second_line import ASIDE, SecondLine
from kammerton_drivers.session import Session

I = TypeVar("I", bound=Instrument)  # noqa: E741 - an instrument
T = TypeVar("T")

HOTTEST = 400.0
"""K; a sensor that reads more is broken or unplugged."""


class Monitor(Generic[I]):
    """A refrigerator that is looked at and never switched.

    another: makes a second line for what is asked beside the temperature, which waits for nothing
    of it. Software that takes one client, or serves its newest only, would lose the temperature to
    it; and with one line all is told, as long as nothing hangs.
    """

    def __init__(
        self, session: Session[I], another: Callable[[], Session[I]] | None = None
    ) -> None:
        self.name = session.name
        self.session = session
        self.second = SecondLine(session, another) if another is not None else None
        self._turn = asyncio.Lock()

    async def beside(self, action: str, fn: Callable[[I], T]) -> T:
        """Return fn(instrument), which asks one question, on the second line.

        Where there is none, it is asked on the one that is there.

        Raises
        ------
        InstrumentError
            No answer; with one line already after `ASIDE` s.
        """
        async with self._turn:  # one after the other: a temperature comes in between
            second = self.second
            if second is not None and (line := await second.open()) is not None:
                try:
                    told = await line.do(action, fn)
                except InstrumentError as failure:
                    if not await second.lost(failure):
                        raise
                else:
                    second.told()
                    return told
            return await self._on_the_one_line(action, fn)

    async def _on_the_one_line(self, action: str, fn: Callable[[I], T]) -> T:
        shared = self.second is not None and self.second.opening
        try:
            await self.session.do("open the line", lambda _: None)
            within = 2 * ASIDE if shared else ASIDE
            return await self.session.do(action, fn, deadline=within, queued=True)
        except InstrumentError:
            self.session.hang_up()  # a temperature may wait behind what hangs
            raise

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def safe(self) -> None:
        """Do nothing: a refrigerator is never switched, and this one is only read."""

    async def close(self) -> None:
        """Close the session; heaters and pumps stay as they are."""
        if self.second is not None:
            await self.second.close()
        await self.session.close()

    def valid(self, kelvin: float | None, status: str = "") -> float:
        """Return a temperature of the mixing chamber, K, if it can be one.

        status: what the instrument says of it; nothing where it is well.

        Raises
        ------
        InstrumentError
            It is none.
        """
        if kelvin is not None and not status and math.isfinite(kelvin) and 0 < kelvin < HOTTEST:
            return kelvin
        said = f"{kelvin} K, status {status}" if status else f"{kelvin} K"
        place = f"{self.name} ({self.session.address})"
        raise InstrumentError(f"{place}: no valid reading of the mixing chamber: {said}")


def parts_of(name: str, address: str, form: str, read: Callable[[SplitResult], T | None]) -> T:
    """Return what `read` takes from an address that has the form of a URL.

    Raises
    ------
    InstrumentError
        It is none, or `read` does not want it; the message shows `form`.
    """
    try:
        found = read(urlsplit(address))
    except ValueError:
        found = None
    if found is None:
        raise InstrumentError(f"{name}: {address!r} is not an address like {form}")
    return found
