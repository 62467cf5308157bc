"""The relay with a connection that fails where we want it to."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import random
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kammerton.client.follower import Follower
from kammerton.lab import Broker
from kammerton.model import BrokerError, StoreError, StoreUnavailable
from kammerton.model.alarm import Alarm
from kammerton.model.backoff import Backoff, pass_cancellation
from kammerton.publish import Alarms, Message, Relay, Topics, Will, mqtt, payloads, received
from kammerton.publish.patience import Patience
from kammerton.store import Snapshot, Store, backup
from tests.stored import NOON, estimate, run

TOPICS = Topics("c")
BROKER = Broker("nowhere", 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "db.sqlite", "c", note="simulated") as opened:
        yield opened


class Wire:
    """A connection of our own. `fails(topic, n)` says whether the n-th publish breaks it."""

    def __init__(self, fails: Callable[[str, int], bool] = lambda topic, n: False) -> None:
        self.fails = fails
        self.sent: list[tuple[str, dict, bool]] = []
        self.will: Will | None = None
        self.connected = 0
        self.dead = asyncio.Event()
        self.error_at_close = False
        self.echoes = True
        self.retained: bytes | None = None

    @contextlib.asynccontextmanager
    async def connect(
        self, broker: Broker, will: Will | None = None, patience: Patience | None = None
    ) -> AsyncIterator[Wire]:
        self.will = will
        self.connected += 1
        self.dead.clear()
        try:
            yield self
        finally:
            if self.error_at_close:
                raise BrokerError("broke while closing")

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await asyncio.sleep(0)
        self.sent.append((topic, json.loads(payload or b"null"), retain))
        if self.fails(topic, len(self.sent)):
            raise BrokerError("no acknowledgement")

    async def subscribe(self, *topics: str) -> None:
        self.heard_of = topics

    async def messages(self) -> AsyncIterator[Message]:
        said = 0
        if self.retained is not None and self.connected == 1:
            yield Message(TOPICS.snapshot, self.retained, retained=True)
        while not self.dead.is_set():
            for topic, document, _ in self.sent[said:]:
                if self.echoes and topic in (TOPICS.snapshot, TOPICS.status):
                    yield Message(topic, json.dumps(document).encode())
            said = len(self.sent)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.dead.wait(), 0.005)
        raise BrokerError("gone")

    def topics(self) -> list[str]:
        return [topic.removeprefix("kammerton/v1/c/") for topic, _, _ in self.sent]

    def revisions(self, topic: str) -> list[int]:
        return [document["revision"] for sent, document, _ in self.sent if sent == topic]


class Waiting(Wire):
    """It notes how long each connection would wait for an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    @contextlib.asynccontextmanager
    async def connect(
        self, broker: Broker, will: Will | None = None, patience: Patience | None = None
    ) -> AsyncIterator[Wire]:
        assert patience is not None
        self.waited.append(patience.seconds)
        async with super().connect(broker, will, patience) as wire:
            yield wire


def relay_of(store: Store, wire: Wire, **more: object) -> Relay:
    return Relay(store, BROKER, connect=wire.connect, backoff=Backoff(0.001, 0.002), **more)


