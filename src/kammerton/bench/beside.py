"""What is done beside something else, and must not silently stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from kammerton.bench.tasks import settled, unbroken


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Work beside the body. Work that dies ends the body too, and its failure is raised.

    The body is cancelled, so that it makes the outputs safe on its way out.
    """
    body = asyncio.current_task()
    task = asyncio.create_task(work, name=name)

    def died(done: asyncio.Task[None]) -> None:
        if body is not None:
            body.cancel(f"{name} has ended")

    task.add_done_callback(died)
    try:
        yield
    except asyncio.CancelledError:
        if task.done() and body is not None and not body.uncancel():
            failure = None if task.cancelled() else task.exception()
            raise (failure or RuntimeError(f"{name} has ended")) from None
        raise
    finally:
        task.remove_done_callback(died)
        await unbroken(settled(task))
