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
    body, task = asyncio.current_task(), asyncio.create_task(work, name=name)
    over = cancelled = False

    def died(_: asyncio.Task[None]) -> None:
        nonlocal cancelled
        if body is not None and not over:
            cancelled = body.cancel(f"{name} has ended")

    task.add_done_callback(died)
    try:
        try:
            yield
        finally:
            over, ended = True, task.done()
            await unbroken(settled(task))  # where a cancellation may come that was under way
    except asyncio.CancelledError:
        if body is None or not cancelled or body.uncancel():
            raise  # it is somebody else's too
        raise _failure(task, name) from None
    if ended:
        if body is not None and cancelled:
            body.uncancel()
        raise _failure(task, name)


def _failure(task: asyncio.Task[None], name: str) -> BaseException:
    failure = None if task.cancelled() else task.exception()
    return failure or RuntimeError(f"{name} has ended")
