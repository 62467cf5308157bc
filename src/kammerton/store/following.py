"""Laboratory time and the times of what is stored follow a computer's clock that was set."""

from __future__ import annotations

from datetime import timedelta

from kammerton.model import LabClock
from kammerton.store.write import Store


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
