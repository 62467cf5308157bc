"""An error that nobody foresaw ends an attempt to publish, and never publishing itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kammerton.model import StoreError
from kammerton.model.alarm import GOES_ON, PUBLISHING, STOPPED, Alarm, Tell
from kammerton.model.backoff import Backoff
from kammerton.store import Store
from kammerton.store.leases import DAEMON

log = logging.getLogger(__name__)

FIRST, LONGEST, STEADY = 1.0, 300.0, 600.0
"""s of the first pause, of the longest, and of an attempt after which the pauses start anew."""

WELL = 60.0
"""s without another one after which publishing is said to go on."""

LONGEST_WORDS = 300


def _pauses() -> Backoff:
    return Backoff(FIRST, LONGEST, STEADY)


@dataclass
class Unforeseen:
    """What there was of such errors: in the log, as an alarm, and in the audit log.

    There `kammerton status` finds it, also where nothing reaches the broker, and so does a later
    process, which says that it is over.
    """

    store: Store
    tell: Tell
    backoff: Backoff = field(default_factory=_pauses)
    well: float = WELL
    monotonic: Callable[[], float] = time.monotonic
    _words: str = ""  # of the last one
    _written: str | None = None  # what the audit log has; None: not known yet
    _over: bool = False  # and said to be

    def begin(self) -> None:
        """Note that an attempt begins."""
        self.backoff.begin()

    async def met(self, error: Exception) -> float:
        """Tell of an error that ended an attempt; return the s until the next."""
        pause, self._over = self.backoff.next(), False
        words = f"{type(error).__name__}: {error}"[:LONGEST_WORDS]
        if words != self._words:  # else the log has it
            log.error("publishing has stopped; it begins anew in %.1f s", pause, exc_info=error)
        self._words = words
        told = f"publishing has stopped, and begins anew: {words}"
        self.tell(Alarm(PUBLISHING, self.store.computer, told, causes=(type(error).__name__,)))
        await self._write(STOPPED, words)
        return pause

    async def gone_on(self) -> None:
        """Say that it is over, where it is: this attempt has lasted for a while."""
        if self._over or self.monotonic() - self.backoff.began < self.well:
            return
        try:
            stood = await self._stands()
        except StoreError:  # said by whoever else reads it; asked again
            return
        if self._words or stood == STOPPED:
            words = "publishing goes on"
            self.tell(Alarm(PUBLISHING, self.store.computer, words, on=False, earlier=True))
            await self._write(GOES_ON, words)
        self._words, self._over = "", self._written == GOES_ON

    async def _stands(self) -> str:
        """Return what stands in the audit log, maybe since a process before this."""
        if self._written is None:
            rows = await asyncio.to_thread(self.store.log, 1, PUBLISHING)
            self._written = rows[0].new if rows else GOES_ON
        return self._written

    async def _write(self, new: str, why: str) -> None:
        old, self._written = self._written or "", new
        if old == new:
            return
        try:
            await asyncio.to_thread(self.store.audit, DAEMON, PUBLISHING, old, new, why)
        except StoreError as problem:
            self._written = old or None
            log.warning("not in the audit log: publishing %s: %s", new, problem)
