"""What the audit log has of commands: accepted ones before they are done, refused ones, few."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from kammerton.lab import Broker
from kammerton.model import StoreError
from kammerton.publish import Message, Topics, command_log, commands
from kammerton.publish.command_log import APART, CommandLog
from kammerton.publish.commands import Command, signature
from kammerton.publish.obeying import LATE, Obeying
from kammerton.publish.payloads import iso
from kammerton.serve.obedience import obedient
from kammerton.store import Inbox, Store, attend
from kammerton.store.request import not_left

TOPICS = Topics("c")
KEY = "k" * 40


@pytest.fixture
def place(tmp_path):
    return tmp_path / "db.sqlite"


@pytest.fixture
def broker(tmp_path):
    (tmp_path / "keys").write_text(f"ada {KEY}\n")
    return Broker("nowhere", 1, commands=tmp_path / "keys")


@pytest.fixture
def opened(place):
    with Store.open(place, "c") as store:
        yield store


class Wire:
    def __init__(self):
        self.answers = []

    async def subscribe(self, *topics):
        pass

    async def publish(self, topic, payload, **_):
        self.answers.append(json.loads(payload))


def command(key=KEY, ahead=20.0, life=120.0, **more):
    """A command of somebody whose clock is ahead; all in s."""
    now = datetime.now(UTC) + timedelta(seconds=ahead)
    document = {
        "schema": 1, "computer": "c", "verb": "hold", "user": "ada",
        "nonce": secrets.token_hex(16), "arguments": {"scope": "q0", "why": "cool-down"} | more,
        "issued": iso(now), "expires": iso(now + timedelta(seconds=life)),
    }  # fmt: skip
    payload = json.dumps(document | {"mac": signature(document, key.encode())}).encode()
    return Message(TOPICS.command("hold"), payload, False)


async def told(store, broker, *messages, obey=None):
    """Let a daemon that has just begun hear messages; return its answers."""
    wire, alarms = Wire(), []
    obeying = Obeying(TOPICS, obey or obedient(store.place), alarms.append, CommandLog(store))
    await obeying.begin(wire, broker)
    for message in messages:
        obeying.heard(message)
    works = [asyncio.create_task(obeying.serve(wire)), asyncio.create_task(obeying.keep_log())]
    with Inbox(store.place) as box:
        for turn in range(1000):
            if turn >= 20 and len(wire.answers) + len(alarms) >= len(messages):
                break
            await asyncio.sleep(0.02)
            await asyncio.to_thread(attend, store, box)
    for work in works:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    return wire.answers, alarms


def audited(store):
    return [(row.who, row.what, row.new) for row in store.log()[::-1]]


def test_what_is_accepted_stands_in_the_audit_log_before_it_is_done(opened, broker):
    seen = []

    async def obey(command):
        seen.append(audited(opened))
        return True, "done"

    asyncio.run(told(opened, broker, command(), obey=obey))
    assert seen == [[("ada over MQTT", "command", "accepted")]]


def test_x2_no_deleted_file_of_requests_makes_a_command_new_again(place, broker):
    copied = command()
    with Store.open(place, "c") as store:
        answers, _ = asyncio.run(told(store, broker, copied))
        assert [each["done"] for each in answers] == [True]
        store.release("q0", "ada over MQTT")
    place.with_name(f"{place.name}.requests").unlink()
    with Store.open(place, "c") as store:
        answers, alarms = asyncio.run(told(store, broker, copied))
        assert answers == []
        assert "not newer than one that was accepted" in alarms[0].text
        assert store.leases() == ()
        assert audited(store)[-1] == ("ada over MQTT", "command", "refused")
        answers, _ = asyncio.run(told(store, broker, command(ahead=25.0)))
        assert [each["done"] for each in answers] == [True], "a newer one is done"


def test_what_cannot_be_noted_is_not_done(opened, broker, monkeypatch):
    def full(*_):
        raise StoreError("the disk is full")

    done = []

    async def obey(command):
        done.append(command)
        return True, "done"

    monkeypatch.setattr(opened, "audit", full)
    answers, _ = asyncio.run(told(opened, broker, command(), obey=obey))
    assert [(a["done"], a["words"]) for a in answers] == [
        (False, not_left("hold", "it cannot be recorded, and is not done: the disk is full"))
    ]
    assert done == []


class AnHourAgo(datetime):
    """A clock on the wall that was set back."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(hours=1)


@pytest.mark.parametrize("set_back", [False, True])
def test_x2_what_expires_while_the_connection_is_away_is_refused(
    opened, broker, monkeypatch, set_back
):
    done, alarms, wire = [], [], Wire()

    async def obey(command):
        done.append(command)
        return True, "done"

    async def scenario():
        obeying = Obeying(TOPICS, obey, alarms.append, CommandLog(opened))
        await obeying.begin(wire, broker)
        obeying.heard(command(ahead=0.5, life=0.5))
        assert alarms == [], "it came in time"
        if set_back:
            monkeypatch.setattr(commands, "datetime", AnHourAgo)
        await asyncio.sleep(1.1)  # nobody serves: the connection is away
        works = [asyncio.create_task(obeying.serve(wire)), asyncio.create_task(obeying.keep_log())]
        await asyncio.sleep(command_log.PERIOD + 0.3)
        for work in works:
            work.cancel()
        await asyncio.wait(works)

    asyncio.run(scenario())
    assert done == []
    assert [(a["done"], a["words"]) for a in wire.answers] == [(False, not_left("hold", LATE))]
    assert [a.text for a in alarms] == [f"refused: {LATE}"]
    rows = [(row.who, row.what, row.new, row.why) for row in opened.log()]
    assert rows == [("ada over MQTT", "command", "refused", LATE)]


