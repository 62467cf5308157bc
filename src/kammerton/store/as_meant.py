"""When a hold that waits to be recorded ends, though the wall's clock was set since it was read.

Its end is a time of day by the clock as it was when somebody asked. Who waits for a database that
is locked must not lose the hold by a step of that clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from kammerton.model.clock import APART
from kammerton.store import clock
from kammerton.store.clock import Instant
from kammerton.store.request import LASTING, Request

MICROSECOND = timedelta(microseconds=1)


class AsMeant:
    """Remembers when each hold was read first, by both clocks, as long as it waits."""

    def __init__(self) -> None:
        self._seen: dict[int, Instant] = {}

    def __call__(self, waiting: Iterable[Request]) -> list[Request]:
        """Return requests, the holds among them with their end by the wall as it is now."""
        now, requests = clock.instant(), list(waiting)
        holds = [each.number for each in requests if each.verb in LASTING]
        self._seen = {number: self._seen.get(number, now) for number in holds}
        return [self._meant(each, now) for each in requests]

    def _meant(self, request: Request, now: Instant) -> Request:
        seen, until = self._seen.get(request.number, now), request.arguments.get("until")
        by = (now.wall - seen.wall - (now.ticks - seen.ticks)) * MICROSECOND
        if until is None or abs(by) < timedelta(seconds=APART):
            return request
        try:
            end = (datetime.fromisoformat(str(until)) + by).isoformat()
        except (ValueError, OverflowError):  # it is refused, in words, when it is its turn
            return request
        return replace(request, arguments={**request.arguments, "until": end})
