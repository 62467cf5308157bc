"""Requests that cannot be read: nothing begins, since a hold may be among them."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from kammerton.lab import holdable
from kammerton.model import StoreError, StoreUnavailable
from kammerton.model.alarm import Alarm
from kammerton.serve import attending as module
from kammerton.serve.attending import attending
from kammerton.serve.holding import Holds
from kammerton.store import Inbox, Store, attend, sqlite
from kammerton.store.request import Request

LATE = 5
"""Holds that come in the midst of a look."""

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
            assert heard[0] == f"cannot open requests in {file}: file is not a database"
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
            assert re.match(r"request \d+ is damaged: \(", said)
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


def failing(code: int) -> StoreError:
    """Return what becomes of an error of SQLite in a look."""
    try:
        with sqlite.named_errors(Path("kammerton.sqlite"), "open"):
            cause = sqlite3.OperationalError("disturbed")
            cause.sqlite_errorcode = code
            raise cause
    except StoreError as problem:
        return problem
    raise AssertionError(code)


def told_of(monkeypatch, store: Store, *looks: StoreError | None) -> list[bool]:
    """Look once for each of these; return of which it was told that requests cannot be read."""
    heard: list[str | None] = []
    left = list(looks)

    def attended(*_: object) -> list[Request]:
        problem = left.pop(0)
        if problem is not None:
            raise problem
        return []

    monkeypatch.setattr(module, "attend", attended)

    async def main() -> list[bool]:
        told, desk = [], module._Desk(store, None, None)
        for _ in looks:
            before = len(heard)
            await module._look(desk, print, heard.append)
            told.append(heard[before:] not in ([], [None]))
        return told

    return asyncio.run(main())


CANNOT_OPEN = failing(sqlite3.SQLITE_CANTOPEN)


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_READONLY_DBMOVED,
    ],
)
def test_a_disturbance_of_two_looks_takes_no_bench_down(monkeypatch, store, code):
    spoilt = failing(code)
    told = told_of(monkeypatch, store, None, spoilt, spoilt, None, spoilt, spoilt, spoilt, spoilt)
    assert told == [False] * 6 + [True] * 2


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB])
def test_damage_counts_at_once_and_so_does_whatever_follows(monkeypatch, store, code):
    assert told_of(monkeypatch, store, None, failing(code)) == [False, True]
    assert told_of(monkeypatch, store, None, failing(code), CANNOT_OPEN) == [False, True, True]


def test_before_anybody_has_looked_a_disturbance_counts(monkeypatch, store):
    told = told_of(monkeypatch, store, CANNOT_OPEN, None, CANNOT_OPEN)
    assert told == [True, False, False]


def test_s3_while_the_database_is_condemned_the_computer_counts_as_held(store):
    """Nothing begins, and what plays is switched off, as for a person who holds it."""
    told = list[Alarm]()
    lab = SimpleNamespace(computer="two", instruments={})
    holds = Holds(lab, store, lambda _: None, told.append)

    async def main() -> None:
        async with holds.followed(), attending(store, unread=holds.unread):
            await soon(lambda: holds.on_bench() is None)
            store.condemn("kammerton.sqlite is damaged")
            await soon(lambda: holds.on_bench() is not None)

    asyncio.run(main())
    assert {(each.kind, each.on) for each in told} == {("database", True), ("requests", True)}
    assert {each.text for each in told if each.kind == "database"} == {
        "kammerton.sqlite is damaged"
    }
    (lease,) = holds()
    assert lease.scope == "computer"
    assert "a hold may be among them: kammerton.sqlite is damaged" in lease.why


def test_descriptors_that_are_short_for_a_moment_take_no_bench_down(monkeypatch, store, file):
    heard: list[str | None] = []

    def none_left(*_: object) -> sqlite3.Connection:
        return sqlite3.connect("file:/nowhere/at/all?mode=ro", uri=True)  # as SQLite says it

    async def main() -> None:
        async with attending(store, unread=heard.append):
            await soon(lambda: len(heard) > 1)
            with monkeypatch.context() as short:
                short.setattr(sqlite, "_connect", none_left)
                short.setattr(module, "PERIOD", 0.2)
                file.unlink()  # as a cleaner does: it is opened anew
                await asyncio.sleep(0.15)
            before = len(heard)
            await soon(lambda: len(heard) > before + 1)

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


def test_a_hold_counts_before_it_has_its_answer(store, monkeypatch):
    """Whoever got the answer may have the hands at the cable before the leases are read again.

    The request comes where it is hardest: when a look has begun, and has not read it yet.
    """
    counts, numbers = set[int](), list[int]()
    renew, answer = Inbox.renew, Inbox.answer

    def asked(holds: Collection[Request]) -> set[int]:
        assert threading.current_thread() is threading.main_thread()
        counts.update(each.number for each in holds)
        return counts

    def begun(inbox: Inbox) -> None:
        renew(inbox)
        if len(numbers) < LATE:
            numbers.append(inbox.ask("hold", {"scope": "q0", "why": "wiring"}, "anna"))

    def answered(inbox: Inbox, number: int, words: str, *, done: bool) -> None:
        assert number in counts
        answer(inbox, number, words, done=done)

    async def main() -> None:
        async with attending(store, asked=asked):
            monkeypatch.setattr(Inbox, "renew", begun)
            monkeypatch.setattr(Inbox, "answer", answered)
            with Inbox(store.place) as inbox:
                await soon(lambda: len(numbers) == LATE and not inbox.waiting())

    asyncio.run(main())
    assert counts == set(numbers)


def test_what_was_read_before_a_newer_hold_was_counted_takes_it_back_from_nobody(store):
    """Two look at the same time; the one that read first comes last."""
    heard: list[list[int]] = []

    def asked(holds: Collection[Request]) -> list[int]:
        heard.append([each.number for each in holds])
        return heard[-1]

    async def main() -> None:
        desk = module._Desk(store, None, None, asked)
        newer = Request(7, "hold", {"scope": "q0"}, "anna", 0, done=False, answer=None)

        def slow() -> list[Request]:
            asyncio.run_coroutine_threadsafe(desk.count([newer], 0), loop).result(5)
            return []

        desk.asked = slow
        loop = asyncio.get_running_loop()
        await module._see(desk, {})

    asyncio.run(main())
    assert heard == [[7]]


def test_a_look_that_read_before_a_newer_hold_came_takes_it_back_from_nobody(store, monkeypatch):
    """The other way round: it comes, and counts, between a look's reading and its counting."""
    heard: list[list[int]] = []
    waiting, numbers = Inbox.waiting, list[int]()

    def asked(holds: Collection[Request]) -> list[int]:
        heard.append([each.number for each in holds])
        return heard[-1]

    async def main() -> None:
        desk = module._Desk(store, None, None, asked)
        await asyncio.to_thread(desk.look)  # opens it
        loop = asyncio.get_running_loop()

        def late(inbox: Inbox) -> list[Request]:
            found = waiting(inbox)
            if len(numbers) == 1:
                numbers.append(inbox.ask("hold", {"scope": "q1", "why": "wiring"}, "berta"))
                asyncio.run_coroutine_threadsafe(module._see(desk, {}), loop).result(5)
            return found

        with Inbox(store.place) as inbox:
            numbers.append(inbox.ask("hold", {"scope": "q0", "why": "wiring"}, "anna"))
        monkeypatch.setattr(Inbox, "waiting", late)
        await asyncio.to_thread(desk.look)

    asyncio.run(main())
    assert heard[-1] == numbers, "berta's is not answered yet"


