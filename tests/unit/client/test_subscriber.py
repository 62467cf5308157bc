"""The subscriber with a connection of our own: it survives losses, nonsense and foreign topics."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from kammerton.client import Subscriber, Update
from kammerton.client import subscriber as subscriber_module
from kammerton.client.expiry import Expiry
from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.model.backoff import Backoff
from kammerton.publish import Message, Topics, Will
from kammerton.publish.patience import SHORTEST, Patience
from kammerton.publish.payloads import digest
from tests.stored import NOON, estimate

TOPICS = Topics("c")
VALUE = {
    "revision": 1, "value": 5.0, "stderr": 0.1, "unit": "s", "time": "2026-11-21T12:00:00.000Z",
    "valid_until": None, "quality": "good", "run": "r000001",
}  # fmt: skip


def message(topic: str, **said: object) -> Message:
    document = {"schema": 1, "epoch": "e"} | said
    return Message(topic, json.dumps(document | {"sha256": digest(document)}).encode())


def online(word: str) -> Message:
    return message(TOPICS.status, revision=0, status=word, time="2026-11-21T12:00:00.000Z")


class Tape:
    """A connection that plays one list of messages for each time it is made, then is lost."""

    def __init__(self, *sessions: list[Message]) -> None:
        self.sessions = list(sessions)
        self.topics: tuple[str, ...] = ()

    @contextlib.asynccontextmanager
    async def connect(
        self, broker: Broker, will: Will | None = None, patience: Patience | None = None
    ) -> AsyncIterator[Tape]:
        assert will is None
        if not self.sessions:
            await asyncio.sleep(3600)
        yield self

    async def subscribe(self, *topics: str) -> None:
        self.topics = topics

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        raise AssertionError("a subscriber publishes nothing")

    async def messages(self) -> AsyncIterator[Message]:
        for each in self.sessions.pop(0):
            yield each
        raise BrokerError("lost")


def followed(
    tape: Tape, now: Callable[[], datetime] | None = None
) -> tuple[Subscriber, list[Update]]:
    """Return the subscriber and what it yielded until the tape ended."""
    clock = {} if now is None else {"now": now}
    subscriber = Subscriber(
        Broker("nowhere", 1), "c", connect=tape.connect, backoff=Backoff(0.001, 0.001), **clock
    )
    found: list[Update] = []

    async def listen() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3), contextlib.aclosing(subscriber.updates()) as updates:
                async for update in updates:
                    found.append(update)

    asyncio.run(listen())
    assert tape.sessions == []
    return subscriber, found


def heard(tape: Tape) -> tuple[Subscriber, list[float]]:
    """Return the subscriber and the values it yielded until the tape ended."""
    subscriber, updates = followed(tape)
    return subscriber, [each.estimate.value for each in updates]


def test_changes_come_over_losses_of_the_connection() -> None:
    snapshot = message(TOPICS.snapshot, revision=1, parameters={"q0.t1": VALUE})
    newer = VALUE | {"revision": 2, "value": 6.0}
    delta = message(TOPICS.delta, revision=2, parameters={"q0.t1": newer})
    tape = Tape([online("online"), snapshot], [], [snapshot, delta])
    subscriber, values = heard(tape)
    assert values == [5.0, 6.0]
    assert subscriber.revision == 2
    assert subscriber.parameters["q0.t1"].value == 6.0
    assert subscriber.online is None, "not heard since the connection was lost"
    assert tape.topics == (TOPICS.status, TOPICS.snapshot, TOPICS.delta)


@pytest.mark.parametrize(("hour", "told"), [(12, "good"), (14, "stale")])
def test_a_value_of_a_daemon_that_is_gone_is_stale_once_it_holds_no_longer(hour, told) -> None:
    ends = VALUE | {"valid_until": "2026-11-21T13:00:00.000Z"}
    retained = message(TOPICS.snapshot, revision=1, parameters={"q0.t1": ends})
    now = datetime(2026, 11, 21, hour, 30, tzinfo=UTC)
    subscriber, updates = followed(Tape([online("offline"), retained]), lambda: now)
    assert subscriber.qualities == {"q0.t1": told}
    assert [each.quality for each in updates] == [told]


def test_a_value_that_holds_no_longer_comes_again_as_stale_while_nobody_is_there() -> None:
    """By the computer's own clock: the broker is lost after the snapshot, and stays away."""
    moment = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    ends = [f"2026-11-21T12:00:00.{part}Z" for part in ("200", "300")]
    values = {
        name: VALUE | {"valid_until": end, "time": "2026-11-21T11:00:00.000Z"}
        for name, end in (("q0.t1", ends[0]), ("q1.t1", ends[1]), ("q2.t1", None))
    }
    tape = Tape([online("online"), message(TOPICS.snapshot, revision=1, parameters=values)])
    began = time.monotonic()
    subscriber = Subscriber(
        Broker("nowhere", 1), "c", connect=tape.connect, backoff=Backoff(0.001, 0.001),
        now=lambda: moment + timedelta(seconds=time.monotonic() - began),
    )  # fmt: skip
    found: list[Update] = []

    async def listen() -> None:
        async with asyncio.timeout(20), contextlib.aclosing(subscriber.updates()) as updates:
            async for update in updates:
                found.append(update)
                if len(found) == 5:
                    return

    asyncio.run(listen())
    assert sorted((each.name, each.quality) for each in found[:3]) == [
        (name, "good") for name in ("q0.t1", "q1.t1", "q2.t1")
    ]
    assert [(each.name, each.quality) for each in found[3:]] == [
        ("q0.t1", "stale"),
        ("q1.t1", "stale"),
    ]
    assert [each.estimate for each in found[3:]] == [
        next(each.estimate for each in found if each.name == name) for name in ("q0.t1", "q1.t1")
    ]


