"""A connection to a PostgreSQL server that gives up a server which stands still.

The kernel of a process that is stopped, or starved, acknowledges whatever comes for it: no timeout
of TCP and none of the server's own ever ends the waiting.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import psycopg

SILENCE = 15.0
"""s without a byte from the server in the middle of a request."""

LAST_SILENCE = 2.5
"""s of that from when the process is about to end."""

NOTHING = 0
"""What psycopg says to a request each time that a moment went by and nothing came."""


@dataclass
class Haste:
    """Whether the process is about to end, and whether the server stood still since then.

    Nothing more is asked of such a server: all that would wait for it together has no time.
    """

    ending: bool = False
    lost: bool = False

    @property
    def silence(self) -> float:
        """Return how long to wait for a byte, s."""
        return min(SILENCE, LAST_SILENCE) if self.ending else SILENCE

    def demand(self) -> None:
        """Raise OperationalError where nothing is asked any more."""
        if self.lost:
            raise psycopg.OperationalError("the server stands still, and the process ends")


class Bounded(psycopg.Connection[Any]):
    """Closes itself, and raises OperationalError, where nothing comes for SILENCE s.

    Whether the server still does what it was asked is not known then.
    """

    haste = Haste()

    def wait(self, gen: Any, *arguments: Any, **more: Any) -> Any:
        """Do a request, watched; psycopg does all its requests by this."""
        return super().wait(self._watched(gen), *arguments, **more)

    def _watched(self, request: Any) -> Generator[Any, Any, Any]:
        heard = time.monotonic()
        self.haste.demand()
        try:
            wanted = next(request)
            while True:
                ready = yield wanted
                if ready != NOTHING:
                    heard = time.monotonic()
                elif time.monotonic() - heard > self.haste.silence:
                    request.close()
                    self.pgconn.finish()
                    self.haste.lost = self.haste.ending
                    words = f"the server said nothing for {self.haste.silence:g} s"
                    raise psycopg.OperationalError(words)
                wanted = request.send(ready)
        except StopIteration as end:
            return end.value
