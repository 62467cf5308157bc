"""How long to wait before the next attempt."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Pauses between attempts: doubling, bounded, each shortened at random by up to a half.

    It is the circuit breaker of whatever keeps failing. Without chance all clients of a broker
    that comes back would return in the same instant. After an attempt that lasted `steady` seconds
    the pauses start anew. All in s.
    """

    first: float = 0.25
    longest: float = 10.0
    steady: float = 10.0
    chance: random.Random = field(default_factory=random.Random)
    monotonic: Callable[[], float] = time.monotonic
    _bound: float = 0.0
    _began: float = 0.0

    def begin(self) -> None:
        """Note that an attempt begins."""
        self._began = self.monotonic()

    @property
    def began(self) -> float:
        """When the latest attempt began, by the monotonic clock."""
        return self._began

    def next(self) -> float:
        """Return the seconds to wait after an attempt that ended now."""
        fresh = self._bound == 0 or self.monotonic() - self._began >= self.steady
        self._bound = self.first if fresh else min(2 * self._bound, self.longest)
        return self._bound * self.chance.uniform(0.5, 1.0)


def pass_cancellation(problem: Exception) -> None:
    """Raise CancelledError if this task was cancelled while `problem` came up.

    A connection that breaks while it is closed for a cancelled task would otherwise hide it.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from problem