def test_what_was_stale_when_it_came_is_told_once_and_a_new_value_is_told_anew() -> None:
    old = VALUE | {"valid_until": "2026-11-21T13:00:00.000Z"}
    new = old | {"revision": 2, "value": 6.0}
    snapshot = message(TOPICS.snapshot, revision=1, parameters={"q0.t1": old})
    delta = message(TOPICS.delta, revision=2, parameters={"q0.t1": new})
    now = datetime(2026, 11, 21, 14, tzinfo=UTC)
    _, updates = followed(Tape([online("online"), snapshot, delta]), lambda: now)
    assert [(each.revision, each.quality) for each in updates] == [(1, "stale"), (2, "stale")]


def test_the_last_word_on_a_value_that_ended_while_it_waited_is_stale() -> None:
    """The consumer is slower than the values hold."""
    moment = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    values = {f"q{n}.t1": VALUE | {"valid_until": "2026-11-21T12:00:01.000Z"} for n in range(3)}
    now = [moment]
    tape = Tape([online("online"), message(TOPICS.snapshot, revision=1, parameters=values)])
    subscriber = Subscriber(
        Broker("nowhere", 1), "c", connect=tape.connect, backoff=Backoff(0.001, 0.001),
        now=lambda: now[0],
    )  # fmt: skip
    found: list[tuple[str, str]] = []

    async def listen() -> None:
        async with asyncio.timeout(20), contextlib.aclosing(subscriber.updates()) as updates:
            async for update in updates:
                found.append((update.name, update.quality))
                now[0] = moment + timedelta(seconds=2)
                if len(found) == 4:
                    return

    asyncio.run(listen())
    assert dict(found) == dict.fromkeys(values, "stale")
    assert sorted(quality for _, quality in found) == ["good", "stale", "stale", "stale"]


def test_many_values_cost_no_more_each() -> None:
    values = {f"q{n}.t1": VALUE | {"valid_until": "2999-01-01T00:00:00.000Z"} for n in range(2000)}
    tape = Tape([online("online"), message(TOPICS.snapshot, revision=1, parameters=values)])
    subscriber = Subscriber(Broker("nowhere", 1), "c", connect=tape.connect)

    async def listen() -> int:
        count = 0
        async with contextlib.aclosing(subscriber.updates()) as updates:
            async for _ in updates:
                count += 1
                if count == len(values):
                    return count
        return count

    began = time.process_time()
    assert asyncio.run(listen()) == 2000
    assert time.process_time() - began < 3.0, "it was 17 s where each looked at all"


def test_the_ends_of_values_that_were_replaced_are_not_kept_for_years() -> None:
    expiry, order = Expiry(), list[Update]()
    for number in range(5000):
        ends = NOON + timedelta(days=300, seconds=-number)
        name = f"r{number % 3}.frequency"
        order.append(Update(name, estimate(number, valid_until=ends), "good", "e", number))
        expiry.told(order[-1])
    assert len(expiry._ends) < 200
    found = list(expiry.over(NOON + timedelta(days=301), lambda update: update.revision > 4996))
    assert [each.revision for each in found] == [4999, 4998, 4997]


