"""Rows B1 to B7: a broker that is away, slow, forgetful, refusing, or that others write to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kammerton.client.follower import Update
from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.model.alarm import Alarm
from kammerton.model.backoff import Backoff
from kammerton.publish import connect, payloads
from kammerton.publish.commands import signature
from kammerton.publish.patience import Patience
from kammerton.publish.topics import Topics
from kammerton.serve.attending import attending
from kammerton.serve.obedience import obedient
from kammerton.store import Store
from kammerton.verify import verify
from tests.brokers import BrokerProcess
from tests.proxy import Bandwidth, Blackhole, Fault, HalfOpen, Proxy, Swallow
from tests.system.test_publish import (
    CHILD,
    TOPICS,
    Subscriber,
    as_heard,
    as_published,
    at,
    commit,
    following,
    hearing,
    needs_mosquitto,
    relaying,
    until,
)
from tests.yardstick import within

pytestmark = [pytest.mark.timeout(90), needs_mosquitto]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as opened:
        yield opened


@pytest.fixture
def process(tmp_path: Path) -> Iterator[BrokerProcess]:
    broker = BrokerProcess(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def proxy(process: BrokerProcess) -> Iterator[Proxy]:
    with Proxy(process.port, seed=4) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def counting(
    broker: Broker, computer: str = "two-qubits", *, shipped: bool = False
) -> AsyncIterator[tuple[Subscriber, list[Update]]]:
    """Follow, and keep every update in the order of arrival. shipped: with its own pauses."""
    backoff = None if shipped else Backoff(0.05, 0.2)
    subscriber, updates = Subscriber(broker, computer, backoff=backoff), []

    async def follow() -> None:
        async with contextlib.aclosing(subscriber.updates()) as news:
            async for update in news:
                updates.append(update)

    task = asyncio.create_task(follow())
    try:
        yield subscriber, updates
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def never_back(updates: list[Update]) -> bool:
    """Whether no value was ever applied twice or followed by an older one."""
    seen: dict[str, int] = {}
    for update in updates:
        if update.revision <= seen.get(update.name, -1):
            return False
        seen[update.name] = update.revision
    return True


def test_b2_behind_acknowledgements_that_were_lost_subscribers_hold_the_head_within_5_s(
    store: Store, process: BrokerProcess, proxy: Proxy
) -> None:
    over_a_line_that_fails(store, process, proxy, Swallow(count=2))


@pytest.mark.parametrize(
    "fault",
    [HalfOpen(), Blackhole(), Bandwidth(rate=3000.0)],
    ids=["half_open", "black_hole", "slow"],
)
def test_b3_behind_a_line_that_failed_subscribers_hold_the_head_within_5_s(
    store: Store, process: BrokerProcess, proxy: Proxy, fault: Fault
) -> None:
    over_a_line_that_fails(store, process, proxy, fault)


def over_a_line_that_fails(
    store: Store, process: BrokerProcess, proxy: Proxy, fault: Fault
) -> None:
    """With the daemon's own times: within 5 s after the line is whole again."""

    async def scenario() -> None:
        async with (
            counting(at(process), shipped=True) as (consumer, updates),
            relaying(store, Broker("127.0.0.1", proxy.port), shipped=True) as relay,
        ):
            for n in range(3):
                await asyncio.to_thread(commit, store, float(n), "q0.t1", "q1.t1")
            await relay.drained()
            proxy.put(fault)
            for n in range(3, 9):
                await asyncio.to_thread(commit, store, float(n), "q0.t1", "q1.t1")
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.5)
            proxy.clear()
            await within(5, lambda: as_heard(consumer) == as_published(store), "the head")
            assert never_back(updates)
            assert proxy.hits

    asyncio.run(scenario())


def test_b3_a_subscriber_whose_line_died_without_a_word_is_back_within_5_s(
    store: Store, process: BrokerProcess, proxy: Proxy
) -> None:
    async def scenario() -> None:
        broker = Broker("127.0.0.1", proxy.port)
        async with (
            counting(broker, shipped=True) as (consumer, updates),
            relaying(store, at(process)) as relay,
        ):
            await asyncio.to_thread(commit, store, 1.0, "q0.t1")
            await relay.drained()
            await until(lambda: as_heard(consumer) == as_published(store), "the first value")
            proxy.put(HalfOpen())
            await asyncio.to_thread(commit, store, 2.0, "q0.t1")
            await within(5, lambda: as_heard(consumer) == as_published(store), "the head")
            assert never_back(updates)
            assert proxy.hits

    asyncio.run(scenario())


