"""Child processes that end with the demonstration, even when it is killed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kammerton.model import KammertonError

PATIENCE = 20.0  # s that a child gets to end by itself
LEASH = Path(__file__).with_name("leash.py")
LAST = 12.0
"""s that what the daemon speaks to outlives a demonstration that was killed: it switches off."""


@asynccontextmanager
async def child(
    *arguments: str, log: Path, stdout: int | None = None, outlives: float = 0.0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program; on exit ask it to end, and insist after a while.

    outlives: s that it goes on when this process was killed and can ask nobody any more.
    """
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(LEASH), str(outlives), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=sink if stdout is None else stdout,
            stderr=sink,
            start_new_session=sys.platform != "win32",  # Ctrl-C is ours to pass on, in order
        )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None and process.stdin is not None:
        process.stdin.write(b"end\n")
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def kammerton(*arguments: str) -> tuple[str, ...]:
    """Return the command line of another kammerton in this very environment."""
    return (sys.executable, "-m", "kammerton", *arguments)


async def ready_line(process: asyncio.subprocess.Process, log: Path) -> dict[str, Any]:
    """Return the JSON line that the laboratory prints when it is ready.

    Raises
    ------
    KammertonError
        The process ended before; the message has the end of its log.
    """
    if process.stdout is None:
        raise KammertonError("the laboratory has no output to read")
    line = await process.stdout.readline()
    if not line:
        raise KammertonError(f"the simulated laboratory did not start:\n{tail(log)}")
    ready: dict[str, Any] = json.loads(line)
    return ready


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
