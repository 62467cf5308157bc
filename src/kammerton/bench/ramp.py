"""Ramps: from where an output is to where it shall be, in steps that lab.toml allows."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from kammerton.lab import Limit

TICK = 0.1
"""s: a ramp without a max_step takes this long for each of its steps."""


def steps(start: float, target: float, limit: Limit) -> list[float]:
    """Return the values to go through, the last one `target`; each step within the limit's."""
    largest = limit.max_step or limit.max_rate * TICK
    count = max(1, math.ceil(abs(target - start) / largest * (1 - 1e-9)))
    return [start + (target - start) * n / count for n in range(1, count)] + [target]


async def walk(
    setting: Callable[[float], Awaitable[None]], start: float, target: float, limit: Limit
) -> None:
    """Set all values between two, no faster than the limit's rate; may be cancelled at any."""
    before = start
    for value in steps(start, target, limit):
        await setting(value)
        await asyncio.sleep(abs(value - before) / limit.max_rate)
        before = value
