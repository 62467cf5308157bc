"""Requests of other processes (hold, release, revert, measure), taken up while the loop runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from kammerton.bench.tasks import unbroken
from kammerton.model import StoreError
from kammerton.serve.beside import beside
from kammerton.store import Inbox, Store, attend
from kammerton.store.errands import Errands
from kammerton.store.inbox import Request, report

log = logging.getLogger(__name__)

PERIOD = 0.5  # s between looks


Told = Callable[[Request], object]


def _nothing(request: Request) -> None:
    pass


@asynccontextmanager
async def attending(
    store: Store,
    told: Told = _nothing,
    scopes: Collection[str] | None = None,
    errands: Errands | None = None,
) -> AsyncIterator[None]:
    """Do what was asked while nobody was there, then look again and again until the end.

    told: called in the event loop with every request that was looked at. scopes: what can be
    held; None: anything. errands: takes what lasts; None: nobody does.
    """
    with Inbox(store.place) as inbox:
        await asyncio.to_thread(attend, store, inbox, scopes, errands)
        try:
            async with beside(_attend(store, inbox, told, scopes, errands), "requests"):
                yield
        finally:
            if errands is not None:
                errands.withdraw()
                await unbroken(asyncio.to_thread(_last_words, inbox, errands))


def _last_words(inbox: Inbox, errands: Errands) -> None:
    try:
        report(inbox, errands)
    except StoreError as problem:  # at the next start they hear that nobody knows
        log.warning("not answered: %s", problem)


async def _attend(
    store: Store,
    inbox: Inbox,
    told: Told,
    scopes: Collection[str] | None,
    errands: Errands | None,
) -> None:
    said: str | None = None
    while True:
        await asyncio.sleep(PERIOD)
        try:
            for request in await asyncio.to_thread(attend, store, inbox, scopes, errands):
                told(request)
            said = None
        except StoreError as problem:
            if str(problem) != said:
                log.warning("requests cannot be read: %s", problem)
            said = str(problem)
