"""A long piece of work under a lock, in slices: who waits for the lock comes in between."""

from __future__ import annotations

import threading
from time import monotonic, sleep

_SLICE = 0.02
"""s of work after which others may go first."""

_BREATH = 5e-4
"""s for which the lock is free then, so that who waits for it gets it."""

_GLANCE = 0.05
"""s for which the lock is free at a time, while there is nothing to do but to wait."""


class Slices:
    """Made when a thread takes the lock (once); everything it does with it passes here."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock, self._since = lock, monotonic()

    def pause(self) -> None:
        """Let others go first, where this has lasted a slice."""
        if monotonic() - self._since >= _SLICE:
            self._let_go(_BREATH)

    def rest(self, seconds: float) -> None:
        """Let wall time pass, in which others have the lock."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._let_go(min(left, _GLANCE))

    def _let_go(self, seconds: float) -> None:
        self._lock.release()
        try:
            sleep(seconds)
        finally:
            self._lock.acquire()
        self._since = monotonic()
