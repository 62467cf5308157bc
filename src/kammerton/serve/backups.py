"""A verified backup every hour in which something was committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kammerton.bench.beside import beside
from kammerton.model import StoreError
from kammerton.store import Store, backup

log = logging.getLogger(__name__)

HOUR = 3600.0


@asynccontextmanager
async def backing_up(store: Store, period: float = HOUR) -> AsyncIterator[None]:
    """Back up every `period` s; what fails is said, and stops nothing.

    The first waits until the newest backup is that old, so that a crash loop does not make many.
    """
    if store.place.file is None:  # a server's keeper has backups of their own
        yield
        return
    async with beside(_hourly(store, period), "backups"):
        yield


async def _hourly(store: Store, period: float) -> None:
    last = ""
    await asyncio.sleep(max(0.0, period - await asyncio.to_thread(backup.age, store.path)))
    while True:
        last = await asyncio.to_thread(_backed_up, store, last)
        await asyncio.sleep(period)


def _backed_up(store: Store, last: str) -> str:
    """Back up unless nothing was committed since; return what the database holds up to."""
    try:
        holds = f"{store.next_run_id()} {store.revision()}"
        if holds != last:
            backup.keep(store.path)
            backup.thin(store.path)
    except StoreError as problem:
        log.warning("no backup: %s", problem)
        return last
    return holds
