"""Requests of other processes (hold, release, revert, measure), taken up while the loop runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress

from kammerton.bench.beside import beside
from kammerton.bench.tasks import unbroken
from kammerton.model import StoreError, StoreUnavailable
from kammerton.store import Inbox, Store, attend
from kammerton.store.acting import report
from kammerton.store.errands import Errands
from kammerton.store.kept import keep
from kammerton.store.request import LASTING, Request
from kammerton.store.sqlite import disturbed

log = logging.getLogger(__name__)

PERIOD = 0.5  # s between looks

SOON = 2.0
"""s by which a hold is recorded; who asked for one that is not is told then that it counts."""

TURN = 10.0
"""s within which the event loop turns."""

LOOKS = 3
"""In a row that a disturbance spoils before it counts: what takes the bench down shall last."""


Told = Callable[[Request], object]


Unread = Callable[[str | None], object]


Asked = Callable[[Collection[Request]], Collection[int]]


def _nothing(request: Request) -> None:
    pass


def _nobody(why: str | None) -> None:
    pass


def _nothing_asked(holds: Collection[Request]) -> Collection[int]:
    return ()


@asynccontextmanager
async def attending(
    store: Store,
    told: Told = _nothing,
    scopes: Collection[str] | None = None,
    errands: Errands | None = None,
    unread: Unread = _nobody,
    asked: Asked = _nothing_asked,
) -> AsyncIterator[None]:
    """Do what was asked while nobody was there, then look again and again until the end.

    told: called in the event loop with every request that was looked at. scopes: what can be
    held; None: anything. errands: takes what lasts; None: nobody does. unread: called there with
    the reason while requests cannot be read and that will not pass by itself, then with None.
    asked: called there at every look with the holds that have no answer yet: they count at once,
    however long it takes until they can be recorded, and before any of them has its answer. It
    returns the numbers of those that count.

    Raises
    ------
    StoreUnavailable
        They cannot be read now, at the start.
    """
    desk = _Desk(store, scopes, errands, asked)
    try:
        await _look(desk, told, unread)
        await _see(desk, {})
        requests = beside(_attend(desk, told, unread), "requests")
        async with requests, beside(_watch(desk), "holds that are asked for"):
            yield
    finally:
        await unbroken(asyncio.to_thread(desk.close))


class _Desk:
    """The requests to a store; opened anew after they could not be read."""

    def __init__(
        self,
        store: Store,
        scopes: Collection[str] | None,
        errands: Errands | None,
        asked: Asked = _nothing_asked,
    ) -> None:
        self._store, self._scopes, self._errands, self._asked = store, scopes, errands, asked
        self._loop = asyncio.get_running_loop()
        self._inbox: Inbox | None = None
        self.counted = 0
        self._spoilt = LOOKS - 1  # nobody has looked yet: even a disturbance may hide a hold
        self.said: str | None = None

    def look(self) -> list[Request]:
        """Do what is asked for; return what was looked at."""
        self._inbox = inbox = self._inbox or Inbox(self._store.place)
        try:
            found = attend(self._store, inbox, self._scopes, self._errands, self._first)
        except StoreError:
            self._inbox = None
            inbox.close()
            raise
        self._spoilt = 0
        return found

    def _first(self, _: Sequence[Request]) -> None:
        """Have the holds counted by the event loop, and wait for that: after it they are answered.

        They are read anew: what the look has read may be older than what was counted meanwhile.
        """
        end = time.monotonic() + TURN
        while time.monotonic() < end:
            before, holds = self.counted, self.asked() or ()
            done = asyncio.run_coroutine_threadsafe(self.count(holds, before), self._loop)
            if not concurrent.futures.wait([done], TURN).done or done.result() is not None:
                return  # a loop that stands still so long is ended by who watches it
        log.error("holds that are asked for count only at the next look: others keep coming")

    async def count(self, holds: Sequence[Request], before: int) -> Collection[int] | None:
        """Have the holds that have no answer counted; return the numbers of those that count.

        before: `counted` when they were read. None where newer ones were counted since.
        """
        if self.counted != before:
            return None
        self.counted += 1
        return self._asked(holds)

    def asked(self) -> list[Request] | None:
        """Return the holds without an answer; None where that is not known now."""
        inbox = self._inbox
        if inbox is None:
            return None
        try:
            return [each for each in inbox.waiting() if each.verb in LASTING]
        except StoreError:  # the next look says so
            return None

    def keep(self, request: Request) -> None:
        """Let whoever asked know that it counts, though it is not recorded yet."""
        inbox = self._inbox
        if inbox is None:
            return
        with suppress(StoreError):  # the next look says so
            keep(self._store, inbox, request, f"that takes longer than {SOON:g} s")

    def lasts(self, problem: StoreError) -> bool:
        """Say whether it is no disturbance of a moment. Damage lasts from the first look on."""
        self._spoilt = self._spoilt + 1 if disturbed(problem) else LOOKS
        return self._spoilt >= LOOKS

    def close(self) -> None:
        """Answer who still waits, as far as that can be written."""
        if self._errands is not None:
            self._errands.withdraw()
        if self._inbox is None:
            return
        with self._inbox as inbox:
            try:
                if self._errands is not None:
                    report(self._store, inbox, self._errands)
            except StoreError as problem:  # at the next start they hear that nobody knows
                log.warning("not answered: %s", problem)


async def _look(desk: _Desk, told: Told, unread: Unread) -> None:
    """Look once. What is damaged is told, and is no end: a hold may be in it, or none.

    Nothing is told of a disturbance until it lasts.

    Raises
    ------
    StoreUnavailable
        Somebody's lock, or a server that is away.
    """
    try:
        requests = await asyncio.to_thread(desk.look)
    except StoreUnavailable:
        raise
    except StoreError as problem:
        if str(problem) != desk.said:
            log.error("requests cannot be read: %s", problem)  # noqa: TRY400 - it says all
        desk.said = str(problem)
        if desk.lasts(problem):
            unread(desk.said)
    else:
        desk.said = None
        for request in requests:
            told(request)
        unread(None)


async def _see(desk: _Desk, seen: dict[int, float]) -> None:
    before = desk.counted
    holds = await asyncio.to_thread(desk.asked)
    counted, now = None if holds is None else await desk.count(holds, before), time.monotonic()
    if holds is None or counted is None:
        return
    for each in holds:
        since = seen.setdefault(each.number, now)
        if each.number in counted and not each.kept and now - since > SOON:
            await asyncio.to_thread(desk.keep, each)


async def _watch(desk: _Desk) -> None:
    """See what is to be held beside the looks, each of which may wait for a locked database."""
    seen: dict[int, float] = {}
    while True:
        await asyncio.sleep(PERIOD)
        await _see(desk, seen)


async def _attend(desk: _Desk, told: Told, unread: Unread) -> None:
    while True:
        await asyncio.sleep(PERIOD)
        try:
            await _look(desk, told, unread)
        except StoreUnavailable as problem:
            if str(problem) != desk.said:
                log.warning("requests cannot be read: %s", problem)
            desk.said = str(problem)
