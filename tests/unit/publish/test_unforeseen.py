"""What nobody foresaw ends a connection, is told, and never ends publishing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kammerton.lab import Broker
from kammerton.model import BrokerError, StoreUnavailable
from kammerton.model.alarm import Alarm
from kammerton.model.backoff import Backoff
from kammerton.publish import Alarms, Message, Relay, Will, mqtt
from kammerton.publish.patience import Patience
from kammerton.publish.unforeseen import Unforeseen
from kammerton.store import Store
from tests.stored import estimate, run
from tests.unit.publish.test_relay import TOPICS, Wire, relay_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "db.sqlite", "c") as opened:
        yield opened


class Leaving(Wire):
    """It notes what each connection was left by."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[str] = []

    @asynccontextmanager
    async def connect(
        self, broker: Broker, will: Will | None = None, patience: Patience | None = None
    ) -> AsyncIterator[Wire]:
        try:
            async with super().connect(broker, will, patience) as wire:
                yield wire
        except BaseException as error:
            self.left.append(type(error).__name__)
            raise


def soon(store: Store, wire: Wire, told: list[Alarm], **more: object) -> Relay:
    """Return a relay that does not wait for minutes."""
    relay = relay_of(store, wire, alarm=told.append, **more)
    relay.unforeseen = Unforeseen(store, told.append, Backoff(0.001, 0.002), well=0.1)
    return relay


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(20):
            yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), "the cancellation passes"


async def until(so: Callable[[], object]) -> None:
    while not so():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def broken(*errors: BaseException, then: Callable[[], object]) -> Callable[[], object]:
    """Raise these one after the other, and then do as before."""
    left = list(errors)

    def call() -> object:
        if left:
            raise left.pop(0)
        return then()

    return call


def stands(store: Store) -> list[tuple[str, str]]:
    return [(row.new, row.why) for row in reversed(store.log(what="publishing"))]


def test_publishing_begins_anew_and_says_so_and_that_it_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kammerton.publish.relay.POLL", 0.02)
    errors = [ValueError("one"), ValueError("one"), KeyError("two")]
    monkeypatch.setattr(store, "waiting", broken(*errors, then=store.waiting))
    store.commit(run(), {"q0.t1": estimate()})
    told: list[Alarm] = []

    async def scenario() -> None:
        wire = Leaving()
        relay = soon(store, wire, told)
        async with running(relay):
            await relay.drained()
            assert wire.revisions(TOPICS.delta) == [1], "what was committed goes out later"
            await until(lambda: len(stands(store)) > 1)  # told before it is written
        assert wire.left == ["ValueError", "ValueError", "KeyError", "CancelledError"]

    asyncio.run(scenario())
    texts = [a.text for a in told if a.on and a.kind == "publishing"]
    assert texts == [
        f"publishing has stopped, and begins anew: {words}"
        for words in ("ValueError: one", "ValueError: one", "KeyError: 'two'")
    ]
    assert not told[-1].on
    assert stands(store) == [("stopped", "ValueError: one"), ("goes on", "publishing goes on")]
    tracebacks = [r for r in caplog.records if r.levelno == logging.ERROR and r.exc_info]
    assert len(tracebacks) == 2, "the same is not written again and again"


def test_its_alarm_gets_out_though_nothing_else_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.publish.alarms.GROUP", 0.0)
    alarms = Alarms()

    def poisoned() -> None:
        raise ValueError("a value that is none")

    async def scenario() -> None:
        wire = Wire()
        relay = relay_of(store, wire, alarms=alarms)
        relay.unforeseen = Unforeseen(store, alarms.tell, Backoff(0.001, 0.002))
        async with running(relay):
            await until(lambda: TOPICS.alarm in [topic for topic, _, _ in wire.sent])
        said = next(document for topic, document, _ in wire.sent if topic == TOPICS.alarm)
        assert (said["kind"], said["on"], said["subjects"]) == ("publishing", True, ["c"])

    monkeypatch.setattr(store, "waiting", poisoned)
    asyncio.run(scenario())


def test_a_task_that_a_stranger_cancels_does_not_end_publishing(store: Store) -> None:
    class Cancelled(Wire):
        async def messages(self) -> AsyncIterator[Message]:
            if self.connected == 1:
                raise asyncio.CancelledError
            async for message in super().messages():
                yield message

    async def scenario() -> None:
        wire, told = Cancelled(), list[Alarm]()
        relay = soon(store, wire, told)
        async with running(relay):
            await until(lambda: wire.connected == 2)
            await relay.drained()
        assert "Relay._listen was cancelled, and not by its relay" in told[0].text

    asyncio.run(scenario())


