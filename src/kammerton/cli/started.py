"""When this command began."""

from __future__ import annotations

import time

_STARTED = time.monotonic() - time.process_time()  # interpreter start-up is nearly all CPU


def seconds_since_start() -> float:
    """Return the wall time since the process began, s."""
    return time.monotonic() - _STARTED
