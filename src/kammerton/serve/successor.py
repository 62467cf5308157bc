"""The successor: begun while a process hangs that was told to end, to switch off in its place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio.subprocess import Process as Begun
from collections.abc import Callable, Sequence

from kammerton.serve.begun import COMMAND, begun
from kammerton.serve.words import AT_ONCE, KEPT_READY

log = logging.getLogger(__name__)


class Successor:
    """Loads what switches off, and waits for its order; where none comes, it has touched nothing.

    A new process loads for seconds. Those that the one before it still gets are enough for that.
    """

    def __init__(
        self, needless: Callable[[], bool] = lambda: False, command: Sequence[str] = COMMAND
    ) -> None:
        self._needless = needless
        self._command = (*command, KEPT_READY, AT_ONCE)
        self._begun: Begun | None = None
        self._tried = False

    async def begin(self, of: str) -> None:
        """Begin it, the first time that this is called and it is not needless.

        of: the name of the computer.
        """
        if self._tried or self._needless():
            return
        self._tried = True
        try:
            self._begun = await begun(*self._command)
        except OSError as problem:  # where another is needed, that is tried again
            log.warning("%s: its successor cannot be begun yet: %s", of, problem)
        else:
            log.info("%s: process %d loads, to switch off in its place", of, self._begun.pid)

    def take(self) -> Begun | None:
        """Return the process, from now on the caller's; None where there is none any more."""
        process, self._begun = self._begun, None
        return process if process is not None and process.returncode is None else None

    async def end(self) -> None:
        """End the process unless it was taken."""
        if (process := self.take()) is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 2.0)
