"""Memory that the allocator keeps: what threads have freed is given back to the system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kammerton.bench.beside import beside
from kammerton.serve import heaps

PERIOD = 60.0
"""s between two times. It takes some 50 ms at most, in which no thread can allocate."""

GiveBack = Callable[[], object]


@asynccontextmanager
async def giving_back(
    period: float = PERIOD, give_back: GiveBack | None = None
) -> AsyncIterator[None]:
    """Give freed memory back every `period` s; nothing is done where the allocator cannot."""
    give_back = give_back or heaps.give_back()
    if give_back is None:
        yield
        return
    async with beside(_again_and_again(period, give_back), "memory"):
        yield


async def _again_and_again(period: float, give_back: GiveBack) -> None:
    while True:
        await asyncio.sleep(period)
        await asyncio.to_thread(give_back)
