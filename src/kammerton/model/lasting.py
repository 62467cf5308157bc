"""A line of the log for what goes on: said once, then ever more rarely, and when it has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST, MOST = 10.0, 3600.0
"""s before it is said again, doubled each time, and the most of that."""

DIFFERENT = 10
"""Reasons that are kept apart, and said at once: were each in other words, they fill the log."""


@dataclass
class _Reason:
    """One reason that was said. since, last, due: monotonic s; pause: s."""

    since: float
    last: float
    due: float
    pause: float
    count: int = 1


class Lasting:
    """What fails again and again at one place; now: monotonic s.

    Each reason has its own pauses. One that stayed away for longer than the first while others
    came is news again: what is worse must not be lost in the pauses of what is not.
    """

    def __init__(self, log: logging.Logger, now: Callable[[], float] = time.monotonic) -> None:
        self._log, self._now = log, now
        self._said = dict[str, _Reason]()
        self._count, self._since, self._latest = 0, 0.0, ""
        self._news, self._due, self._pause = 0, 0.0, FIRST

    def failed(self, words: str) -> None:
        """Take note that it failed; say so where that is news, or due again."""
        now = self._now()
        if not self._count:
            self._since, self._news, self._due, self._pause = now, 0, now + FIRST, FIRST
        self._count += 1
        known = self._said.get(words)
        away = known is None or (words != self._latest and now - known.last > FIRST)
        self._latest = words
        if away and (pause := self._room(now)):
            self._log.warning("%s", words)
            self._keep(words, now, pause)
        elif known is not None:
            self._again(words, known, now)

    def _room(self, now: float) -> float:
        """Return the pause, in s, after news that may be said: at first at once; 0: not now."""
        if self._news < DIFFERENT:
            self._news += 1
            return FIRST
        if now < self._due:
            return 0.0
        self._pause = min(2 * self._pause, MOST)
        self._due = now + self._pause
        return self._pause

    def _keep(self, words: str, now: float, pause: float) -> None:
        """Keep a reason as said now; forget the one that stayed away longest for it."""
        if words not in self._said and len(self._said) == DIFFERENT:
            del self._said[min(self._said, key=lambda each: self._said[each].last)]
        self._said[words] = _Reason(now, now, now + pause, pause)

    def _again(self, words: str, reason: _Reason, now: float) -> None:
        reason.count += 1
        reason.last = now
        if now >= reason.due:
            reason.pause = min(2 * reason.pause, MOST)
            reason.due = now + reason.pause
            said = words, reason.count, now - reason.since
            self._log.warning("%s (%d times in %.0f s)", *said)

    def over(self, words: str) -> None:
        """Say that it has ended, with how often it was; nothing where it had not failed."""
        if self._count:
            span = self._now() - self._since
            self._log.info("%s, after %d failures in %.0f s", words, self._count, span)
        self._said.clear()
        self._count = 0
