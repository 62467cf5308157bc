"""A second line to a refrigerator: tried, given up where it costs the first, tried anew."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from qcodes.instrument import Instrument

from kammerton.model import InstrumentError
from kammerton_drivers.session import Session

I = TypeVar("I", bound=Instrument)  # noqa: E741 - an instrument

log = logging.getLogger(__name__)

ASIDE = 1.5
"""s for a question beside the temperature where there is one line for both, and for a second line
to open until that one is asked. What hangs then is hung up on: the temperature is read again 2 s
after the last time, and waits for nobody."""

AGAIN, LONGEST = 60.0, 3600.0
"""s until a second line is tried anew; doubled each time that one did not last."""

STEADY = 60.0
"""s after which one has lasted: the first, read every 2 s, would long have paid for it."""

SETTLED = 10.0
"""s after a second line in which the first is opened anew because of that one."""

HUNG = 1.0
"""s that closing waits for a question on the second line: it is asked again by nobody."""


class SecondLine(Generic[I]):
    """A second line with the same refrigerator behind it, as long as the first does not pay for it.

    Software that takes one client refuses it, or leaves it without an answer; one that serves its
    newest only throws the first out. Then it is given up, and tried no more until the first was
    lost and is back for a reason of its own. One that has lasted and fails was lost with a network:
    another is tried a while later.
    """

    def __init__(self, first: Session[I], another: Callable[[], Session[I]]) -> None:
        self._first, self._another = first, another
        self._session: Session[I] | None = None
        self._opening: asyncio.Task[bool] | None = None
        self._told_at = 0  # how often the first line had been opened by then
        self._given_up_at: int | None = None  # the same; None: it is not, or only for a while
        self._due, self._settled, self._tried = -math.inf, -math.inf, -math.inf
        self._pause = AGAIN / 2

    @property
    def opening(self) -> bool:
        """Whether it is being opened: slow software answers on both lines in turn meanwhile."""
        return self._opening is not None and not self._opening.done()

    async def open(self) -> Session[I] | None:
        """Return the line, open; None: there is none, or none yet.

        Only the question that tries it waits for it, for `ASIDE` s, and no temperature does.
        """
        if self._opening is None:
            if self._session is None and not self._may_try():
                return None
            self._opening = asyncio.create_task(self._opened())
            await asyncio.wait({self._opening}, timeout=ASIDE)
        if (opening := self._opening) is None or not opening.done():
            return None  # closed meanwhile, or none yet
        self._opening = None
        return self._session if not opening.cancelled() and opening.result() else None

    def told(self) -> None:
        """Take note that it answered."""
        self._told_at = self._first.openings

    async def lost(self, failure: InstrumentError) -> bool:
        """Give it up if the line failed, and not a question alone; say so.

        The software hangs up on the one for the other, or leaves it without an answer; then the
        temperature's had to be opened anew since something was last told on this one.
        """
        late = isinstance(failure.__cause__, OSError) and self._told_at != self._first.openings
        if not late and not isinstance(failure.__cause__, ConnectionError):
            return False
        await self._give_up(failure)
        return True

    async def close(self) -> None:
        """Close it, whatever is asked on it."""
        opening, self._opening, self._due = self._opening, None, math.inf
        if opening is not None:
            opening.cancel()
        session, self._session = self._session, None
        if session is not None:
            await _closed(session)

    def _may_try(self) -> bool:
        now, openings = time.monotonic(), self._first.openings
        if self._given_up_at is not None and now < self._settled:
            self._given_up_at = openings
        elif self._given_up_at not in (None, openings):
            self._given_up_at, self._due = None, now + self._pause
        return self._given_up_at is None and now >= self._due and self._first.connected

    async def _opened(self) -> bool:
        """Open it, if it is not; say whether it is."""
        new = self._session is None
        if self._session is None:
            self._session, self._tried = self._another(), time.monotonic()
            self._session.expects(self._first)
            self._told_at = self._first.openings
        try:
            await self._session.do("open a second line", lambda _: None)
        except InstrumentError as failure:
            await self._give_up(failure)
            return False
        if new:
            log.info("%s: pumps and gauges are asked on a second line", self._first.name)
        return True

    async def _give_up(self, failure: InstrumentError) -> None:
        session, self._session = self._session, None
        if session is None:
            return  # somebody closed both meanwhile
        log.warning("no second line: %s; the first line is asked for all from now on", failure)
        now = time.monotonic()
        lasted = now - self._tried > STEADY
        self._pause = AGAIN if lasted else min(2 * self._pause, LONGEST)
        self._given_up_at = None if lasted else self._first.openings
        self._due, self._settled = now + self._pause, now + SETTLED
        await _closed(session)


async def _closed(session: Session[I]) -> None:
    with contextlib.suppress(InstrumentError):  # it hangs, and is left to it
        await session.close(HUNG)
