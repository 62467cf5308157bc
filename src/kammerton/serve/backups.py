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
"""s between looks while nothing is stored; each after that is twice as late, up to an hour."""


@asynccontextmanager
async def backing_up(
    store: Store, period: float = HOUR, first: float = FIRST
) -> AsyncIterator[None]:
    """Back up every `period` s; what fails is said, and stops nothing.

    The first values have one within `first` s, and the next after twice, four times ... as long,
    over restarts, so that a crash loop does not make many.
    """
    if store.place.file is None:  # a server's keeper has backups of their own
        yield
        return
    async with beside(_hourly(store, period, first), "backups"):
        yield


async def _hourly(store: Store, period: float, first: float) -> None:
    last, (tries, age) = "", await asyncio.to_thread(_there, store)
    if math.isfinite(age):
        await asyncio.sleep(max(0.0, _pause(tries, period, first) - age))
    while True:
        done = await asyncio.to_thread(_backed_up, store, last)
        tries, last = tries + (done != ""), last if done is None else done
        await asyncio.sleep(_pause(tries, period, first))


def _pause(tries: int, period: float, first: float) -> float:
    """Return how long to wait after so many looks, since there was something to keep."""
    return float(min(period, first * 2 ** min(tries, 20)))


def _there(store: Store) -> tuple[int, float]:
    """Return how many backups there are, and the age of the newest, s."""
    try:
        return len(backup.backups(store.path)), backup.age(store.path)
    except OSError as problem:  # of the disk that they lie on
        log.warning("no backup can be looked for: %s", problem)
        return 0, math.inf


def _backed_up(store: Store, last: str) -> str | None:
    """Back up unless nothing was stored since; return what the database holds up to.

    An empty database is nothing to go back to: "". None: it failed.
    """
    try:
        some = bool(store.runs(1))  # first: what comes in between is backed up the next time
        held = [lease.number for lease in store.leases()]
        holds = f"{store.next_run_id()} {store.revision()} {held}"
        if holds != last and (held or some):
            backup.keep(store.path)
            backup.thin(store.path)
            return holds
    except (StoreError, OSError) as problem:
        log.warning("no backup: %s", problem)
        return None
    return last