def test_without_a_clock_of_its_own_a_subscriber_takes_the_computers() -> None:
    ends = VALUE | {"valid_until": "2026-11-21T13:00:00.000Z"}
    later = VALUE | {"valid_until": "2999-01-01T00:00:00.000Z"}
    values = {"q0.t1": ends, "q1.t1": later}
    tape = Tape([online("online"), message(TOPICS.snapshot, revision=1, parameters=values)])
    assert heard(tape)[0].qualities == {"q0.t1": "stale", "q1.t1": "good"}


@pytest.mark.parametrize(
    ("word", "there"), [("online", True), ("safe mode", True), ("offline", False)]
)
def test_a_daemon_in_safe_mode_is_there(word: str, there: bool) -> None:
    seen = []
    snapshot = message(TOPICS.snapshot, revision=1, parameters={"q0.t1": VALUE})
    tape = Tape([online(word), snapshot])
    subscriber = Subscriber(
        Broker("nowhere", 1), "c", connect=tape.connect, backoff=Backoff(0.001, 0.001)
    )

    async def listen() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2), contextlib.aclosing(subscriber.updates()) as updates:
                async for _ in updates:
                    seen.append(subscriber.online)

    asyncio.run(listen())
    assert seen == [there]


def test_what_lab_toml_says_of_the_computer_is_there() -> None:
    said = json.loads(online("online").payload) | {"note": "simulated device"}
    status = Message(TOPICS.status, json.dumps(said).encode())
    said = {"q0.t1": VALUE}
    snapshot = message(TOPICS.snapshot, revision=1, parameters=said, note="simulated device")
    subscriber, values = heard(Tape([status, snapshot]))
    assert values
    assert subscriber.note == "simulated device"
    assert subscriber.parameters["q0.t1"].note == "simulated device"


def test_nonsense_and_foreign_topics_do_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    good = message(TOPICS.snapshot, revision=1, parameters={"q0.t1": VALUE})
    foreign = message(Topics("other").snapshot, revision=9, parameters={"q0.t1": VALUE})
    _, values = heard(Tape([online("online"), Message(TOPICS.snapshot, b"\xff{"), foreign, good]))
    assert values == [5.0]
    assert caplog.text.count("ignored: unreadable payload") == 1


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
@pytest.mark.parametrize("topic", [TOPICS.snapshot, TOPICS.delta, TOPICS.status])
def test_b7_a_number_that_is_none_is_refused_and_ends_nothing(topic: str, number: str) -> None:
    good = message(TOPICS.snapshot, revision=1, parameters={"q0.t1": VALUE})
    said = (online("offline") if topic == TOPICS.status else good).payload.decode()
    spoilt = Message(topic, f'{said[:-1]}, "x": [{number}]}}'.encode())
    subscriber, values = heard(Tape([online("online"), spoilt, good]))
    assert (values, list(subscriber.refused)) == (
        [5.0], [f"{topic}: unreadable payload: {number} is no finite number"]
    )  # fmt: skip


def test_b7_what_was_changed_on_the_way_is_not_believed_and_said() -> None:
    """Retained by the broker, spoilt by somebody: then the daemon's own comes."""
    good = message(TOPICS.snapshot, revision=2, parameters={"q0.t1": VALUE})
    spoilt = Message(TOPICS.snapshot, good.payload.replace(b'"value": 5.0', b'"value": 7.0'))
    newer = message(TOPICS.delta, revision=3, parameters={"q0.t1": VALUE | {"value": 6.0}})
    cut = Message(TOPICS.delta, newer.payload.replace(b'"run": "r000001"', b'"run": "r000009"'))
    subscriber, values = heard(Tape([online("online"), spoilt, good, cut, newer]))
    assert values == [5.0, 6.0]
    assert list(subscriber.refused) == [
        f"{TOPICS.snapshot}: the sha256 of revision 2 of epoch 'e' is not that of its content",
        f"{TOPICS.delta}: the sha256 of revision 3 of epoch 'e' is not that of its content",
    ]