def test_b3_a_line_that_dies_is_left_as_soon_as_its_last_answers_allow(
    process: BrokerProcess, proxy: Proxy
) -> None:
    """A long patience, learnt from a failure before, does not outlive the first quick answer."""

    async def scenario() -> None:
        patience = Patience(20.0)
        async with connect(Broker("127.0.0.1", proxy.port), patience=patience) as connection:
            await connection.publish("first", b"1")
            patience.answered(0.01)
            proxy.put(HalfOpen())
            began = time.monotonic()
            with pytest.raises(BrokerError):
                await connection.publish("second", b"2")
            assert time.monotonic() - began < 5

    asyncio.run(scenario())


def test_b4_a_broker_killed_with_what_it_retained_holds_the_head_within_5_s(
    store: Store, process: BrokerProcess
) -> None:
    async def scenario() -> None:
        async with (
            counting(at(process), shipped=True) as (consumer, updates),
            relaying(store, at(process), shipped=True),
        ):
            for n in range(5):
                await asyncio.to_thread(commit, store, float(n), "q0.t1")
            await process.restart()
            await asyncio.to_thread(commit, store, 9.0, "q0.t1")
            await within(5, lambda: as_heard(consumer) == as_published(store), "the head")
            async with following(at(process)) as late:
                await until(lambda: as_heard(late) == as_published(store), "a late joiner")
            assert never_back(updates)

    asyncio.run(scenario())


def test_b4_who_publishes_on_a_connection_that_is_just_lost_was_not_refused(
    process: BrokerProcess,
) -> None:
    """A refusal is waited out for half a minute, a lost connection for a second."""

    async def scenario() -> None:
        async with connect(at(process)) as connection:
            process.kill()
            await asyncio.sleep(0.3)  # in which the client notices
            await connection.publish("kammerton/nothing", b"1")

    with pytest.raises(BrokerError, match="not currently connected") as lost:
        asyncio.run(scenario())
    assert not lost.value.refused


def snapshot_of(epoch: str, revision: int) -> bytes:
    value = {
        "revision": revision, "value": 1.0, "stderr": 0.1, "unit": "s", "quality": "good",
        "time": "2026-01-01T00:00:00.000Z", "valid_until": None, "run": "r000001",
    }  # fmt: skip
    document = {"schema": 1, "epoch": epoch, "revision": revision, "parameters": {"q9.t1": value}}
    return payloads.encode(document | {"sha256": payloads.digest(document)})


@pytest.mark.parametrize("what", ["another epoch", "an older revision", "nonsense", "nothing"])
def test_b7_a_rogue_retained_snapshot_is_replaced_and_told(
    store: Store, process: BrokerProcess, what: str
) -> None:
    async def scenario() -> None:
        alarms: list[Alarm] = []
        await asyncio.to_thread(commit, store, 1.0, "q0.t1")
        await asyncio.to_thread(commit, store, 2.0, "q0.t1")
        rogue = {
            "another epoch": snapshot_of("feed", 99),
            "an older revision": snapshot_of(store.epoch, 1),
            "nonsense": b"\xff{",
            "nothing": b"",
        }[what]
        async with (
            relaying(store, at(process), alarm=alarms.append) as relay,
            following(at(process)) as consumer,
        ):
            await relay.drained()
            await until(lambda: as_heard(consumer) == as_published(store), "the head")
            async with connect(at(process)) as other:
                await other.publish(TOPICS.snapshot, rogue, retain=True)
            await within(
                5, lambda: [a for a in alarms if a.kind == "retained" and a.on], "an alarm"
            )
            await within(5, lambda: as_heard(consumer) == as_published(store), "the head again")
            async with following(at(process)) as late:
                await within(5, lambda: as_heard(late) == as_published(store), "a late joiner")

    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGUSR1")
