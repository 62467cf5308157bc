"""Whether the box at an address is still the one that answered there first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from kammerton.bench.switching import OutputChange
from kammerton.model import InstrumentError
from kammerton.model.roles import Identity, Instrument

PATIENCE = 3.0
"""s to wait for a name before an output is switched off without it."""


class Boxes:
    """Remembers who answered first; nothing is written to whoever answers instead."""

    def __init__(self, note: Callable[[OutputChange], None]) -> None:
        self._note = note
        self._known: dict[str, Identity] = {}

    async def same(self, name: str, device: Instrument) -> None:
        """Raise unless an instrument is who it was.

        Raises
        ------
        InstrumentError
            It names both identities.
        """
        self._compare(name, await device.identity())

    def guarded(
        self, name: str, device: Instrument, action: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """Return an action that makes an instrument safe, unless it is certainly another one.

        One that does not say who it is gets the benefit of the doubt: off is off.
        """
        return partial(self._done, name, device, action)

    async def _done(
        self, name: str, device: Instrument, action: Callable[[], Awaitable[None]]
    ) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                found = await device.identity()
        except (InstrumentError, TimeoutError):
            pass
        else:
            self._compare(name, found)
        await action()

    def _compare(self, name: str, found: Identity) -> None:
        known = self._known.setdefault(name, found)
        if found == known:
            return
        old, new = _words(known), _words(found)
        self._note(OutputChange(name, old, "any change", "gate", f"another box answers: {new}"))
        raise InstrumentError(
            f"{name}: another instrument answers than before: {new} instead of {old}; "
            "nothing is written to it",
            instrument=name,
        )


def _words(who: Identity) -> str:
    return f"{who.vendor} {who.model}, serial {who.serial}, firmware {who.firmware}"