@pytest.mark.parametrize("step", ["renew", "take"])
def test_a_hold_in_the_last_look_of_a_daemon_is_not_refused(store, monkeypatch, step):
    """A thread goes on though nobody waits for it: the database is closed under it."""
    begun, go, ended, numbers = (threading.Event(), threading.Event(), threading.Event(), [])
    real, look = getattr(Inbox, step), module._Desk.look

    def slowly(inbox: Inbox, *more: object) -> object:
        if not begun.is_set():
            begun.set()
            go.wait(20)
        return real(inbox, *more)

    def looked(desk: object) -> object:
        try:
            return look(desk)
        finally:
            if begun.is_set():
                ended.set()

    async def main() -> None:
        async with attending(store):
            monkeypatch.setattr(module._Desk, "look", looked)
            monkeypatch.setattr(Inbox, step, slowly)
            with Inbox(store.place) as inbox:
                numbers.append(inbox.ask("hold", {"scope": "q0", "why": "wiring"}, "anna"))
            assert await asyncio.to_thread(begun.wait, 20)
        store.close()
        go.set()
        assert await asyncio.to_thread(ended.wait, 20)

    asyncio.run(main())
    with Store.open(store.path, "two") as again, Inbox(again.place) as inbox:
        assert inbox.request(numbers[0]).answer is None
        attend(again, inbox)
        assert inbox.request(numbers[0]).done
        assert [lease.owner for lease in again.leases()] == ["anna"]


