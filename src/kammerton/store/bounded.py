"""A connection to a PostgreSQL server that gives up a server which stands still.

The kernel of a process that is stopped, or starved, acknowledges whatever comes for it: no timeout
of TCP and none of the server's own ever ends the waiting.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

SILENCE = 15.0
"""s without a byte from the server in the middle of a request."""

NOTHING = 0
"""What psycopg says to a request each time that a moment went by and nothing came."""


class Bounded(psycopg.Connection[Any]):
    """Closes itself, and raises OperationalError, where nothing comes for SILENCE s.

    Whether the server still does what it was asked is not known then.
    """

    def wait(self, gen: Any, *arguments: Any, **more: Any) -> Any:
        """Do a request, watched; psycopg does all its requests by this."""
        return super().wait(self._watched(gen), *arguments, **more)

    def _watched(self, request: Any) -> Generator[Any, Any, Any]:
        heard = time.monotonic()
        try:
            wanted = next(request)
            while True:
                ready = yield wanted
                if ready != NOTHING:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENCE:
                    request.close()
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server said nothing for {SILENCE:g} s")
                wanted = request.send(ready)
        except StopIteration as end:
            return end.value
