"""Requests that cannot be read: nothing begins, since a hold may be among them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kammerton.model import StoreError, StoreUnavailable
from kammerton.serve import attending as module
from kammerton.serve.attending import attending
from kammerton.store import Inbox, Store

RUBBISH = b"this is no database, and long enough to be told so" * 1000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.01)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kammerton.sqlite", "two", busy=0.1) as store:
        yield store


@pytest.fixture
def file(store: Store) -> Path:
    found = store.place.request_file
    assert found is not None
    return found


async def soon(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0.01)


def test_requests_that_were_damaged_hold_everything_until_a_person_has_looked(store, file):
    heard: list[str | None] = []

    async def main() -> None:
        with Inbox(store.place) as inbox:
            inbox.ask("hold", {"scope": "q0", "why": "wiring"}, "anna")
        file.write_bytes(RUBBISH)  # before anybody has looked
        async with attending(store, unread=heard.append):
            assert heard[0] is not None
            assert "not a database" in heard[0]
            assert store.leases() == ()
            file.unlink()
            await soon(lambda: heard[-1] is None)
            with Inbox(store.place) as inbox:
                number = inbox.ask("hold", {"scope": "q0", "why": "wiring"}, "anna")
                await soon(lambda: inbox.request(number).done)
            file.write_bytes(RUBBISH)
            await soon(lambda: heard[-1] is not None)

    asyncio.run(main())
    assert [lease.owner for lease in store.leases()] == ["anna"]


DAMAGE = {
    "torn": 'arguments = \'{"scope": "q0\'',
    "null": "arguments = 'null'",
    "list": "arguments = '[]'",
    "deep": f"arguments = '{'[' * 9000}'",
    "long number": f"arguments = '{{\"scope\": {'1' * 5000}}}'",
    "bytes": "arguments = x'ff00'",
    "number": "arguments = 1.5e300",
    "verb": "verb = x'ff00'",
    "who": "who = x'ff00'",
    "asked": "asked = 'x', verb = 'release'",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_one_request_that_is_damaged_does_too(store, file, damage):
    heard: list[str | None] = []

    async def main() -> None:
        with Inbox(store.place) as inbox:
            inbox.ask("hold", {"scope": "q0", "why": "wiring"}, "anna")
        with closing(sqlite3.connect(file)) as other:
            other.execute(f"UPDATE request SET {damage}")
            other.commit()
        async with attending(store, unread=heard.append):
            (said,) = heard
            assert said is not None
            assert said.startswith("request 1 is damaged: (")
            assert len(said) < 200

    asyncio.run(main())
    assert store.leases() == ()


def test_somebodys_lock_is_no_damage(store, file):
    heard: list[str | None] = []

    async def main() -> None:
        async with attending(store, unread=heard.append):
            with closing(sqlite3.connect(file, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                await asyncio.sleep(0.3)
            before = len(heard)
            await soon(lambda: len(heard) > before)

    asyncio.run(main())
    assert set(heard) == {None}


def test_a_lock_at_the_start_is_raised(store, file, monkeypatch):
    def locked(*_: object) -> None:
        raise StoreUnavailable("another program holds it")

    monkeypatch.setattr(module, "attend", locked)

    async def main() -> None:
        async with attending(store):
            pass

    with pytest.raises(StoreError, match="another program holds it"):
        asyncio.run(main())
