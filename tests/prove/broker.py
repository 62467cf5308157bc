"""Rows B2 to B7: a broker that dies, hangs, loses acknowledgements, or holds what others wrote.

Lost: times that a subscriber did not hold the database's head in the end. Wrong: times that a value
went back or was applied twice. Stuck: times that this took longer than 15 s. T_rec is from the
broker's return until every subscriber, one from the start and one that joins then, equals the
database. The daemon's MQTT client waits 1 s for an acknowledgement here and pings every 2 s (10 and
15 otherwise), which is what a line that dies without a word costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from kammerton.client import Subscriber
from kammerton.client.follower import Update
from kammerton.lab import Broker
from kammerton.publish import connect
from kammerton.store import Store
from tests.brokers import MOSQUITTO, BrokerProcess
from tests.prove.frame import Row, proof
from tests.proxy import Blackhole, HalfOpen, Proxy, Swallow
from tests.system.test_broker_faults import counting, never_back, snapshot_of
from tests.system.test_publish import (
    TOPICS,
    as_heard,
    as_published,
    at,
    commit,
    following,
    relaying,
)

PATIENCE = 15.0


@dataclass
class Stage:
    """A store, its broker, and the proxy through which the daemon speaks to it."""

    store: Store
    process: BrokerProcess
    proxy: Proxy
    consumer: Subscriber
    updates: list[Update]
    count: int = 0

    async def commit(self, times: int) -> None:
        for _ in range(times):
            self.count += 1
            await asyncio.to_thread(commit, self.store, float(self.count), "q0.t1", "q1.t1")
            await asyncio.sleep(0.03)

    def equal(self, subscriber: Subscriber) -> bool:
        return as_heard(subscriber) == as_published(self.store)

    async def settled(self) -> float | None:
        """Return the seconds until both subscribers equal the database; None: never."""
        began = time.monotonic()
        async with following(at(self.process)) as late:
            while time.monotonic() - began < PATIENCE:
                if self.equal(self.consumer) and self.equal(late):
                    return time.monotonic() - began
                await asyncio.sleep(0.01)
        return None


async def _killed(stage: Stage) -> None:
    await stage.commit(2)
    stage.process.kill()
    await stage.commit(3)
    await asyncio.to_thread(stage.process.start)


async def _rogue(stage: Stage) -> None:
    async with connect(at(stage.process)) as other:
        await other.publish(TOPICS.snapshot, snapshot_of(stage.store.epoch, 0), retain=True)
    await stage.commit(1)


def _on_the_line(fault: HalfOpen | Swallow | Blackhole) -> Callable[[Stage], Awaitable[None]]:
    async def strike(stage: Stage) -> None:
        stage.proxy.put(fault)
        await stage.commit(5)
        await asyncio.sleep(0.5)
        stage.proxy.clear()

    return strike


STRIKES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "B4 broker killed with what it retained": _killed,
    "B2 acknowledgements lost": _on_the_line(Swallow(count=2)),
    "B3 half-open": _on_the_line(HalfOpen()),
    "B3 black hole": _on_the_line(Blackhole()),
    "B7 an older snapshot retained by somebody else": _rogue,
}


async def _prove(folder: Path, times: int) -> list[Row]:
    process = BrokerProcess(folder)
    process.start()
    rows = []
    try:
        with Store.open(folder / "db.sqlite", "two-qubits") as store, Proxy(process.port) as proxy:
            broker = Broker("127.0.0.1", proxy.port)
            async with counting(at(process)) as (consumer, updates), relaying(store, broker):
                stage = Stage(store, process, proxy, consumer, updates)
                await stage.commit(2)
                for title, strike in STRIKES.items():
                    rows.append(await _repeated(stage, title, strike, times))
    finally:
        process.kill()
    return rows


async def _repeated(
    stage: Stage, title: str, strike: Callable[[Stage], Awaitable[None]], times: int
) -> Row:
    took: list[float | None] = []
    for _ in range(times):
        await strike(stage)
        took.append(await stage.settled())
    never = took.count(None)
    longest = max((t for t in took if t is not None), default=None)
    back = not never_back(stage.updates)
    return Row(title, times, t_rec=longest, lost=never, wrong=int(back), stuck=never)


@proof("broker")
def broker(quick: bool) -> Iterator[Row]:
    """Do every harm to the broker; quick: three times each, otherwise thirty."""
    if MOSQUITTO is None:
        raise RuntimeError("this proof needs Mosquitto")
    with (
        TemporaryDirectory() as folder,
        patch("kammerton.publish.mqtt.TIMEOUT", 1.0),
        patch("kammerton.publish.mqtt.KEEPALIVE", 2),
    ):
        yield from asyncio.run(_prove(Path(folder), 3 if quick else 30))
