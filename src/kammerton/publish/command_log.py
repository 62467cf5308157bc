"""Commands from the broker in the audit log: what was accepted, before it is done; what was not.

The newest accepted command is known by this log in the database itself. So whoever deletes the
requests, where the nonces are, makes no old command new.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from kammerton.model import StoreError
from kammerton.publish.commands import Command
from kammerton.store import Store

log = logging.getLogger(__name__)

WHAT, ACCEPTED, REFUSED = "command", "accepted", "refused"
NOBODY = "nobody known over MQTT"

LOOKED_AT = 1000
"""Entries that are looked at for the newest accepted command; more, if all of them are refusals."""

APART = 60.0
"""s between two lines of one reason: a flood of commands must not fill the disk."""

PERIOD = 1.0


@dataclass
class CommandLog:
    """Writes to the audit log of one database."""

    store: Store
    monotonic: Callable[[], float] = time.monotonic
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _written: dict[tuple[str, str], float] = field(default_factory=dict)

    async def newest(self) -> datetime | None:
        """Return when the newest command was issued that was ever accepted."""
        looked_at = LOOKED_AT
        while True:
            rows = await asyncio.to_thread(self.store.log, looked_at, WHAT)
            times = [_issued(row.why) for row in rows if row.new == ACCEPTED]
            newest = max((t for t in times if t is not None), default=None)
            if newest is not None or len(rows) < looked_at:
                return newest
            looked_at *= 10  # who may send what is refused must not push it out of sight

    async def accept(self, command: Command) -> None:
        """Note a command before it is done; StoreError: it must not be done."""
        who, why = f"{command.user} over MQTT", f"issued {command.issued.isoformat()}"
        said = f"{why} {command.verb} {command.nonce}"
        await asyncio.to_thread(self.store.audit, who, WHAT, "", ACCEPTED, said)

    def refuse(self, user: str | None, why: str) -> None:
        """Note that a command was refused; `keep` writes it. user: None where it is not known."""
        self._refused[NOBODY if user is None else f"{user} over MQTT", why] += 1

    async def keep(self) -> NoReturn:
        """Write what was refused: at once, and then once a minute and reason, with its number."""
        while True:
            for key in self._due():
                times = self._refused.pop(key)
                (who, why), self._written[key] = key, self.monotonic()
                said = why if times == 1 else f"{why}; {times} times"
                with suppress(StoreError):  # said as an alarm, too
                    await asyncio.to_thread(self.store.audit, who, WHAT, "", REFUSED, said)
            await asyncio.sleep(PERIOD)

    def _due(self) -> list[tuple[str, str]]:
        now = self.monotonic()
        self._written = {key: at for key, at in self._written.items() if now - at < APART}
        return [key for key in self._refused if key not in self._written]


def _issued(said: str) -> datetime | None:
    words = said.split()
    try:
        return datetime.fromisoformat(words[1])
    except (IndexError, ValueError):
        return None
