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
    for begun in range(THREADS):
        try:
            pool.submit(met.wait)
        except RuntimeError:  # no more threads: a pool of those that there can be
            met.abort()
            pool.shutdown()
            return ThreadPoolExecutor(max(begun, 1), "pool")
    met.wait()
    return pool
