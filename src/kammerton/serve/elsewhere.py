"""Which boxes daemons on other computers have, and which this one has, for them to see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from kammerton.bench import Bench
from kammerton.bench.locks import numbered
from kammerton.bench.tasks import settled
from kammerton.lab import Lab
from kammerton.model import BrokerError
from kammerton.model.roles import FridgeMonitor
from kammerton.publish.claims import claimed

log = logging.getLogger(__name__)

NOT_KNOWN = "which instruments daemons on other computers have is not known: %s"


class Elsewhere:
    """Looks before each opening. mine: what the status says that this daemon has, meanwhile."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._looking: asyncio.Task[None] | None = None
        self._found: dict[str, str] = {}
        self.mine: frozenset[str] = frozenset()

    async def claimed(self, *, wait: bool) -> Mapping[str, str]:
        """Return whose each box is that another computer's daemon has, as far as it is known.

        wait: for the broker, 2.5 s at most. Else what it says is added as soon as it does: outputs
        that may be on wait for nobody.
        """
        await self.end()
        self._found = {}
        if self._lab.broker is not None:
            self._looking = asyncio.create_task(self._look(), name="other daemons")
            if wait:
                await asyncio.shield(self._looking)
        return self._found

    async def _look(self) -> None:
        assert self._lab.broker is not None
        try:
            self._found |= await claimed(self._lab.broker)
        except BrokerError as problem:
            log.info(NOT_KNOWN, problem)
        except Exception as problem:  # it is a help, and may keep no daemon from starting
            log.warning(NOT_KNOWN, problem, exc_info=problem)

    @contextmanager
    def having(self) -> Iterator[Callable[[Bench], None]]:
        """Have the boxes that are written to, of a bench that is told, until all is closed."""
        try:
            yield self._has
        finally:
            self.mine = frozenset()

    def _has(self, bench: Bench) -> None:
        boxes, devices = bench.gate.guard.boxes.answered.items(), bench.instruments
        written = {n: who for n, who in boxes if not isinstance(devices.get(n), FridgeMonitor)}
        self.mine = frozenset(key for _, key in numbered(self._lab, written))

    async def end(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await settled(self._looking)
            self._looking = None
