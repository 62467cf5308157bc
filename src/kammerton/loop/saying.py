"""What the loop does now, told to all who want to know it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from kammerton.loop.wishes import Wishes
from kammerton.model import StoreError
from kammerton.model.lasting import Lasting
from kammerton.store import Store

log = logging.getLogger(__name__)


def silent(*said: object) -> None:
    """Tell nobody."""


def somebodys(scope: str) -> str:
    """Say that a scope is held, where nobody says by whom."""
    return f"{scope} is held by a person"


@dataclass(frozen=True)
class Saying:
    """Tells it to the store, to `said`, and to whoever waits for a measurement."""

    store: Store
    said: Callable[[str], object]
    wishes: Wishes
    lasting: Lasting = field(default_factory=lambda: Lasting(log))

    async def __call__(self, what: str) -> None:
        """Tell what is being done. Whoever holds the database locked shall not stop the loop."""
        self.said(what)
        self.wishes.doing = what
        try:
            await asyncio.to_thread(self.store.activity, what)
        except StoreError as problem:
            self.lasting.failed(f"no heartbeat: {problem}")
        else:
            self.lasting.over("heartbeats are written again")

    async def unwritten(self, what: str) -> None:
        """Tell that the store cannot be written; nothing that was asked for waits for that."""
        self.wishes.withdraw(f"{what.removeprefix('waiting: ')}; ask again when that is over")
        await self(what)
