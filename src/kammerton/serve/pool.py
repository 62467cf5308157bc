"""The threads of `asyncio.to_thread`, all begun at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

THREADS = min(32, (os.cpu_count() or 1) + 4)
"""As many as asyncio would begin one by one, each when all others happen to be busy."""


def full_pool() -> ThreadPoolExecutor:
    """Return a pool whose threads are all there: one that comes weeks later is a leak, and seen."""
    pool, met = ThreadPoolExecutor(THREADS, "pool"), Barrier(THREADS + 1)
    for _ in range(THREADS):
        pool.submit(met.wait)
    met.wait()
    return pool
