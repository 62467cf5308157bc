"""A verified backup every hour in which something was committed."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kammerton.bench.beside import beside
from kammerton.model import StoreError
from kammerton.store import Store, backup

log = logging.getLogger(__name__)

HOUR = 3600.0

FIRST = 60.0
"""s between looks in a new database's life. After each, once there is one, it is twice as long."""


@asynccontextmanager
async def backing_up(
    store: Store, period: float = HOUR, first: float = FIRST
) -> AsyncIterator[None]:
    """Back up every `period` s; what fails is said, and stops nothing.

    The first waits until the newest backup is that old, so that a crash loop does not make many.
    Where there is none, the first values have one within `first` s.
    """
    if store.place.file is None:  # a server's keeper has backups of their own
        yield
        return
    async with beside(_hourly(store, period, first), "backups"):
        yield


async def _hourly(store: Store, period: float, pause: float) -> None:
    last, age = "", await asyncio.to_thread(backup.age, store.path)
    if math.isfinite(age):
        pause = period
        await asyncio.sleep(max(0.0, period - age))
    while True:
        last = await asyncio.to_thread(_backed_up, store, last)
        await asyncio.sleep(pause)
        pause = min(period, 2 * pause) if last else pause


def _backed_up(store: Store, last: str) -> str:
    """Back up unless nothing was stored since; return what the database holds up to.

    An empty database is nothing to go back to.
    """
    try:
        held = [lease.number for lease in store.leases()]
        holds = f"{store.next_run_id()} {store.revision()} {held}"
        if holds != last and (held or store.runs(1)):
            backup.keep(store.path)
            backup.thin(store.path)
            return holds
    except StoreError as problem:
        log.warning("no backup: %s", problem)
    return last
