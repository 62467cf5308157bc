"""A supervised run: before the first write of each class the daemon waits for a person.

What was approved once, with the same limits and wiring, is not asked again: the audit log has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from kammerton.bench.approval import WriteClass
from kammerton.model.alarm import Alarm, Tell
from kammerton.model.errors import NotApproved, StoreUnavailable
from kammerton.store import Store
from kammerton.store.leases import DAEMON
from kammerton.store.questions import APPROVED, ASKED, Question

log = logging.getLogger(__name__)

PERIOD = 0.2  # s between two looks at the answers
SAY = 5.0  # s between two heartbeats meanwhile
LATE = 60.0
"""s without an answer after which an alarm goes out."""

HOW = 'kammerton approve NUMBER (or "all of q0"), or kammerton refuse NUMBER, at any terminal'

SUPERVISED = "a person is asked before the first write of each kind that nobody has approved yet"
"""What is said at the start: where all is known nothing is written, and nobody is asked."""


class Supervised:
    """Asks a person; remembers what was approved. say: hears what is waited for."""

    def __init__(
        self, store: Store, alarm: Tell, say: Callable[[str], object], late: float = LATE
    ) -> None:
        self._store, self._alarm, self._say, self._late = store, alarm, say, late
        self._approved = set[str]()

    async def __call__(self, classes: Sequence[WriteClass]) -> bool:
        """Return once all are approved; say whether a person was waited for.

        Raises
        ------
        NotApproved
            A person refused one of them.
        """
        new = {each.key: each for each in classes if each.key not in self._approved}
        if not new:
            return False
        before = await asyncio.to_thread(self._store.newest, list(new))
        self._approved |= {key for key, said in before.items() if said == APPROVED}
        if not (left := [each for key, each in new.items() if key not in self._approved]):
            return False
        await asyncio.to_thread(self._go_on)
        await self._answered(left)
        self._approved |= new.keys()
        return True

    def _go_on(self) -> None:
        """Number no question as an earlier process has: a person may answer that one."""
        for last in self._store.log(1, ASKED):
            self._store.questions.go_on(int(last.new))

    def _note(self, asked: Sequence[Question]) -> None:
        words = "\n".join(f"{each.number}: {each.words}" for each in asked)
        try:
            self._store.audit(DAEMON, ASKED, "", str(asked[-1].number), words)
        except StoreUnavailable as problem:  # nobody can answer now either
            log.warning("what is asked is not in the audit log: %s", problem)

    async def _answered(self, left: Sequence[WriteClass]) -> None:
        asked = [
            self._store.questions.ask(each.key, words, each.about)
            for each, words in zip(left, _with_boxes(left), strict=True)
        ]
        try:
            await asyncio.to_thread(self._note, asked)
            for each in asked:
                log.warning("question %d: %s?", each.number, each.words)
            log.warning("nothing is written before they are answered: %s", HOW)
            await self._wait(asked)
        finally:
            self._store.questions.withdraw(asked)

    async def _wait(self, asked: Sequence[Question]) -> None:
        loop = asyncio.get_running_loop()
        began, said, told = loop.time(), -SAY, False
        numbers = {each.number for each in asked}
        try:
            while True:
                waiting = [q for q in self._store.questions.waiting() if q.number in numbers]
                if (why := self._store.questions.refusal(asked)) is not None:
                    raise NotApproved(why)  # looked for last: one may be given between the two
                if not waiting:
                    return
                now, words = loop.time() - began, _words(waiting)
                if now - said >= SAY:
                    said = now
                    await asyncio.to_thread(self._say, words)
                if now >= self._late and not told:
                    told = True
                    self._alarm(Alarm("approval", self._store.computer, words))
                await asyncio.sleep(PERIOD)
        finally:
            if told:
                over = "nothing waits for a person's answer any more"
                self._alarm(Alarm("approval", self._store.computer, over, on=False))


def _with_boxes(classes: Sequence[WriteClass]) -> list[str]:
    """Return what a person is shown of each; whose box it is beside the first of an instrument."""
    said = list[str]()
    for place, each in enumerate(classes):
        first = each.instrument not in {other.instrument for other in classes[:place]}
        said.append(f"{each.words}; {each.box}" if first and each.box else each.words)
    return said


def _words(waiting: Sequence[Question]) -> str:
    first = waiting[0]
    more = f", and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    return f"waits for a person (kammerton approve): {first.number}: {first.words}{more}"