def test_who_is_told_to_end_meanwhile_ends(store: Store) -> None:
    """The error comes up while the cancelled task says its farewell."""

    async def scenario() -> None:
        wire, told = Leaving(), list[Alarm]()
        relay = soon(store, wire, told, outputs=broken(ValueError("no words"), then=str))
        async with running(relay):
            await relay.drained()
        assert wire.left == ["ValueError"], "the last will must say it"
        assert [a for a in told if a.on] == []

    asyncio.run(scenario())


@pytest.mark.parametrize("breaks", [True, False])
def test_a_farewell_that_was_not_said_is_left_to_the_last_will(store: Store, breaks: bool) -> None:
    async def scenario() -> None:
        wire = Leaving()
        relay = soon(store, wire, [])
        async with running(relay):
            await relay.drained()
            wire.fails = lambda topic, n: breaks and topic == TOPICS.status
        assert wire.left == ["BrokerError" if breaks else "CancelledError"]

    asyncio.run(scenario())


def test_pauses_grow_and_start_anew_after_a_steady_attempt(store: Store) -> None:
    now = [0.0]
    backoff = Backoff(1.0, 8.0, steady=60.0, monotonic=lambda: now[0])
    unforeseen = Unforeseen(store, lambda _: None, backoff, monotonic=lambda: now[0])

    async def paused(after: float) -> float:
        unforeseen.begin()
        now[0] += after
        return await unforeseen.met(ValueError("again"))

    pauses = [asyncio.run(paused(after)) for after in (1.0, 59.0, 1.0, 1.0, 1.0, 60.0)]
    for pause, bound in zip(pauses, [1, 2, 4, 8, 8, 1], strict=True):
        assert bound / 2 <= pause <= bound


def test_a_process_after_it_says_that_it_is_over_and_only_then(store: Store) -> None:
    store.audit("the daemon", "publishing", "", "stopped", "ValueError: one")
    told, now = list[Alarm](), [0.0]
    backoff = Backoff(monotonic=lambda: now[0])
    unforeseen = Unforeseen(store, told.append, backoff, monotonic=lambda: now[0])
    unforeseen.begin()
    for now[0] in (0.0, 59.0, 61.0, 62.0):
        asyncio.run(unforeseen.gone_on())
        assert len(told) == (now[0] > 60)
    assert [(a.kind, a.on, a.earlier) for a in told] == [("publishing", False, True)]
    assert stands(store)[-1][0] == "goes on"


def test_what_cannot_be_written_is_written_with_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    unforeseen = Unforeseen(store, lambda _: None)
    audit = store.audit

    def full(*_: object) -> None:
        raise StoreUnavailable("no space left on device")

    monkeypatch.setattr(store, "audit", full)
    asyncio.run(unforeseen.met(ValueError("one")))
    monkeypatch.setattr(store, "audit", audit)
    asyncio.run(unforeseen.met(ValueError("two")))
    assert stands(store) == [("stopped", "ValueError: two")]


def test_that_it_is_over_is_told_once_also_where_the_database_was_away_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Alarm] = []
    unforeseen = Unforeseen(store, told.append, well=0.0)

    def away(*_: object) -> None:
        raise StoreUnavailable("the server said nothing")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(store, "audit", away)
        meanwhile.setattr(store, "log", away)
        asyncio.run(unforeseen.met(ValueError("one")))
        asyncio.run(unforeseen.gone_on())
    for _ in range(3):
        asyncio.run(unforeseen.gone_on())
    assert [each.on for each in told] == [True, False]


@pytest.mark.parametrize(
    ("end", "said"),
    [(None, True), (asyncio.CancelledError(), True), (ValueError(), False), (BrokerError(), False)],
    ids=["in order", "cancelled", "unforeseen", "broken"],
)
def test_an_error_leaves_the_broker_without_a_farewell_so_that_the_last_will_is_said(
    end: BaseException | None, said: bool
) -> None:
    heard, served = bytearray(), list[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        while data := await reader.read(1000):
            heard.extend(data)
            if data[0] == 0x10:  # CONNECT
                writer.write(b"\x20\x02\0\0")
        writer.close()
        gone.set()

    async def scenario() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with contextlib.suppress(asyncio.CancelledError, ValueError, BrokerError):
                async with mqtt.connect(Broker("127.0.0.1", port), Will("status", b"offline")):
                    if end is not None:
                        raise end
            assert asyncio.all_tasks() <= {asyncio.current_task(), *served}, "none left behind"
            await asyncio.wait_for(gone.wait(), 10)

    gone = asyncio.Event()
    asyncio.run(scenario())
    assert b"offline" in heard
    assert heard.endswith(b"\xe0\0") == said  # DISCONNECT


def test_an_alarm_of_it_says_what_to_do() -> None:
    assert "traceback" in json.dumps(Alarm("publishing", "c", "stopped").what_to_do)
