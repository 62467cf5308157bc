"""What is said on one connection: the greeting, the outbox, the renewed snapshot, the farewell."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime

from kammerton.model import BrokerError, StoreError
from kammerton.model.alarm import LASTS
from kammerton.publish import payloads, received
from kammerton.publish.alarms import Alarms
from kammerton.publish.connection import Connection, Will
from kammerton.publish.mirror import Mirror
from kammerton.publish.topics import Topics
from kammerton.store import Change, Handover, Snapshot, Store

log = logging.getLogger(__name__)

SNAPSHOT_EVERY = 1.0
"""Least seconds between two retained snapshots: the longest that a late joiner is behind."""

STATUS_EVERY = 30.0
"""Seconds after which the status is said again: what is said at the moment is believed."""

TURN = 1.0
"""Seconds after which a long outbox lets snapshot and alarms go first; parameters, all news."""

FAREWELL = 2.0
"""Seconds that saying goodbye may take."""

NOT_KNOWN = "not known to be off"
"""What a status says of the outputs where they were not read back as off."""


class PutBack(BrokerError):
    """The database holds less than was published of its epoch: subscribers would take none of it.

    published, present: the newest revision of either.
    """

    def __init__(self, published: int, present: int) -> None:
        super().__init__(f"revision {published} was published, and the database is at {present}")
        self.published, self.present = published, present


class Session:
    """One connection's conversation. Reads the store in threads, so that the loop never waits."""

    def __init__(
        self,
        connection: Connection,
        store: Store,
        topics: Topics,
        now: Callable[[], datetime],
        parameters: bool,
        mirror: Mirror,
        word: str,
        outputs: Callable[[], str],
        ahead: Callable[[], float],
        boxes: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._connection = connection
        self._store = store
        self._topics = topics
        self._now = now
        self._parameters = parameters
        self._mirror = mirror
        self._word = word
        self._outputs = outputs
        self._ahead = ahead
        self._boxes, self._claimed = boxes, frozenset[str]()
        self._published = -1
        self._valid: tuple[Change, ...] = ()
        self._greeted = deque[Change]()
        self._due = 0.0
        self._insist_due = 0.0
        self._repeat_due = 0.0

    async def arrive(self) -> Snapshot:
        """Listen for what is published of this computer, and say that we are here."""
        mine = self._topics.snapshot, self._topics.status, self._topics.alarm
        await self._connection.subscribe(*mine)
        head = await asyncio.to_thread(self._store.snapshot)
        await self._say(head, self._word)
        return head

    async def retain_set(self, head: Snapshot) -> float:
        """Retain the whole set: the broker may have lost what it had.

        Return the seconds that it took, which is the largest message; retain_parameters follows.
        """
        began = time.monotonic()
        await self._publish_snapshot(head)
        self._greeted = deque(head.parameters.values() if self._parameters else ())
        return time.monotonic() - began

    async def retain_parameters(self) -> bool:
        """Retain parameters of the set that was greeted with, for a while; say whether that is all.

        Two thousand take seconds, on a far line a minute, in which what is measured must not wait.
        What changed since goes out with its change: a retained value never goes back.
        """
        if not self._greeted:
            return True
        end = time.monotonic() + TURN
        head = await asyncio.to_thread(self._store.snapshot)
        while self._greeted:
            change = self._greeted.popleft()
            if head.parameters.get(change.name) == change:
                await self._publish_parameter(change)
                if time.monotonic() >= end:
                    break
        return not self._greeted

    async def forget(self, names: set[str]) -> None:
        """Take back each parameter of an earlier set that is not in the present one; empties it.

        After a restore nobody publishes them any more: their topics would keep a value for ever.
        A name whose line breaks before the broker has acknowledged that stays for the next.
        """
        if not names:
            return
        head = await asyncio.to_thread(self._store.snapshot)
        for name in sorted(names):
            if self._parameters and name not in head.parameters:
                await self._connection.publish(self._topics.parameter(name), b"", retain=True)
            names.discard(name)

    async def empty_outbox(self) -> bool:
        """Hand over what waits, in order; return whether that was all.

        A row is done when the broker has acknowledged it. After a night without a broker there are
        thousands, and what was measured a moment ago must not wait behind them.
        """
        if self._store.lost:  # what went out could not be noted: it would go out again and again
            return True
        end = time.monotonic() + TURN
        while waiting := await asyncio.to_thread(self._store.waiting):
            for handover in waiting:
                await self._hand_over(handover)
                await asyncio.to_thread(self._store.mark_sent, handover.number)
                if time.monotonic() >= end:
                    return False
        return True

    async def renew_snapshot(self) -> float:
        """Retain the newest set, if it is newer and due. Return the seconds until it is due.

        What expired since the last time is retained again too: its quality is "stale" now.
        """
        expired = [change for change in self._valid if _expired(change, self._now())]
        unchanged = self._store_unchanged(await asyncio.to_thread(self._store.revision))
        if not expired and unchanged and not self._mirror.spoilt:
            return 0.0
        wait = self._due - time.monotonic()
        if wait <= 0:
            head = await asyncio.to_thread(self._store.snapshot)
            await self._publish_snapshot(head)
            if not unchanged:
                await self._say(head, self._word)
            for change in expired:
                if head.parameters[change.name] == change:
                    await self._publish_parameter(change)
        return max(0.0, wait)

    async def insist(self) -> float:
        """Say again that we are here: now and then, and where others were told that we are not.

        Return the seconds until that is due: something that answers each "online" with "offline"
        must not make us publish without end.
        """
        same = self._claimed == frozenset(self._boxes())
        if same and not self._mirror.denied and time.monotonic() < self._repeat_due:
            return 0.0
        wait = self._insist_due - time.monotonic()
        if wait <= 0:
            self._mirror.denied = False
            self._insist_due = time.monotonic() + SNAPSHOT_EVERY
            await self._say(await asyncio.to_thread(self._store.snapshot), self._word)
        return max(0.0, wait)

    async def tell(self, alarms: Alarms) -> None:
        """Publish the alarms that are due."""
        for notice in alarms.due():
            document = payloads.alarm(self._store.epoch, notice, self._now())
            payload, retain = payloads.encode(document), notice.kind == LASTS
            await self._connection.publish(self._topics.alarm, payload, retain=retain)
            alarms.gone(notice)

    async def say_goodbye(self) -> None:
        """Retain the newest set and say "offline", and what is known of the outputs."""
        head = await asyncio.to_thread(self._store.snapshot)
        if not self._store_unchanged(head.revision):
            await self._publish_snapshot(head)
        await self._say(head, "offline", self._outputs())

    async def leave(self) -> None:
        """Say goodbye in time, though what is to be said may be a cancelled task's last word.

        Raises
        ------
        BrokerError
            It was not said: the last will must say it.
        """
        try:
            async with asyncio.timeout(FAREWELL):
                await self.say_goodbye()
        except (BrokerError, StoreError, TimeoutError, asyncio.CancelledError) as problem:
            log.info("no farewell to the broker: %s", problem)
            raise BrokerError("no farewell") from problem  # the caller lets the cancellation pass

    def _store_unchanged(self, revision: int) -> bool:
        return revision == self._published

    async def _say(self, head: Snapshot, word: str, outputs: str = "") -> None:
        self._claimed = frozenset(() if word == "offline" else self._boxes())
        told = self._now(), self._store.note, outputs, self._ahead(), self._claimed
        document = payloads.status(head, word, *told)
        payload = payloads.encode(document)
        self._repeat_due = time.monotonic() + STATUS_EVERY
        await self._connection.publish(self._topics.status, payload, retain=True)

    async def _publish_snapshot(self, head: Snapshot) -> None:
        """Retain a set; PutBack where a newer one was retained: what shows that must stay."""
        if head.revision < self._published:
            raise PutBack(self._published, head.revision)
        told = self._now(), self._store.note, self._ahead()
        payload = payloads.encode(payloads.snapshot(head, *told))
        self._mirror.publishing(received.seal(payload))
        await self._connection.publish(self._topics.snapshot, payload, retain=True)
        self._published = head.revision
        self._valid = tuple(
            change for change in head.parameters.values() if not _expired(change, self._now())
        )
        self._due = time.monotonic() + SNAPSHOT_EVERY

    async def _publish_parameter(self, change: Change) -> None:
        if not self._parameters:
            return
        document = payloads.parameter(self._store.epoch, change, self._now(), self._store.note)
        topic = self._topics.parameter(change.name)
        await self._connection.publish(topic, payloads.encode(document), retain=True)

    async def _hand_over(self, handover: Handover) -> None:
        if handover.run is not None:
            event = payloads.encode(payloads.run(self._store.epoch, handover.run, self._store.note))
            await self._connection.publish(self._topics.run, event)
        if not handover.changes:
            return
        told = self._now(), self._store.note, self._ahead()
        delta = payloads.delta(self._store.epoch, handover, *told)
        await self._connection.publish(self._topics.delta, payloads.encode(delta))
        head = await asyncio.to_thread(self._store.snapshot)
        for change in handover.changes:
            if head.parameters[change.name] == change:  # a retained value never goes back
                await self._publish_parameter(change)


def _expired(change: Change, now: datetime) -> bool:
    return payloads.quality(change.estimate, now) == "stale"


def last_will(topics: Topics, head: Snapshot, now: datetime, note: str) -> Will:
    """Return what the broker shall say if the connection dies.

    At which revision nobody knows then, nor whether anybody has switched the outputs off.
    """
    said = payloads.status(head, "offline", now, note, NOT_KNOWN) | {"revision": None}
    return Will(topics.status, payloads.encode(said))
