"""Requests of other processes (hold, release, revert), taken up while the loop runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from kammerton.model import StoreError
from kammerton.serve.beside import beside
from kammerton.store import Inbox, Store, attend
from kammerton.store.inbox import Request

log = logging.getLogger(__name__)

PERIOD = 0.5  # s between looks


Told = Callable[[Request], object]


def _nothing(request: Request) -> None:
    pass


@asynccontextmanager
async def attending(
    store: Store, told: Told = _nothing, scopes: Collection[str] | None = None
) -> AsyncIterator[None]:
    """Do what was asked while nobody was there, then look again and again until the end.

    told: called in the event loop with every request that was looked at. scopes: what can be
    held; None: anything.
    """
    with Inbox(store.place) as inbox:
        await asyncio.to_thread(attend, store, inbox, scopes)
        async with beside(_attend(store, inbox, told, scopes), "requests"):
            yield


async def _attend(store: Store, inbox: Inbox, told: Told, scopes: Collection[str] | None) -> None:
    said: str | None = None
    while True:
        await asyncio.sleep(PERIOD)
        try:
            for request in await asyncio.to_thread(attend, store, inbox, scopes):
                told(request)
            said = None
        except StoreError as problem:
            if str(problem) != said:
                log.warning("requests cannot be read: %s", problem)
            said = str(problem)
