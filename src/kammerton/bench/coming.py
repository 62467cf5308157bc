"""Whether records still come from a digitizer, and how many have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from kammerton.bench.acquire import Amount, Collector

OnProgress = Callable[[float], None]

GLANCE = 0.05, 0.5
"""s at least and at most between two looks at whether records come."""


async def coming(collector: Collector, patience: float) -> float:
    """Return once no record has come for more than `patience` s; returns for how many."""
    known, since = -1, perf_counter()
    least, most = GLANCE
    while True:
        if collector.turns != known:
            known, since = collector.turns, perf_counter()
        elif perf_counter() - since > patience:
            return perf_counter() - since
        await asyncio.sleep(min(max(patience / 10, least), most))


def reporter(amount: Amount, on_progress: OnProgress | None) -> Callable[[int], None]:
    """Return what the digitizer's thread tells of turns; the loop hears the fraction done."""
    if on_progress is None:
        return lambda turns: None
    loop = asyncio.get_running_loop()

    def report(turns: int) -> None:
        loop.call_soon_threadsafe(on_progress, turns / amount.turns)

    return report
