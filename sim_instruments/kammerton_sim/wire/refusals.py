"""Calls of an API that end with an error code, though nothing is wrong with what was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(eq=False)
class Refusal:
    """An error code, and how many more calls get it."""

    code: int
    left: int


class Refusals:
    """All that are to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[Refusal] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, code: int, count: int) -> Refusal:
        """Let so many calls end with this code."""
        refusal = Refusal(code, count)
        with self._lock:
            self._waiting.append(refusal)
        return refusal

    def drop(self, refusal: Refusal) -> None:
        """Let the rest of them be."""
        with self._lock:
            self._waiting = [other for other in self._waiting if other is not refusal]

    def next(self) -> int | None:
        """Return the code with which a call ends, None when it goes its way."""
        with self._lock:
            if not self._waiting:
                return None
            first = self._waiting[0]
            first.left -= 1
            if not first.left:
                self._waiting.pop(0)
            return first.code