def test_x2_what_is_refused_stands_there_with_who_signed_it_if_anybody_did(opened, broker):
    forged, empty = command("x" * 40), Message(TOPICS.command("hold"), b"{}", False)
    asyncio.run(told(opened, broker, forged, empty, command(further="rm")))
    rows = {(row.who, row.why) for row in opened.log() if row.new == "refused"}
    assert ("nobody known over MQTT", "not signed by anybody who may") in rows
    assert ("ada over MQTT", "hold: payload: extra_forbidden") in rows
    assert len(rows) == 3


def test_what_the_daemon_refuses_stands_there_too(opened, broker):
    opened.hold("q0", "bob@pc", "wiring")
    answers, _ = asyncio.run(told(opened, broker, command()))
    assert [each["done"] for each in answers] == [False]
    row = opened.log(1)[0]
    assert (row.who, row.what, row.new) == ("ada over MQTT", "hold", "refused")
    assert row.why == "scope=q0 why=cool-down: q0 is held by bob@pc: wiring"


def test_a_flood_is_a_line_a_minute_with_its_number(opened, monkeypatch):
    now = [0.0]
    kept = CommandLog(opened, lambda: now[0])
    monkeypatch.setattr(command_log, "PERIOD", 0.005)

    async def scenario():
        keeping = asyncio.create_task(kept.keep())
        for second in range(int(2 * APART)):
            now[0] = float(second)
            for _ in range(50):
                kept.refuse(None, "not signed by anybody who may")
            await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(scenario())
    said = [row.why for row in opened.log()[::-1]]
    assert len(said) == 2
    assert all(words.startswith("not signed by anybody who may; ") for words in said)


def test_the_newest_is_the_newest_issued_not_the_last_written(opened):
    kept = CommandLog(opened)
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)

    async def scenario():
        assert await kept.newest() is None
        for minutes in (1, 3, 2):
            issued = noon + timedelta(minutes=minutes)
            await kept.accept(Command("hold", {}, "ada", "0" * 32, issued, issued))
        opened.audit("x", "command", "", "refused", "issued 2036-01-01T00:00:00+00:00")
        opened.audit("x", "command", "", "accepted", "nonsense")
        return await kept.newest()

    assert asyncio.run(scenario()) == noon + timedelta(minutes=3)


@pytest.mark.parametrize("where", ["accepting", "doing"])
def test_x2_what_was_accepted_is_done_and_answered_though_the_connection_breaks(
    opened, broker, where
):
    """A serving that is cancelled meanwhile: the audit log has it as accepted."""
    wire = Wire()
    done, under_way, go_on = [], asyncio.Event(), asyncio.Event()

    async def held_up(there):
        if there == where:
            under_way.set()
            await go_on.wait()

    class Slow(CommandLog):
        async def accept(self, command):
            await super().accept(command)
            await held_up("accepting")

    async def obey(command):
        await held_up("doing")
        done.append(command.verb)
        return True, "done"

    async def scenario():
        obeying = Obeying(TOPICS, obey, lambda _: None, Slow(opened))
        await obeying.begin(wire, broker)
        obeying.heard(command(ahead=0.0))
        for breaks in (True, False):
            serving = asyncio.create_task(obeying.serve(wire))
            await asyncio.wait_for(under_way.wait(), 10)
            if not breaks:
                go_on.set()
                await asyncio.sleep(0.1)
            serving.cancel()
            await asyncio.wait([serving])
        await obeying.end()

    asyncio.run(scenario())
    assert [row.new for row in opened.log(what="command")] == ["accepted"]
    assert done == ["hold"]
    assert [each["words"] for each in wire.answers] == ["done"]


def test_x2_what_was_accepted_is_handed_on_though_the_daemon_ends(opened, broker):
    done, wire = [], Wire()

    class Slow(CommandLog):
        async def accept(self, command):
            await super().accept(command)
            await asyncio.sleep(0.1)

    async def obey(command):
        done.append(command.verb)
        return True, "done"

    async def scenario():
        obeying = Obeying(TOPICS, obey, lambda _: None, Slow(opened))
        await obeying.begin(wire, broker)
        obeying.heard(command(ahead=0.0))
        serving = asyncio.create_task(obeying.serve(wire))
        while not opened.log(what="command"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        serving.cancel()
        await asyncio.wait([serving])
        await obeying.end()

    asyncio.run(scenario())
    assert done == ["hold"]


def test_refusals_do_not_push_the_newest_out_of_sight(opened, monkeypatch):
    monkeypatch.setattr(command_log, "LOOKED_AT", 2)
    issued = datetime(2026, 11, 26, 12, tzinfo=UTC)

    async def main():
        kept = CommandLog(opened)
        await kept.accept(Command("hold", {}, "ada", "0" * 32, issued, issued))
        for _ in range(30):
            opened.audit("nobody known over MQTT", "command", "", "refused", "not signed")
        return await kept.newest()

    assert asyncio.run(main()) == issued
