"""The kernels of the fits: compiled by a process of their own, then loaded by this one.

The thread that compiles keeps the interpreter to itself for seconds at a time, in which no event
loop turns, and leaves 200 MB in a process that lives for months.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from asyncio.subprocess import Process as Begun
from collections.abc import Sequence

from kammerton.estimation import compiled, warm
from kammerton.model import KammertonError
from kammerton.serve.begun import begun, ending

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "kammerton.serve.compiling")

LONGEST = 1800.0
"""s that compiling may take, and waiting for another that compiles. It is 1.5 min of a core."""

GONE = 2.0
"""s that a process which was killed is waited for."""

ONCE = "once per machine and version"
NOT_KEPT = (
    "no folder can be written in which to keep the compiled fits: this process compiles them, at "
    "every start, and may stand still meanwhile; let NUMBA_CACHE_DIR name a folder"
)


def load_kernels() -> None:
    """Load the kernels of the first run, and the netCDF writer."""
    import h5netcdf  # noqa: F401

    warm()


def load_what_is_compiled() -> None:
    """Load the same, and nothing that would have to be compiled first."""
    if compiled.is_complete():
        load_kernels()


class Kernels:
    """Has the fits ready, and says meanwhile what that waits for."""

    def __init__(self, command: Sequence[str] = COMMAND, longest: float = LONGEST) -> None:
        self._command, self._longest = command, longest
        self._what, self._since = "", time.monotonic()

    @property
    def doing(self) -> str:
        """What is done now, and for how long that has been."""
        if not self._what:
            return "loading the fits"
        return f"{self._what}: {time.monotonic() - self._since:.0f} s"

    async def load(self) -> None:
        """Load what the fits need; where it has not been compiled, wait until it is.

        Raises
        ------
        KammertonError
            It cannot be compiled; the message says why.
        """
        if compiled.folder() is None:
            log.warning(NOT_KEPT)
        elif not await asyncio.to_thread(compiled.is_complete):
            await self._compile()
        self._what = ""
        await asyncio.to_thread(load_kernels)

    async def _compile(self) -> None:
        """Let a process compile, which ends with this one; it goes back to the work of others."""
        self._what, self._since = f"compiling the fits, {ONCE}", time.monotonic()
        log.info("%s", self._what)
        why = ""
        try:
            async with asyncio.timeout(self._longest):
                why = await self._compiled()
        except TimeoutError:
            why = f"not done within {self._longest:g} s"
        except OSError as problem:
            why = f"no process can be begun for it: {problem}"
        if why:
            raise KammertonError(f"the fits are not compiled: {why}")
        log.info("the fits are compiled: %.0f s", time.monotonic() - self._since)

    async def _compiled(self) -> str:
        """Return why nothing came of it; "" when all is compiled."""
        process = await begun(*self._command)
        try:
            why = await self._heard(process)
            return ending(await process.wait()) if why is None else why
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GONE)

    async def _heard(self, process: Begun) -> str | None:
        """Return what it says at last: "" or what went wrong; None where it ends without."""
        while process.stdout is not None and (line := await process.stdout.readline()):
            match json.loads(line):
                case {"waits": bool(waits)}:
                    first = "waiting for another process that compiles" if waits else "compiling"
                    self._what = f"{first} the fits, {ONCE}"
                case {"ended": str(why)}:
                    return why
        return None