async def relayed(relay: Relay) -> None:
    """Run until everything is handed over, then stop."""
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(10):
            await relay.drained()
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_the_order_on_a_connection(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire()
        store.commit(run(), {"q0.t1": estimate()})
        store.commit(run(), {})
        await relayed(relay_of(store, wire))
        assert wire.topics() == [
            "status", "snapshot", "param/q0/t1",
            "run", "delta", "param/q0/t1", "run", "status",
        ]  # fmt: skip
        retained = {topic for topic, _, retain in wire.sent if retain}
        assert retained == {TOPICS.status, TOPICS.snapshot, TOPICS.parameter("q0.t1")}
        assert [wire.sent[0][1]["status"], wire.sent[-1][1]["status"]] == ["online", "offline"]
        assert wire.will is not None
        assert wire.will.topic == TOPICS.status
        will = json.loads(wire.will.payload)
        assert (will["status"], will["revision"]) == ("offline", None)
        assert will["outputs"] == "not known to be off", "nobody has said that they are off"
        assert {said["note"] for said in (will, *(each for _, each, _ in wire.sent))} == {
            "simulated"
        }
        for _, sealed, _ in (wire.sent[1], wire.sent[4]):
            assert received.parameter_set(json.dumps(sealed).encode()).parameters.keys() == {
                "q0.t1"
            }
        assert all(each["epoch"] == store.epoch for _, each, _ in wire.sent)

    asyncio.run(scenario())


def test_a_last_will_that_comes_late_is_contradicted(store: Store) -> None:
    """A broker that never saw an old connection end says "offline" long after the new one began."""

    class Late(Wire):
        async def messages(self) -> AsyncIterator[Message]:
            while "snapshot" not in self.topics():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            assert self.will is not None
            yield Message(TOPICS.status, self.will.payload)
            async for message in super().messages():
                yield message

    async def scenario() -> None:
        wire = Late()
        task = asyncio.create_task(relay_of(store, wire).run())
        async with asyncio.timeout(10):
            while wire.topics().count("status") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        said = [(document["status"], retain) for topic, document, retain in wire.sent
                if topic == TOPICS.status]  # fmt: skip
        assert said == [("online", True), ("online", True), ("offline", True)]

    asyncio.run(scenario())


def test_who_answers_each_online_with_offline_is_contradicted_seldom_and_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a bridge: without a limit both sides would publish as fast as they can."""
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.1)
    told: list[Alarm] = []

    class Denying(Wire):
        async def messages(self) -> AsyncIterator[Message]:
            answered = 0
            while True:
                if self.topics().count("status") > answered:
                    answered += 1
                    assert self.will is not None
                    yield Message(TOPICS.status, self.will.payload)
                await asyncio.sleep(0.001)

    async def scenario() -> None:
        wire = Denying()
        task = asyncio.create_task(relay_of(store, wire, alarm=told.append).run())
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(10):
            while not any(a.on and "offline" in a.text for a in told):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        passed = asyncio.get_running_loop().time() - began
        task.cancel()
        await asyncio.wait([task])
        said = [d["status"] for topic, d, _ in wire.sent if topic == TOPICS.status].count("online")
        assert 5 <= said <= 2 + passed / 0.1
        assert {a.kind for a in told if a.on} == {"retained"}

    asyncio.run(scenario())


def test_the_status_is_repeated_for_who_came_after_it_was_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.publish.session.STATUS_EVERY", 0.05)
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.01)
    monkeypatch.setattr("kammerton.publish.relay.POLL", 0.01)

    async def scenario() -> None:
        wire = Wire()
        task = asyncio.create_task(relay_of(store, wire).run())
        async with asyncio.timeout(10):
            while wire.topics().count("status") < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert wire.topics().count("snapshot") == 1
        assert [d["status"] for t, d, _ in wire.sent if t == TOPICS.status][:4] == ["online"] * 4

    asyncio.run(scenario())


def test_r7_the_status_says_which_boxes_are_ours_and_at_once_where_that_changes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.publish.relay.POLL", 0.01)
    mine = {"maker box serial 7"}

    async def scenario() -> None:
        wire = Wire()
        task = asyncio.create_task(relay_of(store, wire, boxes=lambda: mine).run())
        async with asyncio.timeout(10):
            while wire.topics().count("status") < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            mine.clear()
            while wire.topics().count("status") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            mine.add("maker box serial 8")
            while wire.topics().count("status") < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        said = [d for t, d, _ in wire.sent if t == TOPICS.status]
        assert [(d["status"], d.get("boxes")) for d in said] == [
            ("online", ["maker box serial 7"]), ("online", None),
            ("online", ["maker box serial 8"]), ("offline", None),
        ]  # fmt: skip

    asyncio.run(scenario())


def test_the_retained_status_follows_the_revision(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire()
        relay = relay_of(store, wire)
        task = asyncio.create_task(relay.run())
        async with asyncio.timeout(10):
            await relay.drained()
            store.commit(run(), {"q0.t1": estimate()})
            await relay.drained()
        said = [d for topic, d, retain in wire.sent if topic == TOPICS.status and retain]
        assert [(each["status"], each["revision"]) for each in said] == [
            ("online", 0), ("online", 1),
        ]  # fmt: skip
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_r8_a_daemon_in_safe_mode_says_so(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire()
        await relayed(relay_of(store, wire, word="safe mode"))
        said = [document for topic, document, _ in wire.sent if topic == TOPICS.status]
        assert [each["status"] for each in said] == ["safe mode", "offline"]
        assert received.status(json.dumps(said[0]).encode()).status == "safe mode"

    asyncio.run(scenario())


def test_parameter_topics_can_be_switched_off(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire()
        store.commit(run(), {"q0.t1": estimate()})
        await relayed(relay_of(store, wire, parameters=False))
        assert wire.topics() == ["status", "snapshot", "run", "delta", "status"]

    asyncio.run(scenario())


def test_an_older_value_never_follows_a_newer_one(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire()
        store.commit(run(), {"q0.t1": estimate(1.0), "q1.t1": estimate(1.0)})
        store.commit(run(), {"q0.t1": estimate(2.0)})
        await relayed(relay_of(store, wire))
        assert wire.revisions(TOPICS.delta) == [1, 2]
        assert wire.revisions(TOPICS.parameter("q0.t1")) == [2, 2]
        assert wire.revisions(TOPICS.parameter("q1.t1")) == [1, 1]

    asyncio.run(scenario())


def test_what_was_not_acknowledged_is_sent_again(store: Store) -> None:
    async def scenario() -> None:
        once = iter([True])
        wire = Wire(lambda topic, n: topic == TOPICS.delta and next(once, False))
        for _ in range(3):
            store.commit(run(), {"q0.t1": estimate()})
        await relayed(relay_of(store, wire))
        assert wire.connected == 2
        assert wire.revisions(TOPICS.delta) == [1, 1, 2, 3]
        assert store.backlog() == 0

    asyncio.run(scenario())


def test_every_single_failure_still_ends_with_everything_sent(store: Store) -> None:
    async def scenario() -> None:
        for _ in range(2):
            store.commit(run(), {"q0.t1": estimate()})
        handed = [each.number for each in store.waiting()]
        for broken in range(1, 11):
            with store._write() as connection:
                connection.exec_driver_sql("UPDATE outbox SET sent = NULL")
            assert [each.number for each in store.waiting()] == handed
            wire = Wire(lambda _, n, broken=broken: n == broken)
            await relayed(relay_of(store, wire))
            deltas = wire.revisions(TOPICS.delta)
            assert store.backlog() == 0
            assert sorted(set(deltas)) == [1, 2]
            assert deltas == sorted(deltas)

    asyncio.run(scenario())


@pytest.mark.parametrize("breaks", [2, 3, 4])
def test_what_a_restore_took_away_is_taken_back_also_where_the_line_breaks_in_between(
    store: Store, monkeypatch: pytest.MonkeyPatch, breaks: int
) -> None:
    """And before the new set replaces the one that tells the names, should the process end."""

    async def scenario() -> None:
        gone = [f"q{k}.t1" for k in range(1, 4)]
        store.commit(run(), {name: estimate() for name in ("q0.t1", *gone)})
        head = store.snapshot()
        wire = Wire(lambda topic, n: n == breaks)
        wire.retained = payloads.encode(payloads.snapshot(head, NOON, "simulated"))
        present = {"q0.t1": head.parameters["q0.t1"]}
        monkeypatch.setattr(
            store, "snapshot", lambda: dataclasses.replace(head, parameters=present)
        )
        monkeypatch.setattr(store, "waiting", list)
        await relayed(relay_of(store, wire))
        acknowledged = [sent for n, sent in enumerate(wire.sent, 1) if n != breaks]
        assert {topic for topic, said, _ in acknowledged if said is None} == {
            TOPICS.parameter(name) for name in gone
        }
        assert wire.topics()[1] == "param/q1/t1"

    asyncio.run(scenario())


def test_what_another_database_publishes_is_not_taken_back(store: Store) -> None:
    """A second daemon of the same computer, perhaps: its values are its own."""

    async def scenario() -> None:
        store.commit(run(), {"q0.t1": estimate()})
        theirs = dataclasses.replace(store.snapshot(), epoch="another")
        more = theirs.parameters | {"q1.t1": theirs.parameters["q0.t1"]}
        wire = Wire()
        wire.retained = payloads.encode(
            payloads.snapshot(dataclasses.replace(theirs, parameters=more), NOON, "simulated")
        )
        await relayed(relay_of(store, wire))
        assert not [topic for topic, said, _ in wire.sent if said is None]

    asyncio.run(scenario())


def test_what_a_broker_acknowledged_and_told_nobody_is_published_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose rights forbid it: when they are mended no connection begins anew."""
    monkeypatch.setattr("kammerton.publish.mirror.PATIENCE", 0.1)
    wire, told = Wire(), list[Alarm]()
    wire.echoes = False

    def over() -> bool:
        return any(not each.on and each.kind == "retained" for each in told)

    async def scenario() -> None:
        task = asyncio.create_task(relay_of(store, wire, alarm=told.append).run())
        async with asyncio.timeout(10):
            while not any(each.on and each.kind == "retained" for each in told):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            told.clear()
            forbidden, wire.echoes = len(wire.sent), True
            while not over():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert TOPICS.snapshot in [topic for topic, _, _ in wire.sent[forbidden:]]
        assert wire.connected == 1
        task.cancel()
        await asyncio.wait([task])

    store.commit(run(), {"q0.t1": estimate()})
    asyncio.run(scenario())


def test_what_others_call_themselves_makes_no_line_of_the_log(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may publish could write there what they like, and as much."""
    name = "x\x1b[2J\nE all outputs are off " + "!" * 10_000

    class Other(Wire):
        async def messages(self) -> AsyncIterator[Message]:
            head = payloads.snapshot(await asyncio.to_thread(store.snapshot), NOON)
            said = payloads.status(store.snapshot(), "online", NOON)
            yield Message(TOPICS.status, payloads.encode({**said, "instance": name}))
            while "snapshot" not in self.topics():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            yield Message(TOPICS.snapshot, payloads.encode({**head, "epoch": name}))
            async for message in super().messages():
                yield message

    store.commit(run(), {"q0.t1": estimate()})
    asyncio.run(relayed(relay_of(store, Other())))
    lines = [r.getMessage() for r in caplog.records if "all outputs are off" in r.getMessage()]
    assert len(lines) == 2
    for line in lines:
        assert "x\\x1b[2J E all outputs are off" in line
        assert len(line) < 500


def test_a_database_that_is_put_back_while_it_is_published_begins_a_new_epoch(
    store: Store, tmp_path: Path
) -> None:
    """As a server's that lost its last transactions; the broker shows the relay nothing old."""
    wire, saved, told = Wire(), tmp_path / "saved.sqlite", list[Alarm]()
    wire.echoes = False

    async def scenario() -> None:
        relay = relay_of(store, wire, alarm=told.append)
        task = asyncio.create_task(relay.run())
        async with asyncio.timeout(10):
            await relay.drained()
            put_back(saved, store.path)
            while wire.connected < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            store.commit(run(), {"q0.t1": estimate(9.0)})
            while wire.revisions(TOPICS.snapshot)[-1] != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])

    store.commit(run(), {"q0.t1": estimate(1.0)})
    backup.copy(store.path, saved)
    for value in (2.0, 3.0):
        store.commit(run(), {"q0.t1": estimate(value)})
    asyncio.run(scenario())
    follower = followed(wire)
    assert follower.parameters["q0.t1"].value == 9.0
    assert (follower.epoch, follower.revision) == (store.epoch, 2)
    assert [each for each in told if "A new epoch begins" in each.text]