def test_b7_what_a_broker_stored_before_a_backup_was_restored_changes_no_subscriber(
    tmp_path: Path, store: Store
) -> None:
    """Killed, it comes back with the old epoch, "online", while the daemon is away."""
    stored = tmp_path / "stored"
    stored.mkdir()
    process = BrokerProcess(
        tmp_path, ["allow_anonymous true", "persistence true", f"persistence_location {stored}/"]
    )

    async def scenario(old: Store) -> None:
        async with counting(at(process)) as (consumer, updates):
            async with relaying(old, at(process)) as relay:
                await relay.drained()
                await until(lambda: as_heard(consumer) == as_published(old), "the old database")
                process.signal(signal.SIGUSR1)  # it stores what it retains
                await until(lambda: [*stored.iterdir()], "what is stored")
            async with relaying(store, at(process)) as relay:
                await relay.drained()
                await until(lambda: as_heard(consumer) == as_published(store), "the backup")
            process.kill()
            count = len(updates)
            await asyncio.to_thread(process.start)
            await until(lambda: len(consumer.refused) == 2, "the old status and snapshot")
            assert as_heard(consumer) == as_published(store)
            assert len(updates) == count
            async with relaying(store, at(process)) as relay:
                commit(store, 3.0)
                await relay.drained()
                await within(5, lambda: as_heard(consumer) == as_published(store), "the head")

    commit(store, 2.0)
    process.start()
    try:
        with Store.open(tmp_path / "old.sqlite", "two-qubits") as old:
            for value in (4.0, 5.0):
                commit(old, value)
            asyncio.run(scenario(old))
    finally:
        process.kill()


@pytest.mark.parametrize("how", ["put back while away", "made up"])
def test_b7_a_newer_revision_than_the_database_has_begins_a_new_epoch(
    store: Store, process: BrokerProcess, how: str
) -> None:
    """A copy put in the database's place by hand; who follows would refuse it as a step back."""

    async def scenario() -> None:
        alarms: list[Alarm] = []
        old = store.epoch
        await asyncio.to_thread(commit, store, 1.0, "q0.t1")
        ahead = snapshot_of(old, 8)
        if how == "put back while away":
            async with connect(at(process)) as other:
                await other.publish(TOPICS.snapshot, ahead, retain=True)
        async with (
            following(at(process)) as consumer,
            relaying(store, at(process), alarm=alarms.append) as relay,
        ):
            if how == "made up":
                await relay.drained()
                await until(lambda: as_heard(consumer) == as_published(store), "the head")
                async with connect(at(process)) as other:
                    await other.publish(TOPICS.snapshot, ahead, retain=True)
            await within(5, lambda: store.epoch != old, "a new epoch")
            await within(5, lambda: as_heard(consumer) == as_published(store), "the head")
            await asyncio.to_thread(commit, store, 2.0, "q0.t1")
            await within(5, lambda: as_heard(consumer) == as_published(store), "what follows")
            assert [a for a in alarms if a.kind == "retained" and "A new epoch begins" in a.text]
        assert [row.what for row in store.log(1)] == ["epoch"]

    asyncio.run(scenario())
    assert verify(store.path).findings == ()


@pytest.mark.parametrize("parameters", [True, False])
def test_b7_what_a_restored_database_does_not_know_is_no_longer_retained(
    store: Store, tmp_path: Path, process: BrokerProcess, parameters: bool
) -> None:
    """No later revision would ever replace it: a dashboard would show it for good."""
    kept, gone = TOPICS.parameter("q0.t1"), TOPICS.parameter("q1.t1")

    async def retained() -> set[str]:
        found, heard = set[str](), list[str]()
        async with connect(at(process)) as late:
            await late.subscribe(TOPICS.parameter("+.+"), TOPICS.status)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    async for message in late.messages():
                        heard.append(message.topic)
                        if message.retained and message.payload:
                            found.add(message.topic)
        assert heard, "the status at least"
        return found - {TOPICS.status}

    async def scenario(after: Store) -> None:
        await asyncio.to_thread(commit, store, 1.0, "q0.t1", "q1.t1")
        async with relaying(store, at(process)) as relay:
            await relay.drained()
        assert await retained() == {kept, gone}
        await asyncio.to_thread(commit, after, 2.0, "q0.t1")
        async with relaying(after, at(process), parameters=parameters) as relay:
            await relay.drained()
            await asyncio.sleep(0.3)
            await relay.drained()
            assert await retained() == ({kept} if parameters else {kept, gone})

    restored = tmp_path / "restored.sqlite"
    Store.open(restored, "two-qubits").close()
    with contextlib.closing(sqlite3.connect(restored)) as file:
        file.execute("UPDATE identity SET epoch = ?", (store.epoch,))
        file.commit()
    with Store.open(restored, "two-qubits") as before:
        before.begin_epoch("tests", "put back")
    with Store.open(restored, "two-qubits") as after:
        asyncio.run(scenario(after))


