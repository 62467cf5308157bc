"""The spare: one process kept ready for whichever computer's process dies first."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from asyncio.subprocess import Process as Begun
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from kammerton.serve.begun import COMMAND, begun, ending
from kammerton.serve.rules import Rules
from kammerton.serve.words import KEPT_READY, READY

log = logging.getLogger(__name__)

SILENT, TOLD = "it does not answer", "it was told to end"


@dataclass(frozen=True)
class Taken:
    """A process that was kept ready. told: to end, before its order: it switches off and does."""

    process: Begun
    told: bool = False


class Spare:
    """Keeps one process ready, and another when that was taken or has died.

    It is nobody's: how it fares counts for no computer, and without it all goes on as ever.
    """

    def __init__(self, rules: Rules, command: Sequence[str] = COMMAND) -> None:
        self._rules, self._command = rules, (*command, KEPT_READY)
        self._ready: tuple[Begun, asyncio.Future[str]] | None = (
            None  # why it is not taken, "": it is
        )
        self._taken: Begun | None = None  # the last one, which is the caller's
        self._ended: Begun | None = None  # by us; gone a little later
        self._asking = asyncio.Lock()  # one at a time may read what it answers

    @asynccontextmanager
    async def kept(self, quiet: Callable[[], bool]) -> AsyncIterator[None]:
        """Keep one ready meanwhile. quiet: whether nothing starts that it would slow down."""
        task = asyncio.create_task(self._keep(quiet), name="spare")
        task.add_done_callback(_complain)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if self._ended is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), self._rules.insist)

    @property
    def ready(self) -> bool:
        """Whether one was ready when it was last looked at."""
        return self._ready is not None

    async def take(self) -> Taken | None:
        """Return the process that is ready, from now on the caller's; None where none answers.

        One that was told to end is taken too: it switches off before it does, and sooner than one
        that has yet to load.
        """
        async with self._asking:
            if self._ready is None:
                return None
            (process, asked), self._ready = self._ready, None
            why = SILENT
            try:
                if (why := await self._useless(process)) != SILENT:
                    self._taken = process
            finally:
                asked.set_result("" if self._taken is process else why)
            return None if why == SILENT else Taken(process, told=why == TOLD)

    async def _keep(self, quiet: Callable[[], bool]) -> NoReturn:
        deaths = 0
        while True:
            while not quiet():  # noqa: ASYNC110 - many things, of which none is an event
                await asyncio.sleep(self._rules.beat)
            start = time.monotonic()
            if not (why := await self._life()):
                deaths = 0
                continue
            deaths = deaths + 1 if time.monotonic() - start < self._rules.quick else 1
            pause = self._rules.pause(deaths + 1)  # not at once: it has left nothing on
            log.warning("the process kept ready: %s; another in %g s at the soonest", why, pause)
            await asyncio.sleep(pause)

    async def _life(self) -> str:
        """Keep one process ready; return why it is of no use any more, "" if it was taken."""
        try:
            process = await begun(*self._command)
        except OSError as problem:
            return f"it cannot be begun: {problem}"
        gone, why = asyncio.create_task(process.wait()), "the daemon ends"
        try:
            why = await self._loads(process) or await self._stays(process, gone)
            await asyncio.wait([gone], timeout=self._rules.beat if why else 0)  # after its pipe
            return ending(process.returncode) if why and gone.done() else why
        finally:
            self._ready = None
            gone.cancel()
            if why and process.returncode is None and process is not self._taken:
                process.kill()  # it has touched nothing, and needs no time to end in order
                self._ended = process

    async def _loads(self, process: Begun) -> str:
        if await _said(process, self._rules.load) is None:
            return f"it has not loaded within {self._rules.load:g} s"
        log.info("process %d is kept ready to take over if this computer's own fails", process.pid)
        return ""

    async def _stays(self, process: Begun, gone: asyncio.Task[int]) -> str:
        """Look from time to time whether it still answers; return why it is no longer kept."""
        asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ready = process, asked
        either: set[asyncio.Future[Any]] = {gone, asked}
        while True:
            await asyncio.wait(
                either, timeout=self._rules.look, return_when=asyncio.FIRST_COMPLETED
            )
            async with self._asking:
                if asked.done():
                    return asked.result()
                if why := await self._useless(process):
                    self._ready = None
                    return why

    async def _useless(self, process: Begun) -> str:
        """Ask whether it is there; return why it is of no use, "" if it is."""
        if process.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):  # it is gone: so there is no answer
                process.stdin.write(READY)
        said = await _said(process, self._rules.answer)
        if said is None:
            return SILENT
        return TOLD if said.get("told") else ""


async def _said(process: Begun, within: float) -> dict[str, Any] | None:
    """Return the next message; None where it does not come, or none can come any more."""
    if process.stdout is None:
        return None
    try:
        async with asyncio.timeout(within):
            said: dict[str, Any] = json.loads(await process.stdout.readline())
    except (OSError, ValueError):  # TimeoutError is one; a pipe may break
        return None
    return said


def _complain(keeping: asyncio.Task[NoReturn]) -> None:
    """Say at once when nothing is kept ready any more; the computers go on."""
    if not keeping.cancelled() and (error := keeping.exception()) is not None:
        log.error("no process is kept ready any more: %s: %s", type(error).__name__, error)
