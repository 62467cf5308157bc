"""Backups are looked at before they count; a restore overwrites nothing and is a new epoch."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.model import StoreError, StoreInUse, StoreLost, StoreUnavailable
from kammerton.model.alarm import Alarm
from kammerton.serve import backups
from kammerton.serve.backups import backing_up
from kammerton.store import Doubt, Inbox, Store, attend, backup, restore, sqlite
from kammerton.verify import Report, verify
from tests.stored import NOON, estimate, run

OLD = Path(__file__).with_name("schema1.sql").read_text(encoding="utf-8")


def _damage(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    for place in range(4096, len(whole), 101):
        whole[place] ^= 0xFF
    path.write_bytes(whole)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not so():  # noqa: ASYNC110 - neither a list nor a folder tells anybody
            await asyncio.sleep(0.01)


def _spoil_history(path: Path) -> None:
    """Overwrite a page of `change` that lies deep in the table."""
    with closing(sqlite3.connect(path)) as there:
        (size,) = there.execute("PRAGMA page_size").fetchone()
        there.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = there.execute("SELECT rootpage FROM sqlite_master WHERE name='change'").fetchone()
    whole = bytearray(path.read_bytes())
    page = whole[(root - 1) * size : root * size]
    assert page[0] == 5, "the table has more than one page"
    cell = int.from_bytes(page[12:14], "big")
    child = int.from_bytes(page[cell : cell + 4], "big")
    with path.open("r+b") as file:
        file.seek((child - 1) * size)
        file.write(b"\xee" * size)


def _bytes(path: Path) -> list[bytes]:
    """Return what the database and its write-ahead log hold."""
    return [each.read_bytes() for each in (path, path.with_name(f"{path.name}-wal"))]


def test_a_backup_is_made_while_the_daemon_writes(store: Store, path: Path) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    with store._write():  # a transaction under way
        saved = backup.keep(path)
    assert backup.backups(path) == [saved]
    assert verify(saved).revision == 1
    assert not saved.with_name(f"{saved.name}-wal").exists()


def test_what_is_not_sound_gets_no_name(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "verify", lambda *_, **__: Report(("revision 2 is missing",)))
    with pytest.raises(StoreError, match="not sound: revision 2 is missing"):
        backup.keep(path)
    assert list(backup.beside(path).iterdir()) == []


def test_a_trigger_of_the_laboratory_stops_no_backup_and_no_restore(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
    with closing(sqlite3.connect(path)) as mine, mine:
        mine.execute("CREATE TABLE mine (number)")
        mine.execute(
            "CREATE TRIGGER tell AFTER INSERT ON revision "
            "BEGIN INSERT INTO mine VALUES (new.number); END"
        )
    said = ("the trigger tell is none of Kammerton",)
    saved = backup.keep(path)
    assert verify(saved).findings == said
    restore(saved, "anna")
    assert verify(path).findings == said
    with closing(sqlite3.connect(path)) as mine, mine:
        mine.execute("PRAGMA foreign_keys = OFF")
        mine.execute("DROP TABLE activity")
    with pytest.raises(StoreError, match="the table activity is missing"):
        backup.keep(path)


def test_only_the_newest_hourly_ones_stay(store: Store, path: Path) -> None:
    first = backup.keep(path, why="schema1")
    hourly = [backup.keep(path) for _ in range(4)]
    backup.thin(path, kept=2, days=0)
    assert backup.backups(path) == [first, *hourly[2:]]


def test_the_newest_is_told_by_its_number_not_by_a_clock(store: Store, path: Path) -> None:
    older, newer = backup.keep(path), backup.keep(path)
    os.utime(newer, (0, 0))  # written in the year 1970, says its clock
    assert backup.backups(path)[-1] == newer
    assert older.name < newer.name


def test_of_older_hourly_ones_the_last_of_each_day_stays(path: Path) -> None:
    folder = backup.beside(path)
    folder.mkdir()
    hours = [(day, hour) for day in range(1, 15) for hour in range(24)]
    for number, (day, hour) in enumerate(hours, 1):
        saved = f"{path.name}.backup-{number:06d}-202611{day:02d}T{hour:02d}0000Z-hourly"
        (folder / saved).touch()
        backup.thin(path)  # after each, as the daemon does
    times = [saved.name.split("-")[-2] for saved in backup.backups(path)]
    days = [f"202611{day:02d}T230000Z" for day in range(7, 14)]
    recent = [f"20261114T{hour:02d}0000Z" for hour in range(12, 24)]
    assert times[-12:] == recent
    # Of the day that goes on, the last of those that are older than the newest twelve.
    assert times[:-12] == [*days[1:], "20261114T110000Z"]


def test_the_daemon_backs_up_every_hour_in_which_something_was_stored(
    store: Store, path: Path
) -> None:
    async def more(than: int) -> None:
        while len(backup.backups(path)) <= than:  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.01)

    async def some_hours() -> None:
        async with asyncio.timeout(20), backing_up(store, period=0.05, first=0.05):
            await asyncio.sleep(0.3)
            assert backup.backups(path) == [], "nothing to go back to"
            await asyncio.to_thread(store.commit, run(), {"q0.t1": estimate()})
            await more(than=0)
            await asyncio.sleep(0.3)
            assert len(backup.backups(path)) == 1
            await asyncio.to_thread(store.commit, run(), {"q0.t1": estimate()})
            await more(than=1)
            await asyncio.to_thread(store.hold, "q0", "anna", "wiring")
            await more(than=2)

    asyncio.run(some_hours())
    made = backup.backups(path)
    asyncio.run(_brief(store))
    assert backup.backups(path) == made, "a restart within the hour makes none"


def test_what_a_killed_copy_leaves_is_no_backup(store: Store, path: Path) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    kept = backup.keep(path)
    for left in (".part", ".part-journal", ".part-wal", ".part-shm", "-wal"):
        kept.with_name(f"{kept.name}{left}").write_bytes(b"torn")
    assert backup.backups(path) == [kept]


def test_the_first_values_have_a_backup_within_a_minute_and_the_next_take_longer(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def quick(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            store.commit(run(), {"q0.t1": estimate()})
        if len(slept) == 12:
            raise asyncio.CancelledError

    monkeypatch.setattr(backups.asyncio, "sleep", quick)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(backups._hourly(store, backups.HOUR, backups.FIRST))
    assert slept == [60, 60, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("made", "old", "pause"), [(1, 30.0, 90.0), (2, 30.0, 210.0), (7, 1800.0, 1800.0), (3, 9e3, 0)]
)
def test_after_a_restart_the_next_is_made_when_it_would_have_been(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, made: int, old: float, pause: float
) -> None:
    for _ in range(made):
        backup.keep(path)
    monkeypatch.setattr(backup, "age", lambda database: old)
    slept: list[float] = []

    async def quick(seconds: float) -> None:
        slept.append(seconds)
        raise asyncio.CancelledError

    monkeypatch.setattr(backups.asyncio, "sleep", quick)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(backups._hourly(store, backups.HOUR, backups.FIRST))
    assert slept == [pause]


def test_backups_that_fail_are_not_tried_every_minute(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    slept: list[float] = []

    async def quick(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 8:
            raise asyncio.CancelledError

    def fails(_: Path) -> None:
        raise StoreError("no room")

    monkeypatch.setattr(backup, "keep", fails)
    monkeypatch.setattr(backups.asyncio, "sleep", quick)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(backups._hourly(store, backups.HOUR, backups.FIRST))
    assert slept == [120, 240, 480, 960, 1920, 3600, 3600, 3600]


@pytest.mark.parametrize("which", ["backups", "age", "thin"])
def test_a_disk_of_backups_that_fails_stops_nothing(
    store: Store,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    which: str,
) -> None:
    """The folder may be a link to another disk, or to another computer's."""
    store.commit(run(), {"q0.t1": estimate()})

    def gone(_: Path, folder: Path | None = None) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    async def body() -> None:
        async with backing_up(store, period=0.01, first=0.01):
            await asyncio.sleep(0.3)

    assert backup.backups(path) == []
    monkeypatch.setattr(backup, which, gone)
    asyncio.run(body())
    assert "Transport endpoint is not connected" in caplog.text


