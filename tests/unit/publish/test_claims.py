"""What other computers' daemons say that they have, as a broker retains it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.publish import Message, claims, mqtt, payloads, received
from kammerton.publish.claims import claimed
from kammerton.publish.topics import Topics
from kammerton.store import Snapshot
from tests.brokers import BrokerProcess

BOX = "rohde&schwarz sgs100a serial 112345"
HERE = Broker("127.0.0.1", 1)


def said(
    instance: str = "pc7/41", word: str = "online", old: timedelta = timedelta(),
    boxes: tuple[str, ...] = (BOX,), ahead: float = 0.0,
) -> bytes:  # fmt: skip
    time = datetime.now(UTC) - old + timedelta(seconds=ahead)
    document = payloads.status(
        Snapshot("large-chip", "e", 3, {}), word, time, ahead=ahead, boxes=boxes
    )
    return payloads.encode(document | {"instance": instance})


def looked(tmp_path, *retained: tuple[str, bytes]) -> dict[str, str]:
    """Return what is found where a broker retains this."""

    async def main() -> dict[str, str]:
        broker = Broker("127.0.0.1", process.port)
        async with mqtt.connect(broker) as connection:
            for computer, payload in retained:
                await connection.publish(Topics(computer).status, payload, retain=True)
        return dict(await claimed(broker))

    process = BrokerProcess(tmp_path)
    process.start()
    try:
        return asyncio.run(main())
    finally:
        process.kill()


def test_r7_what_a_daemon_on_another_computer_has_is_known_and_whose_it_is(tmp_path):
    other = "awg maker awg5208 serial b1"
    found = looked(
        tmp_path,
        ("large-chip", said()),
        ("small-chip", said("pc8/5", "safe mode", boxes=(other,), ahead=7e5)),
        ("rubbish", b"this is no status"),
    )
    assert found == {
        BOX: "the daemon of large-chip on pc7/41 (host/process)",
        other: "the daemon of small-chip on pc8/5 (host/process)",
    }


@pytest.mark.parametrize(
    "how",
    [
        {"word": "offline"},
        {"instance": f"{socket.gethostname()}/41"},
        {"instance": ""},
        {"boxes": ()},
        {"old": timedelta(minutes=5)},
        {"old": timedelta(minutes=-5)},
    ],
    ids=["offline", "on this computer", "nobody", "no boxes", "long ago", "of a time to come"],
)
def test_r7_what_is_over_or_told_by_the_locks_claims_nothing(tmp_path, how):
    assert looked(tmp_path, ("large-chip", said(**how))) == {}


def test_an_old_claim_that_is_not_believed_is_named(tmp_path, caplog):
    looked(tmp_path, ("large-chip", said(old=timedelta(minutes=5))))
    assert "the status of pc7/41 is of " in caplog.text


def test_a_broker_that_says_nothing_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(claims, "PATIENCE", 0.05)

    @asynccontextmanager
    async def silent(*_: object):
        await asyncio.sleep(60)
        yield

    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1 says nothing"):
        asyncio.run(claimed(HERE, silent))


class Slow:
    """A connection whose first message comes late, and then another one again and again."""

    def __init__(self, first: float, more: float) -> None:
        self.pauses = iter([first, *[more] * 99])

    async def subscribe(self, _: str) -> None:
        pass

    async def messages(self) -> AsyncIterator[Message]:
        for pause in self.pauses:
            await asyncio.sleep(pause)
            yield Message(Topics("large-chip").status, said())


@pytest.mark.parametrize(
    ("first", "more"), [(0.3, 60.0), (0.0, 0.01)], ids=["one that is late", "ever more"]
)
def test_what_came_in_time_is_known_however_much_comes_or_late(monkeypatch, first, more):
    monkeypatch.setattr(claims, "PATIENCE", 0.8)

    @asynccontextmanager
    async def slow(*_: object):
        yield Slow(first, more)

    assert asyncio.run(claimed(HERE, slow)).keys() == {BOX}


def test_a_status_tells_the_boxes_that_a_reader_finds():
    assert received.status(said()).boxes == (BOX,)
    assert received.status(said(boxes=())).boxes == ()
