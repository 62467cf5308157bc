"""Runs that a dying process left open, disks that are full, and a person who goes back."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from kammerton.loop import record
from kammerton.model import (
    DriveInhibited,
    InstrumentError,
    OutputRefused,
    StoreLost,
    StoreUnavailable,
)
from kammerton.model.alarm import Alarm
from kammerton.publish import Alarms
from kammerton.store import Store, reserve
from kammerton.verify import verify
from tests.stored import fit, run
from tests.unit.loop.laboratory import Chip, ScriptedBench
from tests.unit.loop.test_loop import make


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two", busy=0.2) as store:
        yield store


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(record, "PAUSE", 0.02)


def names(bench: ScriptedBench) -> list[tuple[str, list[str]]]:
    return [(program.name, list(program.sequences)) for program in bench.played]


@pytest.mark.usefixtures("without_files")
def test_r9_what_was_interrupted_is_done_first_and_once(tmp_path, store):
    left = store.begin("resonator_spectroscopy", ["q1"])
    loop, bench = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    assert names(bench)[0] == ("resonator_spectroscopy", ["q1"])
    first, repeated, *_ = store.attempts(100)[::-1]
    assert (first.number, first.outcome) == (left, "aborted")
    assert (repeated.again, repeated.outcome) == (left, "r000001")
    assert all(each.outcome for each in store.attempts(100))
    assert verify(store.path).findings == ()


@pytest.mark.usefixtures("without_files")
def test_r9_what_ends_the_process_twice_is_left_alone_for_a_while(tmp_path, store):
    first = store.begin("resonator_spectroscopy", ["q1"])
    store.abort_open()
    store.begin("resonator_spectroscopy", ["q1"], again=first)
    loop, bench = make(tmp_path, store, Chip())
    parked = asyncio.run(loop.settle())
    assert parked == {"resonator_spectroscopy of q1": "the process ended twice while it ran"}
    assert all(targets == ["q0"] for _, targets in names(bench))


@pytest.mark.usefixtures("without_files")
def test_what_is_not_ready_or_not_installed_any_more_is_not_repeated(tmp_path, store):
    for calibration, targets in (("t1", ["q1"]), ("gone", ["q1"]), ("readout", ["q9"])):
        store.begin(calibration, targets)
    loop, bench = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    assert names(bench)[0] == ("resonator_spectroscopy", ["q0", "q1"])


def test_r9_a_result_is_whole_or_not_there(tmp_path, store, monkeypatch):
    """The process dies in the transaction: no run, no revision, no outbox row; an open attempt."""
    loop, _ = make(tmp_path, store, Chip())

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kammerton.store.records.conclude", dies)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(loop.step())
    assert (store.runs(), store.revision(), store.backlog()) == ([], 0, 0)
    assert [each.outcome for each in store.attempts()] == [None]
    again, _ = make(tmp_path, store, Chip())
    asyncio.run(again.settle())
    assert verify(store.path, data=False).findings == ()


def test_s1_a_full_database_keeps_the_result_until_there_is_room(
    tmp_path, store, caplog, monkeypatch
):
    loop, bench = make(tmp_path, store, Chip())
    asyncio.run(loop.step())

    async def full_for_a_while() -> None:
        settling = asyncio.create_task(loop.settle())
        await until(lambda: settling.done() or "waiting: cannot write" in caplog.text)
        played = len(bench.played)
        await asyncio.sleep(0.2)
        assert not settling.done()
        assert len(bench.played) == played, "nothing is measured that cannot be stored"
        limit(store, 10**6)
        await settling

    with monkeypatch.context() as patch:
        patch.setattr("kammerton.store.write.write_traces", lambda *_: None)
        fill(store)
    before = len(store.runs(10_000)) - len(bench.played)
    asyncio.run(full_for_a_while())
    assert len(store.runs(10_000)) == before + len(bench.played)
    assert verify(store.path).findings == ()


def limit(store: Store, pages: int) -> None:
    """Let the database have so many pages, or as many as it has when that is more."""
    with store._write() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def fill(store: Store) -> None:
    """Let the database grow no more, and fill the pages it has with runs that changed nothing."""
    limit(store, 1)
    for size in (2000, 10):
        with contextlib.suppress(StoreUnavailable):
            while True:
                store.commit(run(("q0",), {"q0": fit(reason="x" * size)}, points=2), {})


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the log has no event to wait for
            await asyncio.sleep(0.02)


def test_s1_nothing_is_measured_where_little_room_is_left(tmp_path, store, caplog, monkeypatch):
    loop, bench = make(tmp_path, store, Chip())
    room = reserve.ROOM

    async def little_room() -> None:
        stepping = asyncio.create_task(loop.step())
        await until(lambda: "nothing is measured" in caplog.text)
        store.audit("gate", "awg1", 1, 0, "small rows go on")
        assert bench.played == []
        monkeypatch.setattr(reserve, "ROOM", room)
        await stepping

    monkeypatch.setattr(reserve, "ROOM", 2**62)
    asyncio.run(little_room())
    assert len(bench.played) == 1


@pytest.mark.usefixtures("without_files")
@pytest.mark.parametrize("scope", ["q0", "r0"])
def test_what_came_to_be_held_while_it_waited_for_room_is_not_driven(
    tmp_path, store, caplog, monkeypatch, scope
):
    loop, bench = make(tmp_path, store, Chip())
    loop.held = lambda: frozenset(lease.scope for lease in store.leases())
    room = reserve.ROOM

    async def held_meanwhile() -> None:
        stepping = asyncio.create_task(loop.step())
        await until(lambda: "nothing is measured" in caplog.text)
        store.hold(scope, "bob", "hands off")
        monkeypatch.setattr(reserve, "ROOM", room)
        await stepping
        await loop.step()

    monkeypatch.setattr(reserve, "ROOM", 2**62)
    asyncio.run(held_meanwhile())
    assert names(bench) == [("resonator_spectroscopy", ["q1"])]
    done, given_up = store.attempts()
    assert given_up.outcome == f"given up: {scope} is held by a person"
    assert done.targets == ("q1",)


def test_s2_somebodys_lock_delays_a_result_and_loses_nothing(tmp_path, store, caplog):
    loop, _ = make(tmp_path, store, Chip())
    alarms: list[Alarm] = []
    loop._record = loop._conclusions.record = replace(loop._record, tell=alarms.append)

    async def locked_for_a_while() -> None:
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            stepping = asyncio.create_task(loop.step())
            await until(lambda: alarms)
            other.execute("ROLLBACK")
        await stepping

    asyncio.run(locked_for_a_while())
    assert len(store.runs()) == 1
    assert {a.kind for a in alarms} == {"database"}
    assert [a.on for a in alarms][-1] is False
    assert alarms[0].on


def test_s3_a_result_in_hand_of_a_condemned_database_waits_for_the_hold(tmp_path, store):
    """The loop goes on no more, and does not end the process: whoever follows holds says so."""
    loop, bench = make(tmp_path, store, Chip())
    alarms: list[Alarm] = []
    loop._record = loop._conclusions.record = replace(loop._record, tell=alarms.append)
    commit = store.commit

    def late(*arguments):
        store.condemn("kammerton.sqlite is damaged")
        return commit(*arguments)

    store.commit = late

    async def condemned_in_mid_run() -> None:
        stepping = asyncio.create_task(loop.step())
        await until(lambda: any(a.on for a in alarms))
        await asyncio.sleep(0.1)
        assert not stepping.done()
        stepping.cancel()
        await asyncio.wait({stepping})
        assert stepping.cancelled()

    asyncio.run(condemned_in_mid_run())
    assert {(a.text, a.causes) for a in alarms if a.on} == {
        ("kammerton.sqlite is damaged", ("damaged",))
    }
    assert bench.played
    assert store.runs() == []


@pytest.mark.parametrize("lost", [True, False])
def test_s3_an_answer_after_a_lock_does_not_end_the_alarm_of_a_damaged_database(store, lost):
    alarms: list[Alarm] = []
    kept = record.Record(store, lambda _: asyncio.sleep(0), alarms.append)
    answers = [StoreUnavailable("locked"), None]

    def ask(_: Store) -> None:
        if (problem := answers.pop(0)) is not None:
            raise problem
        if lost:
            store.condemn("it is damaged")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "PAUSE", 0.01)
        asyncio.run(kept.read(ask))
    assert [a.on for a in alarms] == ([True] if lost else [True, False])


def test_s3_nobody_but_the_loop_waits_for_a_damaged_database(store):
    """Who connects has no hold that would break it off."""
    store.condemn("kammerton.sqlite is damaged")
    kept = record.Record(store, lambda _: asyncio.sleep(0))
    with pytest.raises(StoreLost, match="is damaged"):
        asyncio.run(kept.warm(lambda: [store.audit("daemon", "", "", "", "")]))


def test_what_waited_and_was_broken_off_is_over_once_another_attempt_begins(store):
    alarms = Alarms()
    kept = record.Record(store, lambda _: asyncio.sleep(0), alarms.tell)

    def locked(_: Store) -> None:
        raise StoreUnavailable("locked")

    async def main() -> None:
        waits = asyncio.create_task(kept.read(locked))
        await until(lambda: alarms.untold)
        waits.cancel()
        await asyncio.wait({waits})
        await kept.begin("t1", ["q0"], None)
        await kept.begin("t1", ["q1"], None)

    asyncio.run(main())
    alarms.hurry()
    assert [(n.kind, n.on) for n in alarms.due()] == [("database", True), ("database", False)]


@pytest.mark.usefixtures("without_files")
def test_beliefs_follow_a_revert(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    old = store.parameters()["q0.f01"]
    moved, _ = make(tmp_path, store, Chip())
    moved.book.doubt(["q0.f01"], 1000.0, moved.clock.now())
    asyncio.run(moved.settle())
    new = store.parameters()["q0.f01"]
    assert new != old
    later, _ = make(tmp_path, store, Chip())
    then = max(n for n in range(1, store.revision()) if _at(store, n) == old)
    store.revert(then, ["q0.f01"], who="anna")
    asyncio.run(later.step())
    assert (later.book["q0.f01"].mean, later.book["q0.f01"].run) == (old.value, old.run)


def _at(store: Store, revision: int):
    change = store.parameters_at(revision).get("q0.f01")
    return change and change.estimate


@pytest.mark.usefixtures("without_files")
def test_a_revert_while_a_run_is_under_way_is_not_overwritten_by_it(tmp_path, store):
    loop, bench = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    again, bench = make(tmp_path, store, Chip())
    again.book.doubt(["q0.f01", "q1.f01"], 1000.0, again.clock.now())
    asyncio.run(again.step())  # so that there is something to go back from
    changed = set(store.parameters_at(store.revision())) and store.revisions(1)[0].number
    back = store.parameters_at(changed - 1)["q0.f01"].estimate
    third, bench = make(tmp_path, store, Chip())
    third.book.doubt(["q0.f01", "q1.f01"], 1000.0, third.clock.now())
    measured = bench.acquire

    async def acquire(program):
        if len(bench.played) == 0:
            await asyncio.to_thread(store.revert, changed - 1, ["q0.f01"], who="anna")
        return await measured(program)

    bench.acquire = acquire
    asyncio.run(third.step())
    assert store.parameters()["q0.f01"] == back
    assert store.parameters()["q1.f01"].run == store.runs(1)[0].id, "the neighbour's is taken"


def doubting(tmp_path, store):
    """Return a loop that is about to measure both qubits' f01 again."""
    loop, _ = make(tmp_path, store, Chip())
    loop.book.doubt(["q0.f01", "q1.f01"], 1000.0, loop.clock.now())
    return loop


