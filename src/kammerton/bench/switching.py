"""Switching outputs and knowing that it happened; the lines of the audit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kammerton.model import InstrumentError
from kammerton.model.roles import MicrowaveSource

SAFE_DEADLINE = 15.0
"""s that one instrument may take to switch off before the others no longer wait for it."""

FREQUENCY_STEP, POWER_STEP = 0.02, 0.02
"""How far (Hz, dB) a source's read-back may lie from what was set."""


@dataclass(frozen=True)
class OutputChange:
    """One line of the audit: what was changed, or refused, by whom and in which job.

    rule: the limit that allowed it.
    """

    what: str
    old: object
    new: object
    who: str
    refused: str | None = None
    rule: str = ""
    job: str = ""


OnChange = Callable[[OutputChange], None]


async def verify_carrier(source: MicrowaveSource, hz: float, dbm: float) -> None:
    """Raise InstrumentError unless a source reads back what it was set to."""
    real_hz, real_dbm, _ = await source.settings()
    if not (abs(real_hz - hz) <= FREQUENCY_STEP and abs(real_dbm - dbm) <= POWER_STEP):
        raise InstrumentError(
            f"{source.name} was set to {hz:.2f} Hz, {dbm:g} dBm "
            f"but reads back {real_hz:.2f} Hz, {real_dbm:g} dBm"
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


async def all_of(
    actions: Mapping[str, Callable[[], Awaitable[None]]], failure: str, extra: float = 0.0
) -> None:
    """Do all at once, each within SAFE_DEADLINE and `extra` s.

    Raises
    ------
    InstrumentError
        One, that names every failure.
    """
    deadline = SAFE_DEADLINE + extra

    async def attempt(name: str, action: Callable[[], Awaitable[None]]) -> str | None:
        try:
            async with asyncio.timeout(deadline):
                await action()
        except TimeoutError:
            return f"{name} {failure}: no answer within {deadline:g} s"
        except Exception as error:  # noqa: BLE001 - the others must be tried too; raised again below
            return f"{name} {failure}: {error}"
        return None

    found = await asyncio.gather(*(attempt(name, action) for name, action in actions.items()))
    if any(found):
        raise InstrumentError("\n".join(text for text in found if text))
