"""A computer's clock that was set: told while the daemon runs, made up for at its start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from kammerton.bench.beside import beside
from kammerton.loop.beliefs import AGAIN, BeliefBook
from kammerton.model import LabClock
from kammerton.model.alarm import CLOCK, Alarm, Tell
from kammerton.model.clock import APART, was_set
from kammerton.model.span import duration
from kammerton.store import Doubt, Store
from kammerton.store.leases import DAEMON

log = logging.getLogger(__name__)

PERIOD = 1.0
"""s between two looks at the clocks."""

LASTS = 60.0
"""s that the alarm lasts at least: who follows at once leaves no trace of it otherwise."""

FOLLOWS = "laboratory time follows between two runs"


@asynccontextmanager
async def clock_watched(
    clock: LabClock, computer: str, tell: Tell, *, told: bool = False
) -> AsyncIterator[None]:
    """Tell when the computer's clock was set, and when laboratory time has followed.

    That is the loop's to do, between two runs; while nobody calibrates it stays as it is.
    told: it was said already that the clock was wrong before the start.
    """
    async with beside(_watched(clock, computer, tell, told=told), "the computer's clock"):
        yield


async def _watched(clock: LabClock, computer: str, tell: Tell, *, told: bool) -> None:
    loop = asyncio.get_running_loop()
    since = loop.time() if told else None
    while True:
        by, now = clock.apart(), loop.time()
        if abs(by) >= APART and since is None:
            since = now
            tell(Alarm(CLOCK, computer, f"{was_set(timedelta(seconds=by))}; {FOLLOWS}"))
        elif abs(by) < APART and since is not None and now - since >= LASTS:
            since = None
            tell(Alarm(CLOCK, computer, "laboratory time goes by the clock as it is", on=False))
        await asyncio.sleep(PERIOD)


def made_up(store: Store, clock: LabClock, book: Callable[[], BeliefBook], tell: Tell) -> bool:
    """Make up for a clock that was set back while no daemon ran; say whether it was.

    How old what is stored is nobody knows then: its times are moved back by what shows, nothing
    that has a forecast holds beyond now, and all is doubted. book: beliefs of what is stored.

    Raises
    ------
    StoreError
        The database cannot be written.
    """
    behind = store.clock_set_back()
    if not behind:
        return False
    now = clock.now()
    why = (
        f"this computer's clock is {duration(behind)} behind what was stored last: it was, or is, "
        "wrong; how old the values are nobody knows, and they are measured again"
    )
    log.warning("%s", why)
    store.move_times(-behind, why, store.revision(), ends=now)
    found = book()
    found.doubt(store.parameters(), 0.0, now, least=AGAIN)
    doubts = {n: Doubt(b.run, b.sigma, why) for n, b in found.doubted().items() if b.run}
    store.doubt(doubts)
    old, new = (f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in (now + behind, now))
    store.audit(DAEMON, CLOCK, old, new, why)
    tell(Alarm(CLOCK, store.computer, why))
    return True
