"""When a value's validity ends, though nobody may be there to say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from kammerton.client.follower import Update

LONGEST = 60.0
"""s between two looks: a clock may be set, and values may end that nobody could foresee."""

Key = tuple[str, str, int]


class Expiry:
    """Which values have been told as stale; each is, once."""

    def __init__(self) -> None:
        self._told: set[Key] = set()

    def told(self, update: Update) -> None:
        """Take note of a change that was told; one that was stale already needs no second word."""
        if update.quality == "stale":
            self._told.add(_key(update))

    def over(self, present: Sequence[Update], now: datetime) -> Iterator[Update]:
        """Yield, as stale, the values whose validity has ended since the last look."""
        self._told &= {_key(each) for each in present}
        for each in present:
            if _ended(each, now) and _key(each) not in self._told:
                self._told.add(_key(each))
                yield replace(each, quality="stale")

    def pause(self, present: Sequence[Update], now: datetime) -> float:
        """Return how long no value ends, s."""
        left = [
            (each.estimate.valid_until - now).total_seconds()
            for each in present
            if each.estimate.valid_until is not None and _key(each) not in self._told
        ]
        return min([LONGEST, *(max(0.0, seconds) + 1e-3 for seconds in left)])


def _key(update: Update) -> Key:
    return update.name, update.epoch, update.revision


def _ended(update: Update, now: datetime) -> bool:
    ends = update.estimate.valid_until
    return ends is not None and ends < now
