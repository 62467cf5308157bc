"""Calls that hang where nobody can hang up on them: only the end of the process ends them."""

from __future__ import annotations

import asyncio

from kammerton.bench.lane import beyond_reach
from kammerton.model import InstrumentError

LOOK = 1.0
"""s between two looks."""


async def look_for_hangs() -> None:
    """Look for ever for a call that may yet switch something on, and that nobody can hang up on.

    Its thread would stay until the process ends, and an output with it: so that shall end. The
    next process switches off and verifies it before anything else.

    Raises
    ------
    InstrumentError
        There is one.
    """
    while True:
        await asyncio.sleep(LOOK)
        if hanging := beyond_reach():
            raise InstrumentError(f"{'; '.join(hanging)}: this process ends, and another begins")
