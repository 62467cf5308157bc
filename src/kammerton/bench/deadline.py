"""When this process shall have ended: never, until it is told to.

One deadline begins then, and all that is still done on the way out shares what is left of it. It is
of the task that lives a computer's process, and of every task and thread that begins there.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

RECORD = 1.5
"""s of what is left that switching off leaves to what follows: sessions, database, broker."""

LEAST = 0.3
"""s that everything gets, however late it is: what answers at once is asked all the same."""

QUARTER = 0.25
"""Of what is left: the share of a question that is not the last one."""


class Deadline:
    """Shortens what usually takes longer, from when the process is told to end.

    least: s that it has in any case; a bias may ramp for long, and must not be cut off.
    """

    def __init__(self, least: float = 0.0) -> None:
        self._by, self._least = math.inf, least
        self._running = dict[asyncio.Timeout, tuple[float, float]]()

    @property
    def told(self) -> bool:
        """Whether the process was told to end."""
        return self._by < math.inf

    def tell(self, seconds: float) -> None:
        """End within so many s; called in the event loop. The first time counts.

        What is under way gets half of its share: what follows it on the way out needs the rest.
        """
        if self.told:
            return
        self._by = time.monotonic() + max(seconds, self._least)
        now = asyncio.get_running_loop().time()
        for limit, (part, keep) in self._running.items():
            if not limit.expired():
                later = now + self.share(math.inf, part / 2, keep)
                limit.reschedule(min(limit.when() or math.inf, later))

    def no_sooner(self, seconds: float) -> None:
        """Let what is done from now on have so many s all the same: to load took the rest."""
        self._by = max(self._by, time.monotonic() + seconds)

    def share(self, usual: float, part: float = 1.0, keep: float = RECORD) -> float:
        """Return the s of what usually may take `usual` ones: at most that part of what is left.

        keep: s of what is left that are for what follows.
        """
        left = self._by - time.monotonic() - keep
        return min(usual, max(LEAST, part * left))

    @asynccontextmanager
    async def within(
        self, usual: float, part: float = 1.0, keep: float = RECORD
    ) -> AsyncIterator[None]:
        """Raise TimeoutError when the share of what is done here is over; see `share`."""
        async with asyncio.timeout(self.share(usual, part, keep)) as limit:
            self._running[limit] = part, keep
            try:
                yield
            finally:
                del self._running[limit]


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def end_of_process() -> Deadline:
    """Return the deadline of what runs here; one that never comes where nobody set one."""
    return _current.get() or Deadline()


def live_under(mine: Deadline) -> None:
    """Let this be the deadline of the task that calls this, and of all that begins there."""
    _current.set(mine)
