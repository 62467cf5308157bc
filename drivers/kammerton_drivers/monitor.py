"""What every fridge monitor has: a session that only reads, and a temperature that can be one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
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

HUNG = 1.0
"""s that closing waits for a question on the second line: it is asked again by nobody."""

HOTTEST = 400.0
"""K; a sensor that reads more is broken or unplugged."""


class Monitor(Generic[I]):
    """A refrigerator that is looked at and never switched.

    another: makes a second line for what is asked beside the temperature, which waits for nothing
    of it. It is tried once. Software that takes one client, or serves its newest only, would lose
    the temperature to each further try; and with one line all is told, as long as nothing hangs.
    """

    def __init__(
        self, session: Session[I], another: Callable[[], Session[I]] | None = None
    ) -> None:
        self.name = session.name
        self.session, self._another = session, another
        self._second: Session[I] | None = None
        self._openings = 0
        self._turn = asyncio.Lock()

    async def beside(self, action: str, fn: Callable[[I], T]) -> T:
        """Return fn(instrument), which asks one question, on the second line.

        Where the software takes one connection only, it is asked on the one that is there.

        Raises
        ------
        InstrumentError
            No answer; with one line already after `ASIDE` s.
        """
        async with self._turn:  # one after the other: a temperature comes in between
            if (second := await self._second_line()) is not None:
                try:
                    told = await second.do(action, fn)
                except InstrumentError as failure:
                    if not self._taken(failure):
                        raise
                    await self._give_up(second, failure)
                else:
                    self._openings = self.session.openings
                    return told
            return await self._on_the_one_line(action, fn)

    async def _on_the_one_line(self, action: str, fn: Callable[[I], T]) -> T:
        try:
            await self.session.do("open the line", lambda _: None)
            return await self.session.do(action, fn, deadline=ASIDE, queued=True)
        except InstrumentError:
            self.session.hang_up()  # a temperature may wait behind what hangs
            raise

    async def _second_line(self) -> Session[I] | None:
        """Return the second line, open, with the same refrigerator behind it; None: there is none.

        Who asks waits for it, and no temperature does.
        """
        if self._second is None and self._another is not None:
            self._second, self._another = self._another(), None
            self._second.expects(self.session)
            self._openings = self.session.openings
        if (second := self._second) is not None:
            try:
                await second.do("open a second line", lambda _: None)
            except InstrumentError as failure:
                await self._give_up(second, failure)
        return self._second

    def _taken(self, failure: InstrumentError) -> bool:
        """Say whether the line failed, and not the question alone: software that takes no two.

        It hangs up on the one for the other, or leaves it without an answer; then the temperature's
        had to be opened anew since something was last told on this one.
        """
        late = isinstance(failure.__cause__, OSError) and self._openings != self.session.openings
        return late or isinstance(failure.__cause__, ConnectionError)

    async def _give_up(self, second: Session[I], failure: InstrumentError) -> None:
        if self._second is not None:  # nobody closed both meanwhile
            log.warning("no second line: %s; the one line is asked from now on", failure)
        self._second = None
        await _closed(second)

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def safe(self) -> None:
        """Do nothing: a refrigerator is never switched, and this one is only read."""

    async def close(self) -> None:
        """Close the session; heaters and pumps stay as they are."""
        second, self._second, self._another = self._second, None, None
        if second is not None:
            await _closed(second)
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


async def _closed(second: Session[I]) -> None:
    with contextlib.suppress(InstrumentError):  # it hangs, and is left to it
        await second.close(HUNG)


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
