"""Several things done on one connection, of which none goes on without the others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Run together until one ends; then end the others, and raise what the first raised.

    One that somebody else cancelled is an error: taken for a cancellation of this task, it would
    end publishing for good.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        lost = [task for task in done if task.cancelled()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if task in lost:
            name = getattr(task.get_coro(), "__qualname__", "a task")
            raise RuntimeError(f"{name} was cancelled, and not by its relay")
        task.result()