def test_b7_a_stale_snapshot_from_before_is_replaced_without_alarm(
    store: Store, process: BrokerProcess
) -> None:
    async def scenario() -> None:
        alarms: list[Alarm] = []
        async with connect(at(process)) as other:
            await other.publish(TOPICS.snapshot, snapshot_of(store.epoch, 0), retain=True)
        await asyncio.to_thread(commit, store, 2.0, "q0.t1")
        async with relaying(store, at(process), alarm=alarms.append) as relay:
            await relay.drained()
            await asyncio.sleep(0.3)
            async with following(at(process)) as late:
                await until(lambda: as_heard(late) == as_published(store), "the head")
        assert not [a for a in alarms if a.on]

    asyncio.run(scenario())


def test_b6_a_second_daemon_of_the_same_name_is_named(store: Store, process: BrokerProcess) -> None:
    async def scenario() -> None:
        alarms: list[Alarm] = []
        async with relaying(store, at(process), alarm=alarms.append) as relay:
            await relay.drained()
            online = payloads.status(store.snapshot(), "online", store.now())
            async with connect(at(process)) as other:
                said = payloads.encode(online | {"instance": "other-host/77"})
                await other.publish(TOPICS.status, said, retain=True)
            await until(lambda: [a for a in alarms if a.kind == "client id"], "an alarm")
        assert "other-host/77" in next(a.text for a in alarms if a.kind == "client id")

    asyncio.run(scenario())


def test_b6_where_two_fight_the_daemon_stops_for_a_while(
    store: Store, process: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.05)

    async def scenario() -> None:
        async with relaying(store, at(process)) as relay, connect(at(process)) as other:
            await relay.drained()
            for n in range(40):
                await other.publish(TOPICS.snapshot, snapshot_of("feed", n), retain=True)
                await asyncio.sleep(0.05)
                if relay.problem:
                    break
            assert "somebody else keeps publishing" in str(relay.problem)

    asyncio.run(scenario())


SECOND = """
from kammerton.publish import session
session.SNAPSHOT_EVERY = 0.05
""" + CHILD.replace("task =", "relay.slow = 0.5\n        task =")
"""Another daemon of that name; where two fight it pauses half a second, as the first does here."""


