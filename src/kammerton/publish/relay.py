"""From the outbox to the broker: in order, acknowledged, and anew after every connect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kammerton.lab import Broker
from kammerton.model import BrokerError, StoreError
from kammerton.model.backoff import Backoff, pass_cancellation
from kammerton.publish import mqtt
from kammerton.publish.connection import Connect, Connection
from kammerton.publish.session import Session, last_will
from kammerton.publish.topics import Topics
from kammerton.store import Store

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds after which the outbox is looked at even if no commit was announced."""

FAREWELL = 2.0
"""Seconds that saying goodbye may take."""


def _utc() -> datetime:
    return datetime.now(UTC)


class Relay:
    """Hands what the store commits to a broker. The broker is a cache, the store the record.

    now: laboratory time, for the quality of values. parameters: one retained topic for each
    parameter too. problem: why nothing is published now; None while connected.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        *,
        now: Callable[[], datetime] = _utc,
        parameters: bool = True,
        connect: Connect = mqtt.connect,
        backoff: Backoff | None = None,
    ) -> None:
        self.problem: str | None = "not connected yet"
        self._store = store
        self._broker = broker
        self._topics = Topics(store.computer)
        self._now = now
        self._parameters = parameters
        self._connect = connect
        self._backoff = backoff or Backoff()
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()

    async def drained(self) -> None:
        """Wait until the broker has acknowledged all that was committed before this call."""
        self._quiet.clear()
        self._news.set()
        await self._quiet.wait()

    async def run(self) -> None:
        """Relay until cancelled; then say "offline" and let the cancellation pass.

        A broker that is away, or a database that is locked or full, is waited for, with growing
        pauses; what is wrong is logged once and stays in `problem`.
        """
        loop = asyncio.get_running_loop()
        stop = self._store.on_commit(partial(loop.call_soon_threadsafe, self._news.set))
        try:
            while True:
                await self._attempt()
        finally:
            stop()

    async def _attempt(self) -> None:
        self._backoff.begin()
        try:
            await self._connected()
        except (BrokerError, StoreError) as problem:
            pass_cancellation(problem)
            self._note(str(problem))
        await asyncio.sleep(self._backoff.next())

    async def _connected(self) -> None:
        head = await asyncio.to_thread(self._store.snapshot)
        will = last_will(self._topics, head, self._now())
        async with self._connect(self._broker, will) as connection:
            session = Session(connection, self._store, self._topics, self._now, self._parameters)
            try:
                # Only who listens hears that a quiet line is dead.
                await _first_to_end(_listen(connection), self._relay(session))
            except asyncio.CancelledError:
                await _farewell(session)
                raise

    async def _relay(self, session: Session) -> None:
        await session.greet()
        self._note(None)
        while True:
            self._news.clear()
            await session.empty_outbox()
            wait = await session.renew_snapshot()
            if not wait and not self._news.is_set():
                self._quiet.set()
            await self._rest(wait or POLL)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def _note(self, problem: str | None) -> None:
        if problem is None:
            log.info("publishing to %s:%s", self._broker.host, self._broker.port)
        elif problem != self.problem:
            log.warning("not publishing: %s; what is committed goes out later", problem)
        self.problem = problem


async def _listen(connection: Connection) -> None:
    async for _ in connection.messages():
        pass


async def _farewell(session: Session) -> None:
    try:
        async with asyncio.timeout(FAREWELL):
            await session.say_goodbye()
    except (BrokerError, StoreError, TimeoutError) as problem:
        log.info("no farewell to the broker: %s", problem)


async def _first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Run together until one ends; then end the others, and raise what the first raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
