"""What a person has given back is doubted: whoever had it may have turned anything."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from kammerton.loop.beliefs import AGAIN, BeliefBook
from kammerton.loop.record import Record
from kammerton.model import LabClock

log = logging.getLogger(__name__)


@dataclass
class GivenBack:
    """Looks for holds that are over at the first look, and whenever something is held no more.

    held: what is held now. The audit log tells which holds were given back already, so that
    nothing is doubted twice and no restart forgets it, whatever the computer's clock was set to.
    """

    book: BeliefBook
    clock: LabClock
    record: Record
    held: Callable[[], frozenset[str]]
    _before: frozenset[str] | None = None

    async def look(self) -> frozenset[str]:
        """Doubt what was given back since the last look; return its names."""
        held = self.held()
        back = self._before is None or self._before - held
        found = await self._doubt() if back else frozenset[str]()
        self._before = held
        return found

    async def _doubt(self) -> frozenset[str]:
        found = frozenset[str]()
        for each in await self.record.given_back():
            rests = each.older.intersection(self.book.resting_on_scope(each.scope))
            self.book.doubt(rests, 0.0, self.clock.now(), least=AGAIN)
            words = f"{each.scope} was given back by {each.owner} ({each.why})"
            if rests and (doubted := self.book.doubted()):
                log.info("%s; what rests on it is measured again", words)
                await self.record.doubt(doubted, words)
            await self.record.note_given_back(each, words)  # last: else a crash forgets the doubts
            found |= rests
        return found
