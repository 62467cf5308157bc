"""Switching outputs and knowing that it happened; the lines of the audit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.bench.tasks import settled
from kammerton.model import InstrumentError
from kammerton.model.roles import MicrowaveSource

SAFE_DEADLINE = 15.0
"""s that one instrument may take to switch off before the others no longer wait for it; less where
the process was told to end."""

ORDER = 2.0
"""s that sources wait for generators, and biases for sources, when all are switched off."""

AGAIN = 2.0
"""s after which what did not go off is switched off again while a bias still ramps."""

STOP_DEADLINE = 3.0
"""s that a generator may take to stop before everything is switched off instead."""

ALL = "all outputs"
"""What they are called together."""

FREQUENCY_STEP, POWER_STEP = 0.02, 0.02
"""How far (Hz, dB) a source's read-back may lie from what was set."""


@dataclass(frozen=True)
class OutputChange:
    """One line of the audit: what was changed, or refused, by whom and in which job.

    rule: the limit that allowed it. found: it was found so; the gate was not asked.
    """

    what: str
    old: object
    new: object
    who: str
    refused: str | None = None
    rule: str = ""
    job: str = ""
    found: bool = False


OnChange = Callable[[OutputChange], None]


async def verify_carrier(source: MicrowaveSource, hz: float, dbm: float) -> None:
    """Raise InstrumentError unless a source reads back what it was set to."""
    real_hz, real_dbm, _ = await source.settings()
    if not (abs(real_hz - hz) <= FREQUENCY_STEP and abs(real_dbm - dbm) <= POWER_STEP):
        raise InstrumentError(
            f"{source.name} was set to {hz / 1e9:.11g} GHz, {dbm:g} dBm "
            f"but reads back {real_hz / 1e9:.11g} GHz, {real_dbm:g} dBm"
        )


async def switch_on(source: MicrowaveSource) -> None:
    """Switch a source on; raise InstrumentError when it reads back off."""
    await source.enable(on=True)
    if not (await source.settings())[2]:
        raise InstrumentError(f"{source.name} reads back off after it was switched on")


async def switch_off(source: MicrowaveSource) -> None:
    """Switch a source off; raise InstrumentError when it reads back on."""
    await source.safe()
    if (await source.settings())[2]:
        raise InstrumentError(f"{source.name} reads back on after it was switched off")


Step = Callable[[], Coroutine[Any, Any, None]]


async def in_order(*steps: Step) -> list[str]:
    """Take steps one after the other and return the words of those that failed.

    A step that has not ended after ORDER s does not keep the next one from beginning: an instrument
    that hangs shall not keep others on. What failed is tried again as long as another is at its
    first try: a bias may ramp for an hour. Else two that hang would keep each other going for ever,
    and nobody would hear of them.
    """
    tasks: list[asyncio.Task[None]] = []
    try:
        for step in steps:
            tasks.append(asyncio.create_task(step()))
            await asyncio.wait(tasks[-1:], timeout=end_of_process().share(ORDER, QUARTER))
        first = tuple(tasks)
        while going := [task for task in tasks if not task.done()]:
            await asyncio.wait(going, timeout=AGAIN)
            if not all(task.done() for task in first):
                tasks = [_again(*each) for each in zip(tasks, steps, strict=True)]
        ends = [task.exception() for task in tasks]
    finally:
        await settled(*tasks)
    for end in ends:
        if end is not None and not isinstance(end, InstrumentError):
            raise end
    return [str(end) for end in ends if end is not None]


def _again(task: asyncio.Task[None], step: Step) -> asyncio.Task[None]:
    failed = task.done() and isinstance(task.exception(), InstrumentError)
    return asyncio.create_task(step()) if failed else task


async def all_of(
    actions: Mapping[str, Callable[[], Awaitable[None]]],
    failure: str,
    extra: float = 0.0,
    within: float | None = None,
    part: float = 1.0,
) -> None:
    """Do all at once, each within `within` (SAFE_DEADLINE if not given) and `extra` s.

    part: of what is left where the process was told to end: see `Deadline.share`.

    Raises
    ------
    InstrumentError
        One, that names every failure.
    """
    usual, began = (SAFE_DEADLINE if within is None else within) + extra, time.monotonic()

    async def attempt(name: str, action: Callable[[], Awaitable[None]]) -> str | None:
        try:
            async with end_of_process().within(usual, part):
                await action()
        except TimeoutError:
            return f"{name} {failure}: no answer within {time.monotonic() - began:.2g} s"
        except Exception as error:  # noqa: BLE001 - the others must be tried too; raised again below
            return f"{name} {failure}: {str(error).removeprefix(f'{name}: ')}"
        return None

    found = await asyncio.gather(*(attempt(name, action) for name, action in actions.items()))
    if any(found):
        raise InstrumentError("\n".join(text for text in found if text))
