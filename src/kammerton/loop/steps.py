"""Steps of the computer's clock: which one lasts, and what then becomes of times that are held."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from kammerton.loop.beliefs import AGAIN, BeliefBook
from kammerton.loop.patience import Patience
from kammerton.loop.provisional import Provisional
from kammerton.loop.record import Record
from kammerton.model import Belief, LabClock
from kammerton.model.clock import APART, Step, was_set

log = logging.getLogger(__name__)

TO_COME = "its time is yet to come by the computer's clock: how old it is nobody knows"


@dataclass
class Steps:
    """Lets laboratory time follow the computer's clock between two runs.

    Forward, what was measured is older by so much: nobody knows whether the clock was right then.
    Back, it keeps its age, by a revision that moves all times; see ADR 28. Nothing that was
    measured before is taken for younger than it is.
    """

    clock: LabClock
    book: BeliefBook
    patience: Patience
    provisional: Provisional
    record: Record

    def __post_init__(self) -> None:
        self._step = Step(self.clock)

    def due(self) -> timedelta:
        """Return by how much the clock was set, once that has lasted; 0: it was not."""
        return self._step.due()

    async def follow(self, by: timedelta, revision: int) -> int:
        """Follow a step; return the newest revision. Overtaken: there is a newer than `revision`.

        Laboratory time goes on alike where that is given up before the end.
        """
        said, before = was_set(by), self.clock.now()
        revision = await self.record.follow(self.clock, by, said, revision)
        self.book.moved(by)
        self.patience.moved(by)
        self.provisional.moved(by)
        log.warning("%s; laboratory time follows", said)
        await self.record.clock_set(before, self.clock.now(), said)
        return revision

    def to_come(self) -> Mapping[str, Belief]:
        """Doubt what is of a time to come, as after a revert; return what was not doubted yet."""
        now = self.clock.now()
        names = self.book.after(now + timedelta(seconds=APART))
        self.book.doubt(names, 0.0, now, least=AGAIN)
        return self.book.doubted() if names else {}
