"""Rows B2 to B7: a broker that dies, hangs, loses acknowledgements, or holds what others wrote.

With the daemon's and the subscribers' own times. T_det is until it said, each time, that it does
not publish, or what was wrong: of a line that is only slow, and of a subscriber's, it says nothing,
and of what is over in half a second it need not. T_rec is from the broker's return until every
subscriber, one from the start and one that joins then, equals the database; the fault on a line is
one between daemon and broker or, where it says so, between subscriber and broker. Lost: times that
a subscriber did not hold the database's head within 15 s. Wrong: whether a value went back or was
applied twice. Stuck: times that it took longer than 5 s.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kammerton.client import Subscriber
from kammerton.client.follower import Update
from kammerton.lab import Broker
from kammerton.model.alarm import Alarm
from kammerton.publish import connect
from kammerton.publish.mirror import MINUTE, WAR
from kammerton.store import Store
from tests.brokers import MOSQUITTO, BrokerProcess
from tests.prove.frame import Row, proof
from tests.prove.measuring_on import measuring_on
from tests.proxy import Bandwidth, Blackhole, Fault, FlakyConnect, HalfOpen, Proxy, Swallow
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
BOUND = 5.0
EVERY = 5.0
MINUTES = 180.0


class Said(logging.Handler):
    """The s from each fault until the relay had a word of it: that it does not publish, or why."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.took: list[float | None] = []
        self._began = 0.0

    def begin(self) -> None:
        self._began = time.time()
        self.took.append(None)

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("not publishing: "):
            self._note()

    def hear(self, alarm: Alarm) -> None:
        """Take an alarm, each time: the log has one that comes again within a minute once."""
        if alarm.on:
            self._note()

    def _note(self) -> None:
        if self.took and self.took[-1] is None:
            self.took[-1] = time.time() - self._began

    def longest(self) -> float | None:
        """Return the longest; None where it had no word of one of them."""
        told = [took for took in self.took if took is not None]
        return max(told) if told and len(told) == len(self.took) else None


@contextmanager
def _listening() -> Iterator[Said]:
    log, said = logging.getLogger("kammerton.publish.relay"), Said()
    log.addHandler(said)
    try:
        yield said
    finally:
        log.removeHandler(said)


@dataclass
class Stage:
    """A store, its broker, and the proxies through which daemon and subscriber speak to it."""

    store: Store
    process: BrokerProcess
    proxy: Proxy
    ear: Proxy
    away: float
    consumer: Subscriber
    updates: list[Update]
    said: Said
    count: int = 0

    async def stay(self) -> None:
        """Wait as long as it lasts; a result comes every 5 s."""
        until = time.monotonic() + self.away
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(EVERY, left))
            await self.commit(int(left > EVERY))

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
    stage.said.begin()
    stage.process.kill()
    await stage.commit(3)
    await stage.stay()
    await asyncio.to_thread(stage.process.start)


async def _stopped(stage: Stage) -> None:
    await stage.commit(2)
    stage.said.begin()
    stage.process.signal(signal.SIGSTOP)
    await stage.commit(3)
    await stage.stay()
    stage.process.signal(signal.SIGCONT)


async def _rogue(stage: Stage) -> None:
    """Retain another's snapshot; as seldom as no war over the name is, for which it would stop."""
    await asyncio.sleep(MINUTE / (WAR - 1))
    async with connect(at(stage.process)) as other:
        stage.said.begin()
        await other.publish(TOPICS.snapshot, snapshot_of(stage.store.epoch, 0), retain=True)
    await stage.commit(1)


def _on_the_line(
    fault: Fault, *, ear: bool = False, lasts: bool = False
) -> Callable[[Stage], Awaitable[None]]:
    """Put a fault on the daemon's line or the subscriber's, for half a second or for `away`."""

    async def strike(stage: Stage) -> None:
        proxy = stage.ear if ear else stage.proxy
        hits = proxy.hits
        stage.said.begin()
        proxy.put(fault)
        await stage.commit(5)
        await (stage.stay() if lasts else asyncio.sleep(0.5))
        async with asyncio.timeout(60):  # a fault that meets nothing proves nothing
            while proxy.hits == hits:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        proxy.clear()

    return strike


