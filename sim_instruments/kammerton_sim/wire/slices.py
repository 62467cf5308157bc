"""A long piece of work under a lock, in slices: who waits for the lock comes in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from time import monotonic, sleep

_SLICE = 0.02
"""s of work after which others may go first."""

_BREATH = 5e-4
"""s for which the lock is free then, so that who waits for it gets it."""

_GLANCE = 0.05
"""s for which the lock is free at a time, while there is nothing to do but to wait."""


GIVEN_UP: ContextVar[Callable[[], bool]] = ContextVar("GIVEN_UP", default=lambda: False)
"""Whether the client of this thread wants its message no more: it sent a device clear."""


class BrokenOff(Exception):
    """The work shall not go on: what somebody did in between has ended it."""


class Slices:
    """Made before a thread takes the lock (once); everything it does with it passes here.

    state: what the work rests on, such as how often the box was switched off. Where others who had
    the lock have changed that, the work is broken off; as is that of a client which gives it up.
    """

    def __init__(self, lock: threading.RLock, state: Callable[[], object]) -> None:
        self._lock, self._since = lock, monotonic()
        self._state, self._begun = state, state()
        self._given_up = GIVEN_UP.get()

    def pause(self) -> None:
        """Let others go first, where this has lasted a slice; raises BrokenOff."""
        if monotonic() - self._since >= _SLICE:
            self._let_go(_BREATH)
        self._go_on()

    def rest(self, seconds: float) -> None:
        """Let wall time pass, in which others have the lock; raises BrokenOff."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._let_go(min(left, _GLANCE))
            self._go_on()

    def _let_go(self, seconds: float) -> None:
        self._lock.release()
        try:
            sleep(seconds)
        finally:
            self._lock.acquire()
        self._since = monotonic()

    def _go_on(self) -> None:
        if self._state() != self._begun or self._given_up():
            raise BrokenOff
