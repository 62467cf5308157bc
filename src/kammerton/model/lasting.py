"""A line of the log for what goes on: said once, then ever more rarely, and when it has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

FIRST, MOST = 10.0, 3600.0
"""s before it is said again, doubled each time, and the most of that."""

DIFFERENT = 10
"""Reasons that are said at once: where every one has other words, they fill the log as well."""


class Lasting:
    """What fails again and again at one place; now: monotonic s."""

    def __init__(self, log: logging.Logger, now: Callable[[], float] = time.monotonic) -> None:
        self._log, self._now = log, now
        self._said = set[str]()
        self._count, self._since, self._due, self._pause = 0, 0.0, 0.0, FIRST

    def failed(self, words: str) -> None:
        """Take note that it failed; say so where that is news, or due again."""
        now = self._now()
        if not self._count:
            self._since, self._pause = now, FIRST
            self._due = now + FIRST
        self._count += 1
        if words not in self._said and len(self._said) < DIFFERENT:
            self._said.add(words)
            self._log.warning("%s", words)
        elif now >= self._due:
            self._pause = min(2 * self._pause, MOST)
            self._due = now + self._pause
            self._log.warning("%s (%d times in %.0f s)", words, self._count, now - self._since)

    def over(self, words: str) -> None:
        """Say that it has ended, with how often it was; nothing where it had not failed."""
        if self._count:
            span = self._now() - self._since
            self._log.info("%s, after %d failures in %.0f s", words, self._count, span)
        self._said.clear()
        self._count = 0
