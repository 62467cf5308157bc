"""At a start: what is believed, and what a clock that was set back while no daemon ran left."""

from __future__ import annotations

import logging

from kammerton.lab import Lab
from kammerton.loop.beliefs import AGAIN, BeliefBook
from kammerton.model import LabClock
from kammerton.model.alarm import CLOCK, Alarm, Tell
from kammerton.model.span import duration
from kammerton.store import Doubt, Store
from kammerton.store.leases import DAEMON

log = logging.getLogger(__name__)


def believed(lab: Lab, store: Store, clock: LabClock) -> BeliefBook:
    """Return what is believed by what is stored."""
    book = BeliefBook(lab, clock.now())
    book.update(store.parameters())
    book.recall(store.doubts())
    return book


def made_up(lab: Lab, store: Store, clock: LabClock, tell: Tell) -> bool:
    """Make up for a clock that was set back while no daemon ran; say whether it was.

    How old what is stored is nobody knows then: its times are moved back by what shows, nothing
    that has a forecast holds beyond now, and all is doubted.

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
    found = believed(lab, store, clock)
    found.doubt(store.parameters(), 0.0, now, least=AGAIN)
    doubts = {n: Doubt(b.run, b.sigma, why) for n, b in found.doubted().items() if b.run}
    store.doubt(doubts)
    old, new = (f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in (now + behind, now))
    store.audit(DAEMON, CLOCK, old, new, why)
    tell(Alarm(CLOCK, store.computer, why))
    return True
