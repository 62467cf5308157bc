"""The laboratory clock: wall time plus instrument seconds that passed faster than wall time."""

from __future__ import annotations

import threading
import time

from kammerton_sim.quantities import MOST_AT_ONCE
from kammerton_sim.world.errors import WorldError


class LaboratoryClock:
    """Unix seconds of the laboratory; never runs backwards.

    `start` is the unix time at which it begins (default: now).
    """

    def __init__(self, start: float | None = None) -> None:
        self._zero = (time.time() if start is None else start) - time.monotonic()
        self._lock = threading.Lock()
        self.leapt = 0.0
        """s of all jumps so far that are no instrument's time: no program's own clock sees them."""

    def now(self) -> float:
        """Unix seconds."""
        return self._zero + time.monotonic()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once, a year at most: instrument time for which nobody waited."""
        if not isinstance(seconds, int | float):
            raise WorldError(f"the clock goes forward by a number of s, not by {seconds!r}")
        if not seconds >= 0:
            raise WorldError(f"the clock only goes forward: by 0 s or more, not by {seconds:g} s")
        if seconds > MOST_AT_ONCE:
            most = f"{MOST_AT_ONCE:g} s, a year"
            raise WorldError(f"at most {most}, pass at once, not {seconds:g} s")
        with self._lock:
            self._zero += seconds
            self.leapt += seconds

    def advance_to(self, instant: float) -> None:
        """Let the time up to `instant` (unix seconds) pass at once; the past is past."""
        with self._lock:
            self._zero += max(0.0, instant - self.now())
