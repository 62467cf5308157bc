"""An error that nobody foresaw, over a real broker: nobody takes a relay that is down for there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.model.backoff import Backoff
from kammerton.publish import connect
from kammerton.publish.unforeseen import Unforeseen
from kammerton.store import Store
from tests.brokers import BrokerProcess
from tests.system.test_publish import TOPICS, at, needs_mosquitto, relaying, until

pytestmark = needs_mosquitto
PAUSE = 2.0


async def retained(broker: Broker) -> str:
    """Return the status that a late joiner hears."""
    async with asyncio.timeout(10), connect(broker) as connection:
        await connection.subscribe(TOPICS.status)
        async for message in connection.messages():
            return str(json.loads(message.payload)["status"])
    raise AssertionError


@pytest.mark.parametrize("ends_while_down", [True, False])
@pytest.mark.parametrize("error", [ValueError(), BrokerError("a war", refused=True)], ids=repr)
def test_who_joins_while_publishing_has_stopped_hears_that_nobody_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, ends_while_down: bool
) -> None:
    process = BrokerProcess(tmp_path)

    async def scenario(store: Store) -> None:
        broker, stopped = at(process), asyncio.Event()

        async def broken(*_: object) -> bool:
            stopped.set()
            raise error

        async with relaying(store, broker) as relay:
            relay.slow = PAUSE
            relay.unforeseen = Unforeseen(store, relay.alarms.tell, Backoff(PAUSE, PAUSE))
            await relay.drained()
            assert await retained(broker) == "online"
            with monkeypatch.context() as meanwhile:
                meanwhile.setattr("kammerton.publish.session.Session.insist", broken)
                await asyncio.wait_for(stopped.wait(), 10)
                await until(lambda: relay.problem is not None, "the relay is down")
                await asyncio.sleep(PAUSE / 4)
                assert await retained(broker) == "offline"
            if not ends_while_down:
                async with asyncio.timeout(20):
                    await relay.drained()
                assert await retained(broker) == "online"
        assert await retained(broker) == "offline"

    process.start()
    try:
        with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
            asyncio.run(scenario(store))
    finally:
        process.kill()
