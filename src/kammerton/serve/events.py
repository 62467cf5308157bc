"""The event loop: one that MQTT works on, ended in order by whatever asks a process to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kammerton.early import WINDOWS, came, end_at_once, ending, keep

T = TypeVar("T")


def _nothing() -> None:
    pass


def run_until_signal(main: Coroutine[Any, Any, T], told: Callable[[], object] = _nothing) -> T:
    """Run a coroutine; Ctrl-C, SIGTERM or a closed terminal cancels it, as often as it comes.

    told: called in the event loop before each time. The selector loop is used on Windows, where the
    MQTT client needs it.

    Raises
    ------
    KeyboardInterrupt
        The coroutine was cancelled so, and has ended.
    """
    factory = asyncio.SelectorEventLoop if WINDOWS else None
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            return runner.run(_until_told(main, told))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def _until_told(main: Coroutine[Any, Any, T], told: Callable[[], object]) -> T:
    """Await the coroutine in a task that signals cancel, and nothing else can tear apart."""
    task = asyncio.ensure_future(main)

    def end() -> None:
        told()
        task.cancel()

    with asked_to_end(end):
        return await task


@contextmanager
def asked_to_end(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` in the running event loop whenever a signal asks this process to end.

    One that was kept while the process loaded counts too. Afterwards a signal does what it did
    before; the loop's own handlers would outlive the pipe that they write to when it is closed.
    """
    loop = asyncio.get_running_loop()
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))
        for number in ending()
    }
    if came():
        loop.call_soon(act)
    try:
        yield
    finally:
        for number, did in before.items():
            signal.signal(number, end_at_once if did is keep else did or signal.SIG_DFL)