def test_a_revert_while_a_result_waits_for_the_disk_stays_and_is_believed(
    tmp_path, store, monkeypatch
):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    before = store.revision()
    asyncio.run(doubting(tmp_path, store).step())  # so that there is something to go back from
    loop, write = doubting(tmp_path, store), store.commit
    back = []

    def commit(run, changes, *more):
        if not back:
            back.append(store.revert(before, ["q0.f01", "q0.t2_star"], who="anna"))
            raise StoreUnavailable("cannot write: another program holds the database locked")
        return write(run, changes, *more)

    monkeypatch.setattr(store, "commit", commit)
    asyncio.run(loop.step())
    head, newest = store.snapshot().parameters, store.runs(1)[0]
    assert back
    assert newest.revision == back[0] + 1, "the neighbour's is taken"
    assert {n for n, c in head.items() if c.revision == back[0]} >= {"q0.f01"}
    for name, change in head.items():
        assert loop.book[name].mean == change.estimate.value, name


def test_a_commit_whose_acknowledgement_is_lost_is_stored_once(tmp_path, store, monkeypatch):
    loop, _ = make(tmp_path, store, Chip())
    write, told, announced = store.commit, [], []
    store.on_commit(lambda: announced.append(store.backlog()))
    loop.committed = lambda run, run_id, *_: told.append(run_id)

    def commit(*given):
        done = write(*given)
        if len(store.runs()) == 1 and not told and len(announced) == 1:
            raise StoreUnavailable("the connection to the server was lost")
        return done

    monkeypatch.setattr(store, "commit", commit)
    asyncio.run(loop.step())
    assert told == ["r000001"] == [each.id for each in store.runs()]
    assert announced == [1, 1], "what was lost on its way is announced when it is found"
    assert store.backlog() == 1
    assert [path.name for path in (tmp_path / "runs").glob("*.nc")] == ["r000001.nc"]