def test_b6_two_daemons_name_each_other_stop_and_one_alone_goes_on(
    tmp_path: Path, store: Store, process: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with a database of its own; the second is a process that is killed in the end."""
    monkeypatch.setattr("kammerton.publish.session.SNAPSHOT_EVERY", 0.05)

    async def scenario() -> None:
        alarms: list[Alarm] = []
        words = [sys.executable, "-c", SECOND, str(tmp_path / "second.sqlite"), str(process.port)]
        async with (
            hearing(at(process)) as ear,
            relaying(store, at(process), alarm=alarms.append) as relay,
        ):
            await relay.drained()
            second = await asyncio.create_subprocess_exec(*words)

            def named(told: list[str], pid: int) -> bool:
                return any(f"/{pid} (host/process)" in text for text in told)

            def theirs() -> list[str]:
                return [line for d in ear.of(TOPICS.alarm) for line in d["texts"]]

            try:
                await until(lambda: named([a.text for a in alarms], second.pid), "the second named")
                await until(lambda: named(theirs(), os.getpid()), "the first named by the second")
                await until(lambda: "keeps publishing" in str(relay.problem), "that it stops")
            finally:
                second.kill()
                await second.wait()
            await until(lambda: relay.problem is None, "that it goes on")
            await asyncio.to_thread(commit, store, 3.0)
            await relay.drained()
            async with following(at(process)) as consumer:
                await until(lambda: as_heard(consumer) == as_published(store), "the head")

    commit(store, 2.0)
    asyncio.run(scenario())


def documented_rights() -> str:
    """Return the rights that docs/mqtt.md gives a broker."""
    text = (Path(__file__).parents[2] / "docs" / "mqtt.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"    # rights\n((?:    [^\n]+\n)+)", text)
    return textwrap.dedent(block)


def test_b7_by_the_documented_rights_only_the_daemon_writes_and_all_who_read_can(
    tmp_path: Path, store: Store
) -> None:
    """Who may only read is heard by nobody, and who has no account sees nothing."""
    accounts, rights = tmp_path / "accounts", tmp_path / "rights"
    names = ["kammerton-two-qubits", "reader"]
    for n, name in enumerate(names):
        subprocess.run(
            ["mosquitto_passwd", "-b", *(["-c"] if n == 0 else []), str(accounts), name, name],
            check=True, capture_output=True,
        )  # fmt: skip
        (tmp_path / f"{name}.password").write_text(name)
    rights.write_text(documented_rights())
    process = BrokerProcess(
        tmp_path, ["allow_anonymous false", f"password_file {accounts}", f"acl_file {rights}"]
    )
    process.start()
    daemon, reader = (
        Broker("127.0.0.1", process.port, username=n, password_file=tmp_path / f"{n}.password")
        for n in names
    )
    topics = Topics("two-qubits")

    async def scenario() -> None:
        commit(store, 5e-5)
        alarms: list[Alarm] = []
        async with relaying(store, daemon, alarm=alarms.append) as relay, following(reader) as seen:
            await relay.drained()
            await until(lambda: as_heard(seen) == as_published(store), "the reader")
            async with connect(reader) as forger:
                for topic in (topics.snapshot, topics.status, topics.delta):
                    with contextlib.suppress(BrokerError):  # refused, or dropped without a word
                        await forger.publish(topic, b"{}", retain=True)
            async with following(reader) as late:
                await until(lambda: as_heard(late) == as_published(store), "a late joiner")
            with pytest.raises(BrokerError):
                async with connect(at(process)):
                    pass
        assert [each for each in alarms if each.kind == "retained" and each.on] == []

    try:
        asyncio.run(scenario())
    finally:
        process.kill()


def test_b5_a_refusal_is_one_alarm_and_few_attempts(tmp_path: Path, store: Store) -> None:
    password = tmp_path / "password"
    password.write_text("right\n")
    accounts = tmp_path / "accounts"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(accounts), "daemon", "right"],
        check=True, capture_output=True,
    )  # fmt: skip
    rights = tmp_path / "acl"
    rights.write_text("user daemon\ntopic readwrite kammerton/v1/two-qubits/#\n")
    process = BrokerProcess(
        tmp_path, ["allow_anonymous false", f"password_file {accounts}", f"acl_file {rights}"]
    )
    process.start()
    proxy = Proxy(process.port)

    async def scenario() -> None:
        alarms: list[Alarm] = []
        broker = Broker(
            "127.0.0.1", proxy.port, username="daemon", password_file=tmp_path / "password"
        )
        password.write_text("wrong\n")
        commit(store, 5e-5)
        async with relaying(store, broker, alarm=alarms.append) as relay:
            relay.slow = 0.5
            await until(lambda: [a for a in alarms if a.on], "an alarm")
            await asyncio.sleep(1.2)
            assert 1 <= len([a for a in alarms if a.on]) <= 4  # Alarms makes one of them
            password.write_text("right\n")
            await until(lambda: relay.problem is None, "the right password")
            await relay.drained()
            async with following(broker) as consumer:
                await until(lambda: as_heard(consumer) == as_published(store), "through the ACL")
        assert alarms[-1].on is False
        assert not [a for a in alarms if a.kind == "retained" and a.on]

    try:
        asyncio.run(scenario())
    finally:
        proxy.close()
        process.kill()


def test_alarms_are_heard_with_what_to_do(store: Store, process: BrokerProcess) -> None:
    async def scenario() -> None:
        async with hearing(at(process)) as ear, relaying(store, at(process)) as relay:
            await relay.drained()
            for name in ("lo1", "lo2"):
                relay.alarms.tell(Alarm("instrument", name, f"{name}: no answer"))
            await until(lambda: ear.of(TOPICS.alarm), "an alarm")
            (heard,) = ear.of(TOPICS.alarm)
        assert heard["subjects"] == ["lo1", "lo2"]
        assert "switched on" in heard["what_to_do"]
        assert heard["on"] is True
        assert heard["epoch"] == store.epoch

    asyncio.run(scenario())


def command(key: str, verb: str = "hold", **arguments: object) -> bytes:
    now = datetime.now(UTC)
    document = {
        "schema": 1, "computer": "two-qubits", "verb": verb, "user": "ada",
        "nonce": secrets.token_hex(16), "arguments": arguments,
        "issued": payloads.iso(now), "expires": payloads.iso(now + timedelta(minutes=1)),
    }  # fmt: skip
    return payloads.encode(document | {"mac": signature(document, key.encode())})


def test_x2_a_signed_command_is_done_once_and_nothing_else_is(
    store: Store, process: BrokerProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    key, wrong = "canary-7f31-" + "k" * 30, "canary-9d02-" + "w" * 30
    file = tmp_path / "keys"
    file.write_text(f"ada {key}\n")

    async def scenario() -> None:
        alarms: list[Alarm] = []
        broker = Broker("127.0.0.1", process.port, commands=file)
        async with (
            attending(store),
            hearing(at(process)) as ear,
            connect(at(process)) as ada,
        ):
            await ada.publish(
                TOPICS.command("release"), command(key, "release", scope="q0"), retain=True
            )
            async with relaying(
                store, broker, alarm=alarms.append, obey=obedient(store.place)
            ) as relay:
                await relay.drained()
                hold = command(key, scope="q0", why="cool-down")
                await ada.publish(TOPICS.command("hold"), command(wrong, scope="q1", why="x"))
                await ada.publish(TOPICS.command("hold"), hold)
                await ada.publish(TOPICS.command("hold"), hold)
                await until(lambda: ear.of(TOPICS.answer), "an answer")
                await until(lambda: len([a for a in alarms if a.on]) >= 3, "three refusals")
        (answer,) = ear.of(TOPICS.answer)
        assert answer["done"] is True
        assert answer["nonce"] == json.loads(hold)["nonce"]
        (lease,) = store.leases()
        assert (lease.scope, lease.owner) == ("q0", "ada over MQTT")
        assert any("ada over MQTT" in row.who for row in store.log())
        reasons = [a.text for a in alarms if a.kind == "command"]
        assert any("retained" in r for r in reasons)
        assert any("not signed" in r for r in reasons)
        assert any("seen before" in r for r in reasons)
        shown.append(repr((alarms, broker, store.log(100), ear.heard)))

    shown: list[str] = []
    asyncio.run(scenario())
    assert "over MQTT" in shown[0]
    kept = [each for each in store.path.parent.rglob("*") if each.is_file() and each != file]
    assert store.path in kept
    assert "canary" not in caplog.text + "".join(shown)
    assert not any(b"canary" in each.read_bytes() for each in kept)
    lines = [line for line in caplog.messages if "asks to hold" in line]
    assert lines == ["ada over MQTT asks to hold: q0 is held by ada over MQTT until it is released"]


def test_without_keys_nobody_commands(store: Store, process: BrokerProcess) -> None:
    async def scenario() -> None:
        alarms: list[Alarm] = []
        async with (
            relaying(store, at(process), alarm=alarms.append, obey=obedient(store.place)) as relay,
            connect(at(process)) as ada,
        ):
            await relay.drained()
            await ada.publish(TOPICS.command("hold"), command("k" * 40, scope="q0", why="x"))
            await asyncio.sleep(0.3)
        assert store.leases() == ()
        assert not [a for a in alarms if a.kind == "command"]

    asyncio.run(scenario())
