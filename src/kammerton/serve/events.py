"""The event loop: one that MQTT works on, ended by Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_until_signal(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; SIGTERM cancels it as Ctrl-C does.

    The selector loop is used on Windows, where the MQTT client needs it.
    """
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_until_terminated(main))


async def _until_terminated(main: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(main)
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
