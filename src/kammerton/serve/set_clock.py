"""A computer's clock that is set while the daemon runs: told, and followed where no loop does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from kammerton.bench.beside import beside
from kammerton.bench.tasks import unbroken
from kammerton.model import LabClock, Overtaken, StoreError
from kammerton.model.alarm import CLOCK, Alarm, Tell
from kammerton.model.clock import APART, Step, was_set
from kammerton.model.lasting import Lasting
from kammerton.store import Store
from kammerton.store.following import follow
from kammerton.store.leases import DAEMON

log = logging.getLogger(__name__)

PERIOD = 1.0
"""s between two looks at the clocks."""

LASTS = 60.0
"""s that the alarm lasts at least: who follows at once leaves no trace of it otherwise."""

FOLLOWS = "laboratory time follows between two runs"


@dataclass
class SetClock:
    """Tells when the computer's clock was set, and lets laboratory time follow where no loop does.

    A loop follows between two runs, and has `left` meanwhile. While the computer is held, an
    instrument is set aside, or safe mode lasts, there is none; what is known grows old alike.
    note: writes a line of the audit log, beside the work: who, what, old, new, why.
    """

    store: Store
    clock: LabClock
    tell: Tell
    note: Callable[..., object]
    left: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._step, self._mute = Step(self.clock), Lasting(log)

    @asynccontextmanager
    async def watched(self, *, told: bool = False) -> AsyncIterator[None]:
        """Watch the clock meanwhile. told: it was said that it was wrong before the start."""
        async with (
            beside(self._told(told=told), "the computer's clock"),
            beside(self._followed(), "laboratory time"),
        ):
            yield

    async def _told(self, *, told: bool) -> None:
        loop, mine = asyncio.get_running_loop(), self.store.computer
        since, said = loop.time() if told else None, 0.0
        while True:
            by, now = self.clock.apart(), loop.time()
            if abs(by) < APART:
                said = 0.0
            elif abs(by - said) >= APART:  # the first, or one that is another than was said
                since, said = now, by
                text = (
                    f"{was_set(timedelta(seconds=by))}, to {self.clock.utc():%Y-%m-%d %H:%M:%S} UTC"
                )
                # as a cause, which tells it from another step as large: others are told of each
                self.tell(Alarm(CLOCK, mine, f"{text}; {FOLLOWS}", causes=(text,)))
            if abs(by) < APART and since is not None and now - since >= LASTS:
                since = None
                text = "laboratory time goes by the clock as it is"
                self.tell(Alarm(CLOCK, mine, text, on=False))
            await asyncio.sleep(PERIOD)

    async def _followed(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            async with self.left:
                if by := self._step.due():
                    await unbroken(self._follow(by))

    async def _follow(self, by: timedelta) -> None:
        """Follow a step; where the database cannot be written, the next look does."""
        said, before = was_set(by), self.clock.now()
        try:
            await asyncio.to_thread(self._move, by, said)
        except (StoreError, Overtaken) as problem:
            self._mute.failed(f"{said}; laboratory time cannot follow yet: {problem}")
            return
        self._mute.over("laboratory time follows")
        log.warning("%s; laboratory time follows", said)
        old, new = (f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in (before, self.clock.now()))
        self.note(DAEMON, CLOCK, old, new, said)

    def _move(self, by: timedelta, said: str) -> None:
        follow(self.store, self.clock, by, said, self.store.revision())
