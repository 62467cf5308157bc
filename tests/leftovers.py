"""What a test must not leave behind: pending asyncio tasks and threads.

`asyncio.run` cancels whatever is still pending when its main coroutine returns, so a forgotten task
makes no noise. It does so in `asyncio.Runner.close`, after which nothing is left to see; hence the
look just before.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def pending_tasks() -> Iterator[list[str]]:
    """Collect, in the list, the tasks that were pending when an event loop was closed."""
    found: list[str] = []
    close = asyncio.Runner.close

    def look_and_close(runner: asyncio.Runner) -> None:
        loop = getattr(runner, "_loop", None)
        if loop is not None and not loop.is_closed():
            found.extend(f"{t.get_name()}: {t.get_coro()!r}" for t in asyncio.all_tasks(loop))
        close(runner)

    with patch.object(asyncio.Runner, "close", look_and_close):
        yield found


@contextmanager
def leftover_threads(patience: float = 10.0) -> Iterator[list[str]]:
    """Collect, in the list, non-daemon threads that are new and do not end within `patience` s."""
    before = set(threading.enumerate())
    found: list[str] = []
    yield found
    until = time.monotonic() + patience
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                found.append(thread.name)