class OneMoved(Chip):
    """q0 has moved by over a hundred sigma, q1 has not."""

    def ramsey(self, program, target):
        self.f01 = Chip.f01 + (40e3 if target == "q0" else 0.0)
        return super().ramsey(program, target)


@pytest.mark.usefixtures("without_files")
def test_p7_what_belongs_together_is_stored_together_or_not_at_all(tmp_path, store):
    """One number of a qubit's that cannot be believed withholds all of its run, and no other's."""
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    again, bench = make(tmp_path, store, OneMoved())
    again.book.doubt(["q0.t2_star", "q1.t2_star"], 100.0, again.clock.now())
    asyncio.run(again.step())
    assert names(bench) == [("ramsey", ["q0", "q1"])]
    newest = store.runs(1)[0]
    made = {
        n for n, change in store.snapshot().parameters.items() if change.estimate.run == newest.id
    }
    assert made == {"q1.f01", "q1.t2_star"}


def test_s2_a_database_that_cannot_be_read_between_two_runs_is_waited_for(
    tmp_path, store, monkeypatch
):
    monkeypatch.setattr("kammerton.loop.record.PAUSE", 0.01)
    loop, bench = make(tmp_path, store, Chip())
    alarms: list[Alarm] = []
    loop._record = loop._conclusions.record = replace(loop._record, tell=alarms.append)
    snapshot, faults = store.snapshot, iter(["the server said nothing"] * 2)

    def sometimes():
        for fault in faults:
            raise StoreUnavailable(fault)
        return snapshot()

    monkeypatch.setattr(store, "snapshot", sometimes)
    assert asyncio.run(loop.step())
    assert len(bench.played) == 1
    assert [a.on for a in alarms] == [True, True, False, False]  # and as the attempt begins


