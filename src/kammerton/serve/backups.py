"""A verified backup every hour in which something was committed."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kammerton.bench.beside import beside
from kammerton.model import StoreError
from kammerton.model.alarm import DAMAGED, DATABASE, Alarm, Tell, unheard
from kammerton.store import Store, backup, sqlite
from kammerton.store.condemned import damaged
from kammerton.store.leases import DAEMON

log = logging.getLogger(__name__)

HOUR = 3600.0

FIRST = 60.0
"""s between looks while nothing is stored; each after that is twice as late, up to an hour."""

KIND, WHAT = "backup", "backups"
"""The kind of alarm, and the thing in the audit log, of backups that fail."""

FAIL, SUCCEED, WHY = "they fail", "they succeed", "as it was told, for whoever starts next"


@asynccontextmanager
async def backing_up(
    store: Store, period: float = HOUR, first: float = FIRST, tell: Tell = unheard
) -> AsyncIterator[None]:
    """Back up every `period` s; what fails is told, and stops nothing but a damaged database.

    The first values have one within `first` s, and the next after twice, four times ... as long,
    over restarts, so that a crash loop does not make many.
    """
    if store.place.file is None:  # a server's keeper has backups of their own
        yield
        return
    async with beside(_hourly(store, period, first, tell), "backups"):
        yield


async def _hourly(store: Store, period: float, first: float, tell: Tell = unheard) -> None:
    last, (tries, age) = "", await asyncio.to_thread(_there, store)
    if math.isfinite(age):
        await asyncio.sleep(max(0.0, _pause(tries, period, first) - age))
    while True:
        done, problem = await asyncio.to_thread(_backed_up, store, last)
        if problem is not None:
            tell(problem)
        elif await asyncio.to_thread(_failed_before, store):
            words = "all that is stored has a backup"
            tell(Alarm(KIND, store.computer, words, on=False, earlier=True))
        tries, last = tries + (done != "" or problem is not None), done
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


def _backed_up(store: Store, last: str) -> tuple[str, Alarm | None]:
    """Back up unless nothing was stored since; return what the newest holds, and what is wrong.

    An empty database is nothing to go back to: "".
    """
    try:
        some = bool(store.runs(1))  # first: what comes in between is backed up the next time
        held = [lease.number for lease in store.leases()]
        holds = f"{store.next_run_id()} {store.revision()} {held}"
        if holds == last or not (held or some):
            return last, None
        backup.keep(store.path)
    except (StoreError, OSError) as problem:
        log.warning("no backup: %s", problem)
        return last, _looked_at(store) or Alarm(KIND, store.computer, f"no backup: {problem}")
    _thinned(store)
    return holds, None


def _thinned(store: Store) -> None:
    try:
        backup.thin(store.path)
    except (StoreError, OSError) as problem:  # the next hour does it
        log.warning("old backups are not thinned out: %s", problem)


def _looked_at(store: Store) -> Alarm | None:
    """Write nothing more to a database that is damaged; else note that its backups fail."""
    try:
        if found := sqlite.damage(store.path):
            store.condemn(why := damaged(store.path, found))
            return Alarm(DATABASE, store.computer, why, causes=DAMAGED)
        if _said(store) != FAIL:
            store.audit(DAEMON, WHAT, SUCCEED, FAIL, WHY)
    except (StoreError, OSError) as problem:
        log.warning("the database cannot be looked at: %s", problem)
    return None


def _failed_before(store: Store) -> bool:
    """Return whether they failed by the audit log, where they do no more from now on."""
    try:
        if failed := _said(store) == FAIL:
            store.audit(DAEMON, WHAT, FAIL, SUCCEED, WHY)
    except StoreError as problem:
        log.warning("that backups succeed cannot be noted: %s", problem)
        return False
    return failed


def _said(store: Store) -> str:
    return store.newest({WHAT}).get(WHAT, SUCCEED)