def test_s3_damage_that_a_backup_finds_is_told_and_nothing_more_is_written(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An old page of history, which no commit reads."""
    for _ in range(40):
        store.commit(run(), {f"q{n}.t1": estimate() for n in range(40)})
    told, sound = list[Alarm](), list[Path]()

    async def body() -> None:
        async with backing_up(store, period=0.01, first=0.01, tell=told.append):
            await until(lambda: backup.backups(path) != [])
            await asyncio.sleep(0.2)
            assert told == [], "it is sound"
            _spoil_history(path)
            sound.extend(backup.backups(path))
            await asyncio.to_thread(store.commit, run(), {"q0.t1": estimate()})
            await until(lambda: told != [])

    asyncio.run(body())
    left = _bytes(path)
    for write in (
        lambda: store.commit(run(), {"q0.t1": estimate()}),
        lambda: store.audit("gate", "awg1", 0, 1, "rabi"),
        lambda: store.hold("q0", "anna", "wiring"),
    ):
        with pytest.raises(StoreError, match="is damaged, and nothing more is written to it"):
            write()
    assert _bytes(path) == left
    assert {each.kind for each in told} == {"database"}
    command = f"kammerton restore {shlex.quote(str(sound[-1]))}"
    assert f"end the daemon, then `{command}` puts the newest" in told[0].text
    assert backup.backups(path) == sound != [], "what is damaged is no backup"


@pytest.mark.parametrize(
    "meet",
    [
        lambda store: store.revert(1, ["q3.t1"], who="anna"),
        lambda store: store.history("q3.t1"),
    ],
    ids=["a write", "a read"],
)  # fmt: skip
def test_s3_whoever_meets_the_damage_first_ends_all_writing(
    store: Store, path: Path, meet: Callable[[Store], object]
) -> None:
    for _ in range(40):
        store.commit(run(), {f"q{n}.t1": estimate() for n in range(40)})
    saved = backup.keep(path)
    _spoil_history(path)
    left = _bytes(path)
    assert not store.lost
    with pytest.raises(StoreLost, match="malformed"):
        meet(store)
    assert store.lost
    with pytest.raises(StoreLost, match="is damaged, and nothing more is written") as refusal:
        store.audit("gate", "awg1", 0, 1, "rabi")
    assert _bytes(path) == left
    command = f"kammerton restore {shlex.quote(str(saved))}"
    assert f"malformed; end the daemon, then `{command}` puts" in str(refusal.value)


def test_s3_who_waits_for_the_connection_writes_nothing_after_the_damage(
    store: Store, path: Path
) -> None:
    """One connection writes: it is given back in the moment in which the damage is met."""
    store.commit(run(), {"q0.t1": estimate()})
    began, problems = threading.Event(), list[BaseException]()

    def queued() -> None:
        began.set()
        try:
            store.audit("gate", "awg1", 0, 1, "rabi")
        except StoreError as problem:
            problems.append(problem)

    thread = threading.Thread(target=queued)
    left = len(store.log(1000))

    def meanwhile() -> None:
        thread.start()
        began.wait(20)
        time.sleep(0.2)  # it waits for the connection now

    with pytest.raises(StoreLost):
        _meet_damage(store, meanwhile)
    thread.join(20)
    assert [type(each) for each in problems] == [StoreLost]
    assert len(store.log(1000)) == left
    assert f"{path} is damaged" in str(problems[0])


def test_s3_damage_that_is_another_files_condemns_nothing(
    store: Store, path: Path, tmp_path: Path
) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    aside = tmp_path / "aside"
    with pytest.raises(StoreLost, match="deleted or moved"):
        _meet_damage(store, lambda: path.replace(aside))
    aside.replace(path)
    assert not store.lost
    store.commit(run(), {"q0.t1": estimate()})


def _meet_damage(store: Store, meanwhile: Callable[[], object]) -> None:
    """Meet it in the midst of a write, as SQLite says it."""
    problem = sqlite3.DatabaseError("database disk image is malformed")
    problem.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    with store._write():
        meanwhile()
        raise DatabaseError("", None, problem)


def test_backups_that_fail_are_an_alarm_until_one_succeeds_in_whichever_process(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    told: list[Alarm] = []

    def fails(_: Path) -> None:
        raise StoreError("no room")

    async def body(times: int) -> None:
        async with backing_up(store, period=0.01, first=0.01, tell=told.append):
            await until(lambda: len(told) >= times)
            await asyncio.sleep(0.1)

    with monkeypatch.context() as patch:
        patch.setattr(backup, "keep", fails)
        asyncio.run(body(2))
    assert {(each.kind, each.text, each.on) for each in told} == {
        ("backup", "no backup: no room", True)
    }
    told.clear()
    asyncio.run(body(1))  # as the next process does
    assert [(each.kind, each.on, each.earlier) for each in told] == [("backup", False, True)]
    assert len(backup.backups(path)) == 1
    assert [each.new for each in store.log(5, "backups")] == ["they succeed", "they fail"]


def test_old_backups_that_cannot_be_removed_are_no_want_of_one(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    told, asked = list[Alarm](), list[Path]()

    def fixed(database: Path) -> None:
        asked.append(database)
        raise OSError(errno.EROFS, "Read-only file system")

    async def body() -> None:
        async with backing_up(store, period=0.01, first=0.01, tell=told.append):
            await until(lambda: asked != [])
            await asyncio.sleep(0.2)

    monkeypatch.setattr(backup, "thin", fixed)
    asyncio.run(body())
    assert told == []
    assert len(backup.backups(path)) == 1, "nor is another made each time"


def test_s3_a_disk_that_cannot_be_read_meanwhile_ends_no_daemon_and_its_alarm_ends(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing new is stored."""
    store.commit(run(), {"q0.t1": estimate()})
    told: list[Alarm] = []

    def fails(*_: object) -> str:
        raise OSError(errno.EIO, "Input/output error")

    async def body() -> None:
        async with backing_up(store, period=0.01, first=0.01, tell=told.append):
            await until(lambda: backup.backups(path) != [])
            with monkeypatch.context() as patch:
                patch.setattr(store, "runs", fails)
                await until(lambda: len(store.log(5, "backups")) == 1)
                patch.setattr(sqlite, "damage", fails)
                seen = len(told)
                await until(lambda: len(told) > seen + 1)
            await until(lambda: not told[-1].on)

    asyncio.run(body())
    assert told[0].text == "no backup: [Errno 5] Input/output error"
    assert told[-1].text == "all that is stored has a backup"
    assert [each.on for each in told].count(False) == 1


def test_what_a_backup_holds_is_said(store: Store, path: Path) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    saved = backup.keep(path)
    assert backup.content(saved) == "revision 1, 1 run"
    assert "old and holds revision 1, 1 run: `kammerton restore" in backup.advice(path)
    saved.write_bytes(b"")
    assert backup.content(saved) == "what cannot be read (no such table: revision)"


async def _brief(store: Store) -> None:
    async with backing_up(store):
        await asyncio.sleep(0.1)


def test_a_restore_is_a_new_epoch_and_sets_the_old_file_aside(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        store.audit("gate", "awg1", 0, 1, "rabi")
        saved = backup.keep(path)
        store.commit(run(), {"q0.t1": estimate(2.0)})
        old = store.epoch
    target, aside = restore(saved, "anna")
    assert target == path
    assert aside is not None
    with Store.read(aside) as before:
        assert (before.epoch, before.revision()) == (old, 2)
    assert verify(path).findings == ()
    with Store.open(path, "two-qubits") as store:
        assert store.epoch != old
        assert store.parameters()["q0.t1"].value == 1.0
        row = store.log(1)[0]
        assert (row.who, row.what, row.old, row.new) == ("anna", "epoch", old, store.epoch)
        assert store.commit(run(), {}).run_id == "r000003", "the file of run 2 is not overwritten"
    assert verify(path).findings == ()


def test_an_open_database_is_not_replaced(store: Store, path: Path) -> None:
    saved = backup.keep(path)
    with pytest.raises(StoreInUse):
        restore(saved, "anna")


def test_an_open_database_behind_a_link_is_not_replaced_by_a_backup_beside_the_link(
    store: Store, path: Path, tmp_path: Path
) -> None:
    link = tmp_path / "elsewhere" / path.name
    link.parent.mkdir()
    link.symlink_to(path)
    saved = backup.keep(link)
    assert saved.parent == link.parent / "backups", "as before links were followed"
    with pytest.raises(StoreInUse):
        restore(saved, "anna")
    store.close()
    assert restore(saved, "anna")[0] == path.resolve()
    assert link.is_symlink()


def test_a_folder_of_backups_may_be_a_link(path: Path, tmp_path: Path) -> None:
    large = tmp_path / "large" / "backups"
    large.mkdir(parents=True)
    backup.beside(path).symlink_to(large)
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
    saved = backup.keep(path)
    path.unlink()
    assert restore(saved, "anna")[0] == path
    assert verify(path).revision == 1
    assert list(large.parent.iterdir()) == [large]


@pytest.mark.parametrize("place", ["set aside", "another disk", "the database itself"])
def test_what_is_no_backup_by_its_place_is_restored_only_to_where_one_says(
    path: Path, tmp_path: Path, place: str
) -> None:
    """It was put beside the folder above, and said to be restored."""
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
    saved = backup.keep(path)
    if place == "set aside":
        other = restore(saved, "anna")[1]
    elif place == "another disk":
        (tmp_path / "disk" / "lab").mkdir(parents=True)
        other = saved.rename(tmp_path / "disk" / "lab" / saved.name)
    else:
        other = path
    assert other is not None
    before = sorted(tmp_path.parent.iterdir())
    done = CliRunner().invoke(app, ["restore", str(other)])
    assert done.exit_code == 2
    assert "name the lab.toml or database to put it in" in done.stderr
    assert sorted(tmp_path.parent.iterdir()) == before
    assert CliRunner().invoke(app, ["restore", str(other), str(path)]).exit_code == 0
    assert verify(path).revision == 1


def test_what_is_of_another_computer_takes_no_databases_place(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "kammerton.sqlite"
    for place, computer in ((path, "two-qubits"), (other, "five-qubits")):
        with Store.open(place, computer) as store:
            store.commit(run(), {"q0.t1": estimate()})
    saved = backup.keep(other)
    with pytest.raises(StoreError, match=r"is of computer 'five-qubits', and .* of 'two-qubits'"):
        restore(saved, "anna", path)
    Store.open(path, "two-qubits").close()


def test_what_is_held_stays_held_over_a_restore(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.hold("q0", "anna", "released since")
        saved = backup.keep(path)
        store.release("q0", "anna")
        store.hold("computer", "bob", "in the rack")
    restore(saved, "anna")
    with Store.open(path, "two-qubits") as store:
        assert [(h.scope, h.owner, h.why) for h in store.leases()] == [
            ("computer", "bob", "in the rack")
        ]
    assert verify(path).findings == ()


def test_what_is_doubted_stays_doubted_over_a_restore(path: Path) -> None:
    def doubt(store: Store, name: str, run_id: str, sigma: float) -> None:
        store.doubt({name: Doubt(run_id, sigma, "a surprise")})

    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
        doubt(store, "q1.t1", "r000001", 3e-5)
        saved = backup.keep(path)
        doubt(store, "q0.t1", "r000001", 1e-5)
        doubt(store, "q1.t1", "r000001", 2e-5)
        store.commit(run(), {"q0.t1": estimate(5.2e-5)})
        doubt(store, "q0.t1", "r000002", 9e-5)  # of a value that does not come back
    restore(saved, "anna")
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == {"q0.t1": 1e-5, "q1.t1": 3e-5}
        store.commit(run(), {"q0.t1": estimate(5.3e-5)})  # another revision 2 than that of before
        doubt(store, "q0.t1", "r000003", 4e-5)
        assert store.doubts()["q0.t1"] == 4e-5
    assert verify(path).findings == ()
    restore(saved, "anna")
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == {"q0.t1": 1e-5, "q1.t1": 3e-5}


def test_a_value_that_comes_back_is_doubted_where_a_later_one_was_far_from_it(path: Path) -> None:
    """A qubit had moved since the backup: its old f01 came back as known well."""
    later = NOON + timedelta(minutes=1)
    first = {
        "q0.f01": estimate(4.9e9, 200.0, "Hz"), "q1.f01": estimate(5.1e9, 200.0, "Hz"),
        "q0.t1": estimate(5.1e-5), "q1.t1": estimate(5.1e-5),
        "r0.readout_frequency": estimate(7e9, 0.0, "Hz"),
    }  # fmt: skip
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), first)
        saved = backup.keep(path)
        moved = {
            "q0.f01": estimate(4.903e9, 300.0, "Hz", time=later),
            "q1.f01": estimate(5.1e9 + 1e3, 300.0, "Hz", time=later),  # 2.8 sigma
            "q0.t1": estimate(5.12e-5, time=later), "q1.t1": estimate(9e-5),  # of an earlier time
            "r0.readout_frequency": estimate(7.001e9, 0.0, "Hz", time=later),
        }  # fmt: skip
        store.commit(run(), moved)
    restore(saved, "anna")
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == pytest.approx({"q0.f01": 3e6, "q1.t1": 3.9e-5})
        assert store.doubted()["q0.f01"].why.endswith("found after the backup, in what was r2")
    assert verify(path).findings == ()


@pytest.mark.parametrize("gone", [False, True])
def test_a_restore_waits_for_no_doubts_that_cannot_be_read(path: Path, caplog, gone: bool) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        saved = backup.keep(path)
    path.unlink() if gone else _damage(path)
    restore(saved, "anna")
    assert "doubts is not carried over" in caplog.text
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == {}


def test_a_doubt_of_another_value_of_that_number_is_not_carried_over(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        saved = backup.keep(path)
        store.commit(run(), {"q0.t1": estimate()})
        store.doubt({"q0.t1": Doubt("r000001", 1e-5, "a surprise")})
    other = backup.keep(path)
    restore(saved, "anna")
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(5.2e-5)})
        (run_id,) = (each.run for each in store.parameters().values())
        store.doubt({"q0.t1": Doubt(run_id, 2e-5, "a surprise")})
    restore(other, "anna")
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == {"q0.t1": 1e-5}


def test_what_was_asked_of_the_old_epoch_is_refused_and_a_hold_is_done(path: Path) -> None:
    with Store.open(path, "two-qubits") as store, Inbox(store.place) as box:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        store.commit(run(), {"q0.t1": estimate(2.0)})
        saved = backup.keep(path)
        store.commit(run(), {"q0.t1": estimate(3.0)})
        asked = box.ask("revert", {"to": 1, "names": ["q0"], "why": "flux"}, "ann")
        held = box.ask("hold", {"scope": "computer", "why": "cable"}, "ben")
    restore(saved, "bob")
    with Store.open(path, "two-qubits") as store, Inbox(store.place) as box:
        answer = box.request(asked)
        assert (answer.done, answer.answer) == (
            False,
            "asked of an epoch that ended with a restore",
        )
        line = store.log(1)[0]
        assert (line.who, line.what, line.new) == ("ann", "revert", "refused")
        assert "to=1" in line.why
        assert [each.number for each in attend(store, box)] == [held]
        assert store.parameters()["q0.t1"].value == 2.0
        assert [lease.owner for lease in store.leases()] == ["ben"]
    assert verify(path).findings == ()


def test_a_restore_that_fails_leaves_the_database_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        saved = backup.keep(path)

    def full(_: Path, part: Path) -> None:
        part.write_bytes(b"torn")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "copy", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        restore(saved, "bob")
    assert not list(path.parent.glob("*.restoring"))
    with Store.read(path) as store:
        assert store.revision() == 1


def test_a_restore_that_cannot_refuse_what_was_asked_leaves_the_database(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path, "two-qubits") as store, Inbox(store.place) as box:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        saved = backup.keep(path)
        box.ask("revert", {"to": 1, "names": ["q0"], "why": "flux"}, "ann")

    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("cannot leave an answer: database or disk is full")

    monkeypatch.setattr(Inbox, "answer", full)
    with pytest.raises(StoreUnavailable, match="disk is full"):
        restore(saved, "bob")
    assert not [*path.parent.glob("*.restoring"), *path.parent.glob("*.set-aside-*")]
    with Store.read(path) as store:
        assert store.revision() == 1


def test_requests_that_cannot_be_read_are_set_aside_by_a_restore(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        saved = backup.keep(path)
    requests = store.place.request_file
    assert requests is not None
    requests.write_bytes(b"garbage" * 2000)
    restore(saved, "anna")
    (aside,) = path.parent.glob(f"{requests.name}.set-aside-*")
    assert aside.read_bytes() == b"garbage" * 2000
    assert str(aside) in caplog.text
    with Store.open(path, "two-qubits") as store, Inbox(store.place) as box:
        assert store.revision() == 1
        assert box.waiting() == []


def test_a_restore_waits_for_requests_that_are_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path, "two-qubits") as store, Inbox(store.place):
        saved = backup.keep(path)

    def locked(_: Inbox) -> None:
        raise StoreUnavailable("another program holds the database locked")

    monkeypatch.setattr(Inbox, "waiting", locked)
    with pytest.raises(StoreUnavailable, match="locked"):
        restore(saved, "anna")
    assert not list(path.parent.glob("*.set-aside-*"))


def test_a_damaged_backup_is_not_restored(path: Path) -> None:
    Store.open(path, "two-qubits").close()
    saved = backup.keep(path)
    _damage(saved)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not sound"):
        restore(saved, "anna")
    assert path.read_bytes() == before


def test_a_backup_of_schema_1_comes_back_as_schema_2(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.executescript(OLD)
    Store.open(path, "two-qubits").close()
    (saved,) = backup.backups(path)
    restore(saved, "anna")
    assert verify(path).findings == ()
    with Store.open(path, "two-qubits") as store:
        assert store.revision() == 1


def test_s3_a_damaged_database_is_left_alone_and_the_way_out_is_named(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        saved = backup.keep(path)
        store.commit(run(), {"q0.t1": estimate(2.0)})
    _damage(path)
    damaged = path.read_bytes()
    with pytest.raises(StoreError, match="is damaged, and nothing is written to it") as refusal:
        Store.open(path, "two-qubits")
    assert f"`kammerton restore {shlex.quote(str(saved))}`" in str(refusal.value)
    assert path.read_bytes() == damaged
    with pytest.raises(StoreError, match="cannot read") as refusal, Store.read(path) as store:
        store.parameters()
    assert f"`kammerton restore {shlex.quote(str(saved))}`" in str(refusal.value), (
        "who only reads is told, too"
    )
    _, aside = restore(saved, "anna")
    assert aside is not None
    assert aside.read_bytes() == damaged
    with Store.open(path, "two-qubits") as store:
        assert store.parameters()["q0.t1"].value == 1.0
        assert [h.scope for h in store.leases()] == ["computer"], "what was held is not known"


def test_s3_a_database_that_is_gone_is_not_begun_anew_beside_its_backups(path: Path) -> None:
    Store.open(path, "two-qubits").close()
    saved = backup.keep(path)
    for left in (path.unlink, path.touch):
        left()
        with pytest.raises(StoreError, match="is empty or gone") as refusal:
            Store.open(path, "two-qubits")
        assert str(saved) in str(refusal.value)
        path.unlink(missing_ok=True)
        path.touch()


def test_the_commands(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
    made = CliRunner().invoke(app, ["backup", str(path)])
    assert made.exit_code == 0
    saved = made.stdout.strip()
    listed = CliRunner().invoke(app, ["backup", str(path), "--list"]).stdout
    assert f"{saved}  (revision 1, 1 run)" in listed
    path.unlink()
    back = CliRunner().invoke(app, ["restore", saved])
    assert back.exit_code == 0
    assert "in a new epoch" in back.stdout
    assert verify(path).revision == 1
    bad = CliRunner().invoke(app, ["restore", str(path.parent / "nothing")])
    assert bad.exit_code == 2


@pytest.mark.parametrize("gone", [False, True])
def test_a_restore_says_of_the_outputs_what_was_said_last(path: Path, gone: bool) -> None:
    """A backup made while the daemon ran says that it ran."""
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        store.activity("t1 on q0")
        saved = backup.keep(path)
        store.activity(None)
    if gone:
        path.unlink()
    restore(saved, "anna")
    with Store.open(path, "two-qubits") as store:
        assert (store.left is not None) == gone, "where nobody knows, they may be on"


def test_that_there_is_no_backup_is_said(path: Path) -> None:
    Store.open(path, "two-qubits").close()
    done = CliRunner().invoke(app, ["backup", str(path), "--list"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "there is no backup in" in done.stderr
