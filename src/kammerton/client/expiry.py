"""When a value's validity ends, though nobody may be there to say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import count

from kammerton.client.follower import Update

LONGEST = 60.0
"""s between two looks: a clock may be set."""

SPARE = 100
"""So many ends of values that were replaced are dropped together."""


class Expiry:
    """The ends of the values that were told; each is told once more when it has come."""

    def __init__(self) -> None:
        self._ends: list[tuple[datetime, int, Update]] = []
        self._latest: dict[str, int] = {}
        self._order = count()

    def told(self, update: Update) -> None:
        """Take note of a change that was told; one that was stale already needs no second word."""
        ends, place = update.estimate.valid_until, next(self._order)
        self._latest[update.name] = place
        if ends is not None and update.quality != "stale":
            heappush(self._ends, (ends, place, update))
        if len(self._ends) > 2 * len(self._latest) + SPARE:
            self._drop_replaced()

    def _drop_replaced(self) -> None:
        """Forget what was told of a value that another has replaced: it may end in years."""
        self._ends = [each for each in self._ends if self._latest[each[2].name] == each[1]]
        heapify(self._ends)

    def over(self, now: datetime, present: Callable[[Update], bool]) -> Iterator[Update]:
        """Yield, as stale, what was told and has ended since.

        present: whether a value is there still; what has been replaced needs no word.
        """
        while self._ends and self._ends[0][0] < now:
            _, _, update = heappop(self._ends)
            if present(update):
                yield replace(update, quality="stale")

    def pause(self, now: datetime) -> float:
        """Return how long no value ends, s."""
        if not self._ends:
            return LONGEST
        return min(LONGEST, max(0.0, (self._ends[0][0] - now).total_seconds()) + 1e-3)
