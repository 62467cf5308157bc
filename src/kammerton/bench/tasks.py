"""Waiting for several things, and for things that must not be left half done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from kammerton.model import LastingFault

log = logging.getLogger(__name__)

T = TypeVar("T")


async def together(actions: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all at once, leave none running, then raise the first failure.

    One that lasts comes before all that may pass: the instrument may say it only this once.
    """
    results = await asyncio.gather(*actions, return_exceptions=True)
    failures = [result for result in results if result is not None]
    if failures:
        raise next((f for f in failures if isinstance(f, LastingFault)), failures[0])


async def in_turn(actions: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await one after the other, whatever becomes of those before, then raise the first failure."""
    failures = list[Exception]()
    for action in actions:
        try:
            await action
        except Exception as failure:  # noqa: BLE001 - raised below
            failures.append(failure)
    if failures:
        raise failures[0]


async def settled(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have ended, whatever they end with."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def told_while(work: Awaitable[T], tell: Callable[[], Awaitable[object]], every: float) -> T:
    """Await what may take long, and tell so after each `every` s until it has ended."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            await tell()
        return await task
    finally:
        await settled(task)


async def unbroken(action: Coroutine[Any, Any, T]) -> T:
    """Finish an action that makes the bench safe even when cancelled, then let that pass.

    It passes though the action failed, which is then its cause and stands in the log: it is asked
    for only once.
    """
    task = asyncio.ensure_future(action)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is None:
        return task.result()
    if (failure := task.exception()) is not None:
        log.error("told to end meanwhile: %s", str(failure) or repr(failure))
    raise cancellation from failure
