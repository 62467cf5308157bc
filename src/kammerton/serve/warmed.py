"""What was measured before the mixing chamber was warm: nobody takes it for good, nor believes it.

Published as stale at once, since it is a revision, and doubted as widely as the design is: so it
is after a restart, too. See `bench.warmth` for how warm that is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from kammerton.bench.warmth import Warmth
from kammerton.lab import Lab
from kammerton.loop.beliefs import AGAIN
from kammerton.loop.record import Record
from kammerton.model import LabClock, Overtaken
from kammerton.serve.made_up import believed
from kammerton.store import Doubt, Store

log = logging.getLogger(__name__)

FAR = 1e9
"""By how much doubts are widened: further than any design's, which is where they end."""


@dataclass
class Warmed:
    """Doubts all that is known each time that it was warm, whatever the loop does.

    forget: called first: what is under way, or waits, was measured before as well.
    """

    record: Record
    lab: Lab
    clock: LabClock
    forget: Callable[[], object] = list

    async def watch(self, warmth: Warmth) -> None:
        """Do so for ever."""
        while True:
            why = await warmth.news()
            self.forget()
            doubted = partial(doubt_all, self.lab, self.record.store, self.clock, why)
            if names := await self.record.warm(doubted):
                log.warning("%s; %d values hold no longer", why, len(names))


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