def put_back(saved: Path, path: Path) -> None:
    """Put a copy in the place of a database that is open, as nobody should."""
    with (
        contextlib.closing(sqlite3.connect(saved)) as old,
        contextlib.closing(sqlite3.connect(path)) as new,
    ):
        old.backup(new)


def followed(wire: Wire) -> Follower:
    """Return what a subscriber makes of all that was sent."""
    follower = Follower()
    for topic, document, _ in wire.sent:
        payload = json.dumps(document).encode()
        if topic == TOPICS.status:
            follower.status(received.status(payload), retained=False)
        elif topic == TOPICS.snapshot:
            follower.snapshot(received.parameter_set(payload))
        elif topic == TOPICS.delta:
            follower.delta(received.parameter_set(payload))
    return follower


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
@pytest.mark.parametrize("retained", [True, False])
def test_b7_a_number_that_is_none_is_a_foreign_snapshot_like_any(
    store: Store, number: str, retained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a field that nobody reads, of this epoch and a later revision: nothing of it counts."""
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.01)
    text = json.dumps({"schema": 1, "epoch": store.epoch, "revision": 9, "parameters": {}})
    payload = f'{text[:-1]}, "sha256": "0", "x": {number}}}'.encode()
    told: list[Alarm] = []

    class Spoilt(Wire):
        async def messages(self) -> AsyncIterator[Message]:
            if retained:
                yield Message(TOPICS.snapshot, payload, retained=True)
            while "snapshot" not in self.topics():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            yield Message(TOPICS.snapshot, payload)
            async for message in super().messages():
                yield message

    async def scenario() -> None:
        wire = Spoilt()
        task = asyncio.create_task(relay_of(store, wire, alarm=told.append).run())
        async with asyncio.timeout(10):
            while wire.topics().count("snapshot") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert wire.connected == 1
        assert [a.text for a in told if a.on] == [
            "somebody else published a snapshot: nothing that can be read was heard"
        ]

    asyncio.run(scenario())


def test_a_quiet_line_that_died_is_noticed(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire()
        store.commit(run(), {"q0.t1": estimate()})
        relay = relay_of(store, wire)
        task = asyncio.create_task(relay.run())
        async with asyncio.timeout(10):
            await relay.drained()
            wire.dead.set()
            while wire.topics().count("snapshot") < 2:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_a_commit_is_published_at_once_and_the_snapshot_renewed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.02)

    async def scenario() -> None:
        wire = Wire()
        relay = relay_of(store, wire)
        task = asyncio.create_task(relay.run())
        async with asyncio.timeout(10):
            await relay.drained()
            for _ in range(5):
                await asyncio.to_thread(store.commit, run(), {"q0.t1": estimate()})
            await relay.drained()
        assert wire.revisions(TOPICS.snapshot)[-1] == 5
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_behind_a_long_outbox_neither_the_newest_set_nor_an_alarm_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night without a broker: its rows go out for minutes, and a qubit is measured meanwhile."""
    monkeypatch.setattr("kammerton.publish.session.TURN", 0.0)
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.0)
    monkeypatch.setattr("kammerton.publish.alarms.GROUP", 0.0)
    night = 10

    async def scenario() -> None:
        def meanwhile(topic: str, n: int) -> bool:
            if topic == TOPICS.delta and len(wire.revisions(TOPICS.delta)) == 2:
                store.commit(run(), {"q0.t1": estimate(9e-5)})
                relay.alarms.tell(Alarm("instrument", "lo1", "lo1: no answer"))
            return False

        wire = Wire(meanwhile)
        relay = relay_of(store, wire)
        for n in range(night):
            store.commit(run(), {"q0.t1": estimate(n * 1e-5)})
        await relayed(relay)
        said = [(topic, document.get("revision")) for topic, document, _ in wire.sent]
        later = said.index((TOPICS.delta, 4))
        assert (TOPICS.snapshot, night + 1) in said[:later]
        assert (TOPICS.alarm, None) in said[:later]
        assert wire.revisions(TOPICS.delta) == list(range(1, night + 2)), "in order, and all"
        assert store.backlog() == 0

    asyncio.run(scenario())


