"""What was measured before the mixing chamber was warm: nobody takes it for good, nor believes it.

Published as stale at once, since it is a revision, and doubted as widely as the design is: so it
is after a restart, too. See `bench.warmth` for how warm that is, and `serve.unseen` for what
nobody saw.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from kammerton.bench.apart import Apart
from kammerton.bench.beside import beside
from kammerton.bench.warmth import Warmth
from kammerton.lab import Lab
from kammerton.loop.beliefs import AGAIN
from kammerton.loop.record import Record
from kammerton.model import LabClock, Overtaken
from kammerton.serve.made_up import believed
from kammerton.serve.unseen import SPARED, Noted, seconds, unseen
from kammerton.store import Doubt, Store

log = logging.getLogger(__name__)

LOOK = 5.0
"""s between two looks at how long there was no valid reading: there may be nobody who reads."""

LAST_LOOK = 8.0
"""s that a look may take before the process ends."""

GLANCE = 0.02
"""s between glances at whether what was told is stored."""

FAR = 1e9
"""By how much doubts are widened: further than any design's, which is where they end."""


@dataclass
class Warmed:
    """Doubts all that is known each time that it was warm, whatever the loop does.

    warmth: is to hear of all readings, whoever reads. forget: called first: what is under way, or
    waits, was measured before as well.
    """

    record: Record
    lab: Lab
    clock: LabClock
    forget: Callable[[], object] = list

    def __post_init__(self) -> None:
        self.warmth = Warmth(self.lab.interlock.drive_off_above, seconds)
        self._known, self._busy = asyncio.Event(), False

    @asynccontextmanager
    async def watched(self, note: Callable[..., object]) -> AsyncIterator[None]:
        """Do so meanwhile; that nobody has looked since before this process counts as well.

        note: writes a line of the audit log, beside the work.
        """
        async with (
            beside(self.watch(), "warmth"),
            beside(self._looked(note), "readings of the refrigerator"),
        ):
            yield

    async def watch(self) -> None:
        """Do so for ever."""
        while True:
            why = await self.warmth.news()
            self._busy = True
            self.forget()
            doubted = partial(doubt_all, self.lab, self.record.store, self.clock, why)
            if names := await self.record.warm(doubted):
                log.warning("%s; %d values hold no longer", why, len(names))
            self._busy = False

    async def heeded(self) -> None:
        """Return once what was told so far, or not seen before this process, is stored."""
        await self._known.wait()
        while self.warmth.untold or self._busy:  # noqa: ASYNC110 - two of them know
            await asyncio.sleep(GLANCE)

    async def glanced(self, apart: Apart) -> None:
        """Read once where no bench opens, before the process ends: it may be so for hours."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOOK):
                await apart.once()
                await self.heeded()

    async def _looked(self, note: Callable[..., object]) -> None:
        """Look for ever how long ago it was seen, and note when it was."""
        last = await self.record.read(unseen)  # no instrument waits for the database
        self.warmth.unseen_before(last)
        self._known.set()
        noted = Noted(self.warmth, note, last)
        try:
            while True:
                self.warmth.look(None)
                noted.keep()
                await asyncio.sleep(LOOK)
        finally:
            noted.keep(SPARED)


def doubt_all(lab: Lab, store: Store, clock: LabClock, why: str) -> list[str]:
    """End what holds now, and doubt all that was measured, in one revision; return what that was.

    Nothing is written where all of it was so before, as in a process that begins in the warm.

    Raises
    ------
    StoreError
        The database cannot be written; then nothing was.
    """
    while True:
        head, now = store.snapshot(), clock.now()
        book = believed(lab, store, clock)
        book.doubt(store.parameters(), FAR, now, least=AGAIN)
        found = {n: Doubt(b.run, b.sigma, why) for n, b in book.doubted().items() if b.run}
        ends = [each.estimate.valid_until for each in head.parameters.values()]
        if not found and not any(until and until > now for until in ends):
            return []
        try:
            store.move_times(timedelta(), why, head.revision, ends=now, doubted=found)
        except Overtaken:
            continue
        return sorted(head.parameters)
