"""The event loop: one that MQTT works on, ended in order by whatever asks a process to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from kammerton.early import ENDING, WINDOWS, came

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

    on_ending(end)
    return await task


def on_ending(act: Callable[[], object]) -> None:
    """Call `act` in the running event loop whenever a signal asks this process to end.

    One that was kept while the process loaded counts too.
    """
    for name in ENDING:
        _on_signal(getattr(signal, name), act)
    if came():
        asyncio.get_running_loop().call_soon(act)


def _on_signal(number: signal.Signals, act: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    if WINDOWS:  # whose loops have no signal handlers
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))
    else:
        loop.add_signal_handler(number, act)