def test_b4_behind_parameters_that_are_retained_anew_neither_news_nor_an_alarm_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that lost what it retained is back: 2,000 parameters go out for ten seconds."""
    monkeypatch.setattr("kammerton.publish.session.TURN", 0.0)
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.0)
    monkeypatch.setattr("kammerton.publish.alarms.GROUP", 0.0)
    names = [f"q{n}.t1" for n in range(10)]
    topics = [TOPICS.parameter(name) for name in names]

    async def scenario() -> None:
        def meanwhile(topic: str, n: int) -> bool:
            if topic == topics[2] and len(wire.revisions(topic)) == 1:
                store.commit(run(), dict.fromkeys((names[1], names[8]), estimate(9e-5)))
                relay.alarms.tell(Alarm("instrument", "lo1", "lo1: no answer"))
            return False

        wire = Wire(meanwhile)
        relay = relay_of(store, wire)
        store.commit(run(), dict.fromkeys(names, estimate(1e-5)))
        store.mark_sent(store.waiting()[0].number)
        await relayed(relay)
        said = [(topic, document.get("revision")) for topic, document, _ in wire.sent]
        before_the_last = said[: said.index((topics[9], 1))]
        for news in ((TOPICS.delta, 2), (TOPICS.snapshot, 2), (TOPICS.alarm, None)):
            assert news in before_the_last
        retained = [wire.revisions(topic) for topic in topics]
        assert retained == [[1], [1, 2], *[[1]] * 6, [2], [1]], "all, and none goes back"

    asyncio.run(scenario())


def test_while_parameters_are_retained_an_unreadable_database_ends_no_connection(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.publish.session.TURN", 0.0)
    monkeypatch.setattr("kammerton.publish.relay.POLL", 0.01)
    names = [f"q{n}.t1" for n in range(4)]
    sound, left = store.snapshot, [2]  # sound for the will and the greeting, then not twice

    def snapshot() -> Snapshot:
        left[0] -= 1
        if left[0] in (-1, -2):
            raise StoreUnavailable("locked")
        return sound()

    async def scenario() -> None:
        wire = Wire()
        relay = relay_of(store, wire)
        store.commit(run(), dict.fromkeys(names, estimate(1e-5)))
        store.mark_sent(store.waiting()[0].number)
        monkeypatch.setattr(store, "snapshot", snapshot)
        await relayed(relay)
        assert left[0] < -2, "it was not readable for a while"
        assert wire.connected == 1
        assert [wire.revisions(TOPICS.parameter(name)) for name in names] == [[1]] * 4

    asyncio.run(scenario())


def test_what_expires_is_told_as_stale(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.0)
    clock = [NOON]
    until = NOON + timedelta(hours=1)

    async def scenario() -> None:
        wire = Wire()
        values = {"q0.t1": estimate(valid_until=until), "q1.t1": estimate()}
        store.commit(run(), values)
        relay = relay_of(store, wire, now=lambda: clock[0])
        task = asyncio.create_task(relay.run())
        async with asyncio.timeout(10):
            await relay.drained()
            clock[0] = until + timedelta(seconds=1)
            before = len(wire.sent)
            await relay.drained()
            await relay.drained()
        late = wire.sent[before:]
        assert [topic for topic, _, _ in late] == [TOPICS.snapshot, TOPICS.parameter("q0.t1")]
        qualities = {name: each["quality"] for name, each in late[0][1]["parameters"].items()}
        assert qualities == {"q0.t1": "stale", "q1.t1": "good"}
        assert late[1][1]["quality"] == "stale"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_a_connection_that_breaks_while_closing_hides_no_cancellation(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire()
        wire.error_at_close = True
        await relayed(relay_of(store, wire))
        assert wire.connected == 1

    asyncio.run(scenario())


def test_a_farewell_that_fails_is_no_failure(store: Store) -> None:
    async def scenario() -> None:
        wire = Wire(lambda topic, n: topic == TOPICS.status and n > 1)
        await relayed(relay_of(store, wire))
        assert wire.topics() == ["status", "snapshot", "status"]

    asyncio.run(scenario())


def test_a_store_that_fails_for_a_while_is_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults = iter(["disk full"] * 3)
    waiting = store.waiting

    def sometimes(limit: int = 50) -> list:
        for fault in faults:
            raise StoreError(fault)
        return waiting(limit)

    monkeypatch.setattr(store, "waiting", sometimes)

    async def scenario() -> None:
        wire = Wire()
        store.commit(run(), {"q0.t1": estimate()})
        relay = relay_of(store, wire)
        await relayed(relay)
        assert wire.connected == 1  # which an alarm may need
        assert wire.revisions(TOPICS.delta) == [1]
        assert relay.problem is None

    asyncio.run(scenario())
    assert "not publishing: disk full" in caplog.text


def test_absence_is_logged_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    refused: list[Broker] = []

    @contextlib.asynccontextmanager
    async def refuse(
        broker: Broker, will: Will | None = None, patience: Patience | None = None
    ) -> AsyncIterator[Wire]:
        refused.append(broker)
        raise BrokerError("nobody there")
        yield Wire()

    async def scenario() -> None:
        relay = Relay(store, BROKER, connect=refuse, backoff=Backoff(0.001, 0.002))
        task = asyncio.create_task(relay.run())
        async with asyncio.timeout(20):
            while len(refused) < 10:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert relay.problem == "nobody there"

    asyncio.run(scenario())
    assert caplog.text.count("nobody there") == 1


def test_pauses_double_are_bounded_and_differ() -> None:
    backoff = Backoff(1.0, 8.0, steady=1e9, chance=random.Random(1))
    backoff.begin()
    pauses = [backoff.next() for _ in range(6)]
    for pause, bound in zip(pauses, [1, 2, 4, 8, 8, 8], strict=True):
        assert bound / 2 <= pause <= bound
    assert len(set(pauses)) == 6


def test_pauses_start_anew_after_a_steady_connection() -> None:
    backoff = Backoff(1.0, 8.0, steady=0.0)
    backoff.begin()
    assert all(backoff.next() <= 1.0 for _ in range(4))


def test_cancellation_outranks_a_broken_connection() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            pass_cancellation(BrokerError("broke"))

    async def scenario() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        pass_cancellation(BrokerError("nobody cancelled us"))

    asyncio.run(scenario())


def test_b3_behind_a_slow_line_it_waits_longer_and_gets_through(store: Store) -> None:
    """Answers take 70 ms here: a patience that never grew would connect for ever in vain."""

    class Slow(Waiting):
        async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
            await asyncio.sleep(min(0.07, self.waited[-1]))
            if self.waited[-1] < 0.07:
                raise BrokerError("no acknowledgement in time")
            await super().publish(topic, payload, retain=retain)

    async def scenario() -> None:
        wire = Slow()
        relay = relay_of(store, wire)
        relay._patience = Patience(0.025)
        await relayed(relay)
        assert wire.topics()[:2] == ["status", "snapshot"]
        assert wire.waited == [0.025, 0.05, 0.1]

    asyncio.run(scenario())


def test_b3_a_line_that_dies_after_the_whole_set_was_taken_was_not_slow(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an outage that meets the same moment again is waited for twice as long each time."""

    class Dies(Waiting):
        async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
            if topic == TOPICS.parameter("q0.t1") and len(self.waited) < 4:
                await asyncio.sleep(self.waited[-1])
                raise BrokerError("no acknowledgement in time")
            await super().publish(topic, payload, retain=retain)

    async def scenario() -> None:
        store.commit(run(), {"q0.t1": estimate()})
        wire = Dies()
        relay = relay_of(store, wire)
        relay._patience = Patience(0.05)
        await relayed(relay)
        assert wire.waited == [0.05] * 4

    monkeypatch.setattr("kammerton.publish.patience.SHORTEST", 0.05)
    monkeypatch.setattr("kammerton.publish.patience.MARGIN", 0.0)  # of what the greeting took
    asyncio.run(scenario())