STRIKES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "B4 broker killed with what it retained": _killed,
    "B3 broker stands still": _stopped,
    "B1 broker refuses connections": _on_the_line(FlakyConnect(share=1.0), lasts=True),
    "B2 acknowledgements lost": _on_the_line(Swallow(count=2)),
    "B3 half-open": _on_the_line(HalfOpen()),
    "B3 black hole, half a second": _on_the_line(Blackhole()),
    "B3 black hole": _on_the_line(Blackhole(), lasts=True),
    "B3 10 kB/s": _on_the_line(Bandwidth(rate=1e4), lasts=True),
    "B3 half-open, each new connection too": _on_the_line(HalfOpen(count=None), lasts=True),
    "B3 half-open to a subscriber": _on_the_line(HalfOpen(), ear=True),
    "B3 black hole before a subscriber": _on_the_line(Blackhole(), ear=True, lasts=True),
    "B7 an older snapshot retained by somebody else": _rogue,
}


LONG = (
    "B4 broker killed with what it retained",
    "B3 broker stands still",
    "B1 broker refuses connections",
    "B3 black hole",
    "B3 black hole before a subscriber",
    "B3 10 kB/s",
    "B3 half-open, each new connection too",
)


async def _prove(
    folder: Path, times: int, aways: Sequence[float], titles: Sequence[str] = tuple(STRIKES)
) -> list[Row]:
    process = BrokerProcess(folder)
    process.start()
    try:
        with (
            Store.open(folder / "db.sqlite", "two-qubits") as store,
            Proxy(process.port) as proxy,
            Proxy(process.port) as ear,
            _listening() as said,
        ):
            broker, heard = (Broker("127.0.0.1", each.port) for each in (proxy, ear))
            async with (
                counting(heard, shipped=True) as (consumer, updates),
                relaying(store, broker, shipped=True, alarm=said.hear),
            ):
                stage = Stage(store, process, proxy, ear, 0.0, consumer, updates, said)
                await stage.commit(2)
                return [
                    await _repeated(stage, title, STRIKES[title], times, aways) for title in titles
                ]
    finally:
        process.kill()


async def _repeated(
    stage: Stage,
    title: str,
    strike: Callable[[Stage], Awaitable[None]],
    times: int,
    aways: Sequence[float],
) -> Row:
    stage.said.took.clear()
    took: list[float | None] = []
    for n in range(times):
        stage.away = aways[n % len(aways)]
        await strike(stage)
        took.append(await stage.settled())
    never = took.count(None)
    longest = max((t for t in took if t is not None), default=None)
    late = sum(t is None or t > BOUND for t in took)
    back = not never_back(stage.updates)
    return Row(title, times, stage.said.longest(), longest, lost=never, wrong=int(back), stuck=late)


@proof("broker")
def broker(quick: bool) -> Iterator[Row]:
    """Do every harm to the broker; quick: twice each for 3 s, otherwise thirty times up to 60 s."""
    if MOSQUITTO is None:
        raise RuntimeError("this proof needs Mosquitto")
    with TemporaryDirectory() as folder:
        times, aways = (2, [3.0]) if quick else (30, [*[1.0, 3.0, 7.0] * 3, 60.0])
        yield from asyncio.run(_prove(Path(folder), times, aways))


@proof("broker-minutes")
def broker_minutes(quick: bool) -> Iterator[Row]:
    """Keep the broker away for minutes, with results all the while; quick: for seconds, once.

    The last rows are of a whole process that measures in a laboratory; see measuring_on.
    """
    if MOSQUITTO is None:
        raise RuntimeError("this proof needs Mosquitto")
    away, times = (7.0, 1) if quick else (MINUTES, 3)
    with TemporaryDirectory() as folder:
        for row in asyncio.run(_prove(Path(folder), times, [away], LONG)):
            yield replace(row, fault=f"{row.fault}, {away:.0f} s, a result every {EVERY:.0f} s")
    with TemporaryDirectory() as folder:
        yield from measuring_on(Path(folder), away)