@pytest.mark.parametrize("after", [0.0, 0.05])
def test_r1_told_to_end_while_an_attempt_is_noted_leaves_none_open(tmp_path, after):
    """Its thread writes on though nobody waits for the number."""
    with Store.open(tmp_path / "db.sqlite", "two") as store:
        begin, begun, noted = store.begin, threading.Event(), threading.Event()

        def slowly(*attempt):
            begun.set()
            time.sleep(0.1)
            number = begin(*attempt)
            noted.set()
            return number

        store.begin = slowly

        async def main():
            kept = record.Record(store, say=lambda words: asyncio.sleep(0))
            task = asyncio.create_task(kept.begin("t1", ["q0"], None))
            await asyncio.to_thread(begun.wait, 60)
            await asyncio.sleep(after)
            task.cancel()
            return await asyncio.wait({task})

        asyncio.run(main())
        assert noted.is_set(), "its thread went on"
        assert [each.outcome for each in store.attempts()] == ["stopped"]


@pytest.mark.parametrize(
    "failure",
    [DriveInhibited("the mixing chamber reads 4 K"), OutputRefused("too much power"),
     InstrumentError("no answer", instrument="awg"), None],
    ids=["warm", "refused", "an instrument", "measured"],
)  # fmt: skip
def test_r1_told_to_end_while_an_end_is_noted_leaves_no_attempt_open(
    tmp_path, store, monkeypatch, failure
):
    """On a busy machine the note has not even begun: nobody writes it then but the end itself."""
    loop, bench = make(tmp_path, store, Chip())
    waits, noted = asyncio.Event(), []

    async def acquire(program):
        if failure is not None:
            raise failure
        return await played(program)

    async def never(*_):
        if not noted:
            noted.append(1)
            waits.set()
            await asyncio.Event().wait()
        return await end(*_)

    played, bench.acquire = bench.acquire, acquire
    end = loop._record.end
    held = {"commit": never} if failure is None else {"end": never}
    for name, function in held.items():
        monkeypatch.setattr(record.Record, name, lambda self, *a, f=function, **k: f(*a, **k))

    async def main():
        task = asyncio.create_task(loop.step())
        await asyncio.wait_for(waits.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    attempts = store.attempts()
    assert len(attempts) == 1
    assert attempts[0].outcome == "stopped"