def test_the_alarm_of_a_database_that_is_away_gets_out_and_all_else_afterwards(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection lives on, and the problem is named until the database is read again."""
    monkeypatch.setattr("kammerton.publish.relay.POLL", 0.01)
    monkeypatch.setattr("kammerton.publish.alarms.GROUP", 0.0)

    def away() -> int:
        raise StoreUnavailable("the server said nothing")

    async def scenario() -> None:
        wire, alarms = Wire(), Alarms()
        relay = relay_of(store, wire, alarms=alarms)
        task = asyncio.create_task(relay.run())
        try:
            async with asyncio.timeout(20):
                await relay.drained()
                with monkeypatch.context() as broken:
                    broken.setattr(store, "waiting", away)
                    alarms.tell(Alarm("database", "c", "the server said nothing"))
                    while TOPICS.alarm not in [t for t, _, _ in wire.sent]:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                    assert relay.problem == "the server said nothing"
                await asyncio.to_thread(store.commit, run(), {"q0.t1": estimate()})
                await relay.drained()
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert relay.problem is None
        assert wire.connected == 1
        assert wire.revisions(TOPICS.delta) == [1]

    asyncio.run(scenario())


def test_s3_what_could_not_be_noted_as_sent_is_not_handed_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go out every second until a person comes; the alarm and the status still do."""
    monkeypatch.setattr("kammerton.publish.relay.POLL", 0.01)
    monkeypatch.setattr("kammerton.publish.alarms.GROUP", 0.0)

    async def scenario() -> None:
        wire, alarms = Wire(), Alarms()
        store.commit(run(), {"q0.t1": estimate()})
        store.condemn("it is damaged")
        task = asyncio.create_task(relay_of(store, wire, alarms=alarms).run())
        try:
            async with asyncio.timeout(20):
                while TOPICS.status not in [t for t, _, _ in wire.sent]:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                alarms.tell(Alarm("database", "c", "it is damaged"))
                while TOPICS.alarm not in [t for t, _, _ in wire.sent]:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert wire.connected == 1
        assert wire.revisions(TOPICS.delta) == []

    asyncio.run(scenario())
    assert store.backlog() == 1, "the next process hands it over, if it is restored"


def test_what_the_system_says_of_a_broker_is_said_without_its_numbers() -> None:
    async def scenario() -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            broker = Broker("127.0.0.1", nobody.getsockname()[1])
            with pytest.raises(BrokerError) as said:
                async with mqtt.connect(broker):
                    pass
        assert str(said.value).endswith(": connection refused")

    asyncio.run(scenario())