def test_b7_what_is_of_another_database_than_the_daemons_is_not_believed_and_said() -> None:
    """A broker that comes back with what it had stored before a backup was restored."""

    def said(epoch: str, minute: int, revision: int, value: float) -> list[Message]:
        values = {"q0.f01": VALUE | {"value": value, "revision": revision}}
        time = f"2026-11-21T12:{minute:02}:00.000Z"
        return [
            message(TOPICS.status, epoch=epoch, revision=revision, status="online", time=time),
            message(TOPICS.snapshot, epoch=epoch, revision=revision, parameters=values),
        ]

    old, new = said("old", 1, 57, 4.9), said("new", 5, 58, 4.8)
    stored = [replace(each, retained=True) for each in (*old, said("older", 0, 0, 0)[0])]
    forged = said("forged", 9, 1, 6.66)[1]
    subscriber, values = heard(Tape([*old, *new], stored, [replace(forged, retained=True), *new]))
    assert values == [4.9, 4.8]
    assert list(subscriber.refused) == [
        f"{TOPICS.status}: 'online' of epoch 'old' is not newer than what is known of 'new'",
        f"{TOPICS.snapshot}: revision 57 of epoch 'old': the daemon's status names new",
        f"{TOPICS.status}: 'online' of epoch 'older' is not newer than what is known of 'new'",
        f"{TOPICS.snapshot}: revision 1 of epoch 'forged': the daemon's status names new",
    ]


def test_b1_a_broker_that_stays_away_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kammerton.client.subscriber")
    subscriber = Subscriber(Broker("nowhere", 1), "c")
    for _ in range(100):
        subscriber._say(BrokerError("broker nowhere:1: connection refused"))
    assert len(caplog.records) == 7  # of failure 1, 2, 4, ... 64
    assert caplog.messages[0].endswith("connection refused; trying again (failure 1 in a row)")


@pytest.mark.parametrize(
    ("said", "warned"),
    [
        (None, "nothing heard of c at nowhere:1 for 0.02 s: connection refused"),
        ("", "for 0.02 s: no daemon says anything as 'c'; is that its name?"),
        ("offline", None),
    ],
)
def test_a_wrong_name_or_port_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    said: str | None,
    warned: str | None,
) -> None:
    monkeypatch.setattr(subscriber_module, "SILENT", 0.02)

    class Quiet(Tape):
        async def subscribe(self, *topics: str) -> None:
            if said is None:
                raise BrokerError("connection refused")

        async def messages(self) -> AsyncIterator[Message]:
            if said:
                yield online(said)
            await asyncio.sleep(60)

    subscriber = Subscriber(
        Broker("nowhere", 1), "c", connect=Quiet([]).connect, backoff=Backoff(0.001, 0.002)
    )

    async def listen() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3), contextlib.aclosing(subscriber.updates()) as updates:
                async for _ in updates:
                    pass

    asyncio.run(listen())
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [warned in text for text in warnings] == [True] if warned else warnings == []


def test_b1_after_a_connection_failures_count_anew() -> None:
    async def scenario() -> None:
        tape = Tape([online("online")], [online("online")])
        subscriber = Subscriber(
            Broker("nowhere", 1), "c", connect=tape.connect, backoff=Backoff(0.001, 0.002)
        )
        task = asyncio.create_task(anext(aiter(subscriber)))
        async with asyncio.timeout(10):
            while tape.sessions:  # noqa: ASYNC110 - a tape tells nobody
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert subscriber._failures == 1
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(scenario())


@pytest.mark.parametrize("retained", [True, False])
def test_only_a_retained_snapshot_tells_how_slow_the_line_is(retained: bool) -> None:
    """The short word of the status comes at once on any line; what is new comes when it comes."""
    patient = Patience(20.0)
    after: list[float] = []

    class Looked(Tape):
        async def messages(self) -> AsyncIterator[Message]:
            for each in self.sessions.pop(0):
                yield each
                after.append(patient.seconds)
            raise BrokerError("lost")

    snapshot = message(TOPICS.snapshot, revision=1, parameters={})
    tape = Looked([online("online"), replace(snapshot, retained=retained)])
    subscriber = Subscriber(Broker("nowhere", 1), "c", connect=tape.connect)
    subscriber._patience = patient

    async def listen() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                async for _ in subscriber:
                    pass

    asyncio.run(listen())
    assert after == [20.0, SHORTEST if retained else 20.0]


@pytest.mark.parametrize(("lasted", "patience"), [(3.4, 2 * SHORTEST), (60.0, SHORTEST)])
def test_only_a_line_that_answers_nothing_is_given_more_time(
    monkeypatch: pytest.MonkeyPatch, lasted: float, patience: float
) -> None:
    """A computer that never published retains no snapshot; its connections end all the same."""
    now = [100.0]
    monkeypatch.setattr(subscriber_module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class Lasting(Tape):
        async def messages(self) -> AsyncIterator[Message]:
            for each in self.sessions.pop(0):
                yield each
            now[0] += lasted
            raise BrokerError("lost")

    subscriber, _ = heard(Lasting([online("offline")]))
    assert subscriber._patience.seconds == patience
