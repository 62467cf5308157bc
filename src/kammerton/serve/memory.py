"""Memory that the allocator keeps: what threads have freed is given back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache

from kammerton.bench.beside import beside

PERIOD = 600.0
"""s between two times. It takes some milliseconds, and no thread can allocate meanwhile."""

GiveBack = Callable[[], object]


@asynccontextmanager
async def giving_back(
    period: float = PERIOD, give_back: GiveBack | None = None
) -> AsyncIterator[None]:
    """Give freed memory back every `period` s; nothing is done where the allocator cannot.

    glibc has a heap for each thread and keeps what is freed inside it. Large jobs (a program, a
    picture) fall to one thread of the pool today and to another one tomorrow, so the heaps of all
    grow in turn, for days, to the largest job of each, though little is in use.
    """
    give_back = give_back or allocators_own()
    if give_back is None:
        yield
        return
    async with beside(_again_and_again(period, give_back), "memory"):
        yield


async def _again_and_again(period: float, give_back: GiveBack) -> None:
    while True:
        await asyncio.sleep(period)
        await asyncio.to_thread(give_back)


@cache
def allocators_own() -> GiveBack | None:
    """Return glibc's malloc_trim (man 3 malloc_trim); None where there is no glibc."""
    if sys.platform != "linux":
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:  # musl
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return lambda: trim(0)