def test_a_hold_counts_at_once_while_another_program_locks_the_database(tmp_path):
    lab = SimpleNamespace(computer="two", instruments={"awg1": None}, qubits={}, resonators={})

    async def main() -> None:
        with Store.open(tmp_path / "kammerton.sqlite", "two", busy=3.0) as store:
            holds = Holds(lab, store, print)
            await holds._read()
            async with attending(store, holds.told, holdable(lab), asked=holds.asked):
                with Inbox(store.place) as inbox, locked(store.path) as other:
                    inbox.ask("hold", {"scope": "awg1", "why": "wiring", "now": True}, "anna")
                    begun = time.monotonic()
                    await soon(lambda: holds.on_bench() is not None)
                    assert time.monotonic() - begun < 2.5  # it is not recorded before 3 s
                    await holds._read()
                    assert holds._over(holds.on_bench())
                    (request,) = inbox.waiting()
                    await soon(lambda: inbox.request(request.number).kept)
                    await holds._read()
                    assert holds.whose("awg1") == "awg1 is held by anna: wiring"
                    other.execute("ROLLBACK")
                    await soon(lambda: inbox.request(request.number).done)
                    assert holds.on_bench().number < 0  # as long as nobody has read the lease
                    await soon(lambda: bool(holds._answered))
                    await holds._read()
                    assert holds.on_bench().number > 0
                    inbox.ask("release", {"scope": "awg1"}, "anna")
                    await soon(lambda: not inbox.waiting())
                    await holds._read()
                    assert holds.on_bench() is None

    asyncio.run(main())


def test_all_that_is_asked_for_in_one_hold_counts_at_once_and_is_read_as_leases(tmp_path):
    """The first that is recorded does not stand for the others: all or none is, at one look."""
    parts = {"qubits": {"q0": None}, "resonators": {}}
    lab = SimpleNamespace(computer="two", instruments={"awg1": None, "lo": None}, **parts)
    names = ["q0", "lo", "awg1"]

    async def main() -> None:
        with Store.open(tmp_path / "kammerton.sqlite", "two", busy=3.0) as store:
            holds = Holds(lab, store, print)
            await holds._read()
            async with attending(store, holds.told, holdable(lab), asked=holds.asked):
                with Inbox(store.place) as inbox, locked(store.path) as other:
                    inbox.ask("hold", {"targets": names, "why": "x", "now": True}, "anna")
                    await soon(lambda: holds.on_bench() is not None)
                    assert holds.elements() == frozenset(names)
                    await holds._read()
                    assert all(holds._over(each) for each in holds())
                    (request,) = inbox.waiting()
                    await soon(lambda: inbox.request(request.number).kept)
                    other.execute("ROLLBACK")
                    await soon(lambda: inbox.request(request.number).done)
                    await soon(lambda: bool(holds._answered))
                    await holds._read()
                    assert sorted(each.scope for each in holds()) == sorted(names)
                    assert all(each.number > 0 for each in holds())
                    inbox.ask("release", {"targets": names}, "anna")
                    await soon(lambda: not inbox.waiting())
                    await holds._read()
                    assert holds() == ()

    asyncio.run(main())


def test_what_cannot_be_a_hold_takes_nothing_from_the_daemon():
    lab = SimpleNamespace(computer="two", instruments={"awg1": None}, qubits={}, resonators={})
    holds = Holds(lab, None, print)
    holds.leases = ()
    over = {"scope": "awg1", "why": "", "until": "2020-01-01T00:00:00+00:00"}
    part, late = {"targets": ["awg1", "awg9"]}, {"scope": "awg1", "until": "x"}
    for number, arguments in enumerate(({"scope": "awg9"}, over, late, part)):
        holds.asked([Request(number, "hold", arguments, "anna", 0, done=False, answer=None)])
    assert holds() == ()


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
