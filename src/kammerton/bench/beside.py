"""What is done beside something else, and must not silently stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from kammerton.bench.tasks import settled, unbroken

log = logging.getLogger(__name__)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Work beside the body. Work that dies ends the body too, and its failure is raised.

    The body is cancelled, so that it makes the outputs safe on its way out. Where somebody else
    cancels it as well, that is what is raised, and what failed stands in the log.
    """
    body, task = asyncio.current_task(), asyncio.create_task(work, name=name)
    over = cancelled = False

    def died(_: asyncio.Task[None]) -> None:
        nonlocal cancelled
        if body is not None and not over:
            cancelled = body.cancel(f"{name} has ended")

    task.add_done_callback(died)
    failure: BaseException | None = None
    try:
        yield
    except BaseException as problem:  # noqa: BLE001 - raised below
        failure = problem
    over, ended = True, task.done()
    late: asyncio.CancelledError | None = None
    try:
        await unbroken(settled(task))  # where a cancellation may come that was under way
    except asyncio.CancelledError as cancellation:
        late = cancellation
    others = body is None or not cancelled or body.uncancel()  # who else may have cancelled it
    told = late or (failure if isinstance(failure, asyncio.CancelledError) else None)
    if ended:
        failure = _with(failure, _failure(task, name))
    if told is not None and others:
        failure = _told(told, failure)
    if failure is not None:
        raise failure


def _with(failure: BaseException | None, died: BaseException) -> BaseException:
    """Return what the body failed with on its own way out, and say why it had to end."""
    if failure is None or isinstance(failure, asyncio.CancelledError):
        return died
    failure.add_note(str(died) or repr(died))
    return failure


def _told(told: asyncio.CancelledError, failure: BaseException | None) -> BaseException:
    """Return what is raised where somebody cancelled; what else went wrong stands in the log."""
    if isinstance(failure, Exception):
        words = (str(failure) or repr(failure), *getattr(failure, "__notes__", ()))
        log.error("told to end meanwhile: %s", "; ".join(words))
    ends = failure is not None and not isinstance(failure, Exception | asyncio.CancelledError)
    return failure if failure is not None and ends else told


def _failure(task: asyncio.Task[None], name: str) -> BaseException:
    failure = None if task.cancelled() else task.exception()
    return failure or RuntimeError(f"{name} has ended")
