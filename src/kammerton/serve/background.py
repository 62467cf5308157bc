"""Work that the loop must never wait for: one thread, in order, nothing dropped."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Self

from kammerton.bench.deadline import end_of_process
from kammerton.bench.tasks import unbroken
from kammerton.model import StoreLost, StoreUnavailable

log = logging.getLogger(__name__)

PAUSE = 1.0
"""s between tries where the database cannot be written now."""

LAST = 3.0
"""s that tries go on when the daemon ends; then what is left stands in the log only."""

KEPT = 0.3
"""s of what is left then that are for the last word."""

WAITING = 10_000
"""How much may wait; what comes on top of that is an error in the log, and not done."""


class Background:
    """Does one thing after the other in a thread of its own; at the end it waits for the last.

    What the database cannot take now (a lock, a full disk) is tried until it can.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = ThreadPoolExecutor(1, name)
        self._room = threading.BoundedSemaphore(WAITING)
        self._ending = threading.Event()
        self._end = 0.0
        self._given_up: StoreUnavailable | None = None

    def add(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function soon; its failure is logged as an error and stops nothing else."""
        if not self._room.acquire(blocking=False):
            log.error("%s: too much waits; not done: %s", self._name, _shown(arguments))
            return
        future = self._thread.submit(self._patiently, function, arguments)
        future.add_done_callback(lambda done: self._complain(done, arguments))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what was asked for; blocks, some seconds longer where that cannot be written."""
        self._hurry()
        self._thread.shutdown(wait=True)

    def drop(self) -> None:
        """Forget what has not been begun."""
        self._hurry()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _hurry(self) -> None:
        self._end = time.monotonic() + end_of_process().share(LAST, keep=KEPT)
        self._ending.set()

    def _patiently(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        said = False
        while self._given_up is None:
            try:
                function(*arguments)
            except StoreUnavailable as problem:
                if self._ending.is_set() and time.monotonic() > self._end:
                    self._given_up = problem
                elif not said:
                    log.warning("%s waits: %s", self._name, problem)
                said = True
                self._pause()
            else:
                return
        raise self._given_up

    def _pause(self) -> None:
        """Wait a little; less from when the daemon ends."""
        if self._ending.wait(PAUSE):
            time.sleep(PAUSE / 10)

    def _complain(self, done: Future[None], arguments: tuple[Any, ...]) -> None:
        self._room.release()
        if done.cancelled():
            log.info("%s: not done any more, the daemon ends", self._name)
            return
        error = done.exception()
        if isinstance(error, StoreUnavailable | StoreLost):
            log.error("%s: %s; lost: %s", self._name, error, _shown(arguments))
        elif error is not None:
            log.error("%s: %s: %s", self._name, type(error).__name__, error)


def _shown(arguments: tuple[Any, ...]) -> str:
    return " | ".join(str(each) for each in arguments)[:500]


@asynccontextmanager
async def beside_the_loop(name: str) -> AsyncIterator[Background]:
    """Work beside the loop, which turns on until the last is done; told to end, drop what waits."""
    work = Background(name)
    try:
        yield work
    except asyncio.CancelledError:
        work.drop()
        raise
    finally:
        await unbroken(asyncio.to_thread(work.close))
