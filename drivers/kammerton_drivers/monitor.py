"""What every fridge monitor has: a session that only reads, and a temperature that can be one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from qcodes.instrument import Instrument

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity
from kammerton_drivers.session import Session

I = TypeVar("I", bound=Instrument)  # noqa: E741 - an instrument
T = TypeVar("T")

log = logging.getLogger(__name__)

ASIDE = 1.5
"""s for a question beside the temperature where there is one line for both. What hangs then is hung
up on: the temperature is read again 2 s after the last time, and waits for nobody."""

ANEW = 60.0
"""s until a second line that was not to be had is tried again."""

HUNG = 1.0
"""s that closing waits for a question on the second line: it is asked again by nobody."""

HOTTEST = 400.0
"""K; a sensor that reads more is broken or unplugged."""


class Monitor(Generic[I]):
    """A refrigerator that is looked at and never switched.

    second: the line for what is asked beside the temperature, which waits for nothing of it.
    """

    def __init__(self, session: Session[I], second: Session[I] | None = None) -> None:
        self.name = session.name
        self.session, self.second = session, second
        self._one_line_until, self._turn = -math.inf, asyncio.Lock()

    async def beside(self, action: str, fn: Callable[[I], T]) -> T:
        """Return fn(instrument), which asks one question, on the second line.

        Where the software takes one connection only, it is asked on the one that is there.

        Raises
        ------
        InstrumentError
            No answer; with one line already after `ASIDE` s.
        """
        if self.second is not None and time.monotonic() >= self._one_line_until:
            try:
                await self.second.do("open a second line", lambda _: None)
            except InstrumentError as failure:
                self._one_line_until = time.monotonic() + ANEW
                log.warning("%s; the one line is asked for the next %g s", failure, ANEW)
            else:
                return await self.second.do(action, fn)
        async with self._turn:  # one after the other: to wait for a slow one is not to hang
            await self.session.do("wait for the line", lambda _: None)
            return await self.session.do(action, fn, deadline=ASIDE)

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def safe(self) -> None:
        """Do nothing: a refrigerator is never switched, and this one is only read."""

    async def close(self) -> None:
        """Close the session; heaters and pumps stay as they are."""
        if self.second is not None:
            with contextlib.suppress(InstrumentError):  # it hangs, and is left to it
                await self.second.close(HUNG)
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
