"""Laboratory time and the times of what is stored follow a computer's clock that was set."""

from __future__ import annotations

from datetime import timedelta

from kammerton.model import LabClock
from kammerton.store import clock as walls
from kammerton.store.laboratory_time import AHEAD
from kammerton.store.write import Store


def going_on(store: Store) -> LabClock:
    """Return laboratory time, which goes on from where it was, after a restore too."""
    said = store.newest({AHEAD}).get(AHEAD, "0 s ahead")
    kept = walls.wall() + timedelta(seconds=float(said.split()[0]))
    return LabClock.not_before(max(store.now(), kept))


def follow(store: Store, clock: LabClock, by: timedelta, why: str, expected: int) -> int:
    """Let laboratory time go by `by`, and back all times with it; return the newest revision.

    Both at once: though whoever asked waits no longer, neither is done without the other.

    Raises
    ------
    Overtaken
        There is a newer revision than `expected`; nothing has followed.
    StoreError
        The database cannot be written; nothing has followed.
    """
    if by < timedelta():
        expected = store.move_times(by, why, expected)
    clock.follow(by.total_seconds())
    return expected
