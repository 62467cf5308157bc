"""How a process is begun: apart from the terminal, with pipes for orders and signs of life."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVarTuple

Rest = TypeVarTuple("Rest")

COMMAND = (sys.executable, "-m", "kammerton.serve.begin")

LONGEST_LINE = 1 << 20


async def begun(*command: str) -> asyncio.subprocess.Process:
    """Return a process that was begun; it inherits our stderr, its own two pipes, and no more.

    Raises
    ------
    OSError
        It cannot be begun.
    """
    _without_threads()
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            limit=LONGEST_LINE, env=_environment(), **_apart(),
        )  # fmt: skip
    except RuntimeError as problem:  # no thread to wait for it: threads count as processes do
        raise OSError(str(problem)) from problem
    if unwatched := _unwatched.pop(process.pid, None):
        await process.communicate()
        raise unwatched
    return process


def _without_threads() -> None:
    """Let the kernel say when a process has ended, as asyncio does from Python 3.12 on (Linux).

    Before that a thread waits for each. Where none can be begun, the process is there already and
    stays, known to nobody; and so does the next, whenever it is tried again.
    """
    if sys.platform == "linux" and sys.version_info < (3, 12):
        if isinstance(asyncio.get_child_watcher(), asyncio.PidfdChildWatcher):
            return
        with contextlib.suppress(OSError):  # a kernel before 5.3, or a sandbox
            os.close(os.pidfd_open(os.getpid()))
            watcher = _Watcher()
            watcher.attach_loop(asyncio.get_running_loop())
            asyncio.set_child_watcher(watcher)


_unwatched = dict[int, OSError]()

if sys.platform == "linux" and sys.version_info < (3, 12):

    class _Watcher(asyncio.PidfdChildWatcher):
        """Ends what it cannot watch, since descriptors are short, say: nobody else would."""

        def add_child_handler(
            self, pid: int, callback: Callable[[int, int, *Rest], object], *args: *Rest
        ) -> None:
            try:
                super().add_child_handler(pid, callback, *args)
            except OSError as problem:
                os.kill(pid, signal.SIGKILL)  # it has just been begun, and has no order yet
                _, status = os.waitpid(pid, 0)
                _unwatched[pid] = problem
                callback(pid, os.waitstatus_to_exitcode(status), *args)


def ending(code: int | None) -> str:
    """Say how a process ended that did not say it itself."""
    if code is not None and code < 0:
        return f"it was killed by signal {-code}"
    return f"it ended with code {code} and did not say why"


def _environment() -> dict[str, str]:
    """Return ours without what the service manager means for the supervisor alone."""
    mine = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
    return {name: value for name, value in os.environ.items() if name not in mine}


def _apart() -> dict[str, Any]:
    """Return what keeps Ctrl-C from the process: it is ours to pass on, in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
