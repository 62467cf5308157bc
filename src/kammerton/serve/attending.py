"""Requests of other processes (hold, release, revert), taken up while the loop runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kammerton.model import StoreError
from kammerton.store import Inbox, Store, attend

log = logging.getLogger(__name__)

PERIOD = 0.5  # s between looks


@asynccontextmanager
async def attending(store: Store) -> AsyncIterator[None]:
    """Do what was asked while nobody was there, then look again and again until the end."""
    with Inbox(store.path) as inbox:
        await asyncio.to_thread(attend, store, inbox)
        task = asyncio.create_task(_attend(store, inbox), name="requests")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _attend(store: Store, inbox: Inbox) -> None:
    said: str | None = None
    while True:
        await asyncio.sleep(PERIOD)
        try:
            await asyncio.to_thread(attend, store, inbox)
            said = None
        except StoreError as problem:
            if str(problem) != said:
                log.warning("requests cannot be read: %s", problem)
            said = str(problem)
