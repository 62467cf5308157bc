"""Opening: what is refused, what survives, and who may write."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from kammerton.model import StoreError, StoreInUse, StoreUnavailable
from kammerton.store import Store, schema, set_up, sqlite
from kammerton.store.holder import holder
from kammerton.store.place import place_of
from tests.stored import estimate, run


def test_a_database_keeps_its_epoch_and_numbers(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        epoch = store.epoch
    with Store.open(path, "two-qubits") as store:
        assert store.epoch == epoch
        assert store.commit(run(), {"q0.t1": estimate()}).revision == 2


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_database_behind_a_link_is_the_same_one(tmp_path: Path, what: str) -> None:
    """One writer, one inbox of requests and the same files of traces, whatever it is called."""
    real, linked = tmp_path / "disk" / "k.sqlite", tmp_path / "home" / "k.sqlite"
    real.parent.mkdir()
    if what == "folder":
        linked.parent.symlink_to(real.parent, target_is_directory=True)
    else:
        linked.parent.mkdir()
        linked.symlink_to(real)
    assert place_of(linked) == place_of(real)
    with Store.open(real, "two-qubits"), pytest.raises(StoreInUse):
        Store.open(linked, "two-qubits")
    with Store.open(linked, "two-qubits", data=linked.parent / "runs") as store:
        stored = store.commit(run(), {"q0.t1": estimate()})
    with Store.read(real) as reading:
        assert reading.revision() == stored.revision
        assert reading.run("r000001").data == linked.parent.resolve() / "runs" / "r000001.nc"


def test_a_new_database_gets_a_new_epoch_and_takes_no_data_file_twice(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {})
        epoch = store.epoch
    path.unlink()
    with Store.open(path, "two-qubits") as store:
        assert store.epoch != epoch
        assert store.commit(run(), {}).run_id == "r000002"


def test_the_writing_connection_is_durable(store: Store, path: Path) -> None:
    with store._write() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "user_version")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "user_version": 5,
    }


def test_each_connection_keeps_few_pages_however_large_the_database_grows(
    store: Store, path: Path
) -> None:
    with store._write() as writing, store._reader.begin() as reading:
        for connection in (writing, reading):
            assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -sqlite.CACHE


def test_a_pragma_that_does_not_hold_is_an_error() -> None:
    memory = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError, match="journal_mode"):
        set_up._demand(memory, "journal_mode", "wal")
    memory.close()


def test_readers_cannot_write(store: Store, path: Path) -> None:
    with pytest.raises(SQLAlchemyError, match="readonly"), store._reader.begin() as connection:
        connection.execute(schema.audit.delete())


def test_reading_goes_on_while_another_writes(store: Store, path: Path) -> None:
    with Store.read(path) as other:
        assert (other.computer, other.epoch) == (store.computer, store.epoch)
        assert other.parameters() == {}
        with store._write():
            assert other.revision() == 0
        store.commit(run(), {"q0.t1": estimate()})
        assert other.parameters() == store.parameters()


def test_a_second_writer_is_refused(store: Store, path: Path) -> None:
    with pytest.raises(StoreError, match="another process has"):
        Store.open(path, "two-qubits")


def test_whether_there_is_a_writer_is_asked_without_becoming_one(store: Store, path: Path) -> None:
    assert " open for writing" in str(store.place.writer_there())
    store.close()
    assert store.place.writer_there() is None
    Store.open(path, "two-qubits").close()


def test_a_refused_opening_lets_the_next_one_in(path: Path) -> None:
    Store.open(path, "two-qubits").close()
    with pytest.raises(StoreError, match="belongs to computer 'two-qubits', not 'other'"):
        Store.open(path, "other")
    Store.open(path, "two-qubits").close()


def test_s8_a_newer_schema_is_refused_by_its_number(path: Path) -> None:
    Store.open(path, "two-qubits").close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 7")
    other.close()
    with pytest.raises(StoreError, match=r"schema 7; this program knows up to 5"):
        Store.open(path, "two-qubits")
    with pytest.raises(StoreError, match="schema 7"):
        Store.read(path)


def test_a_foreign_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    with pytest.raises(StoreError, match="another program"):
        Store.open(path, "two-qubits")


def test_what_is_no_database_is_a_store_error(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to be told so" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(path, "two-qubits")
    with pytest.raises(StoreError, match="not a database"):
        Store.read(path)


def test_reading_makes_no_database(path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no database at .*; the first `kammerton run`"):
        Store.read(path)
    path.touch()
    with pytest.raises(StoreError, match="empty"):
        Store.read(path)


def test_a_directory_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot open"):
        Store.open(tmp_path / "file" / "db.sqlite", "two-qubits")


def test_s2_a_locked_database_is_waited_for_and_then_named(store: Store, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program holds the database locked") as caught:
        store.commit(run(), {"q0.t1": estimate()})
    assert str(path) in str(caught.value)
    other.execute("ROLLBACK")
    other.close()
    assert store.commit(run(), {"q0.t1": estimate()}).revision == 1


@pytest.mark.skipif(sys.platform != "linux", reason="where the system tells who holds a lock")
def test_s2_who_holds_it_locked_is_named(store: Store, path: Path) -> None:
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline()
        with pytest.raises(StoreError, match=f"locked, process {other.pid} \\(python") as caught:
            store.commit(run(), {"q0.t1": estimate()})
        assert isinstance(caught.value, StoreUnavailable)
        other.communicate()
    assert holder(path) == ""
    assert store.commit(run(), {"q0.t1": estimate()}).revision == 1


def test_where_nobody_tells_nobody_is_named(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.store.holder.LOCKS", tmp_path / "locks")
    assert holder(path) == ""
    (tmp_path / "locks").write_text("1: -> POSIX\n2: POSIX  ADVISORY  WRITE x\n\n")
    assert holder(path) == ""


def test_s1_a_full_disk_loses_nothing_that_was_committed(store: Store, path: Path) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    with store._write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many = {f"q{i}.t1": estimate() for i in range(2000)}
    with pytest.raises(StoreError, match="full"):
        store.commit(run(), many)
    with store._write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert store.revision() == 1
    assert store.commit(run(), many).revision == 2


def test_threads_take_turns(store: Store) -> None:
    def work() -> None:
        for _ in range(5):
            store.commit(run(("q0",), points=3), {"q0.t1": estimate()})
            store.activity("busy")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.revision() == 20
    assert [each.id for each in store.runs(100)] == [f"r{n:06d}" for n in range(20, 0, -1)]


def test_what_is_closed_stays_closed(path: Path) -> None:
    store = Store.open(path, "two-qubits")
    store.close()
    store.close()
    for call in (store.parameters, store.next_run_id, lambda: store.activity("late")):
        with pytest.raises(StoreError, match="was closed"):
            call()
    Store.open(path, "two-qubits").close()


def test_closing_waits_for_a_commit_under_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(path: Path, run: object, note: str) -> None:
        begun.set()
        assert go_on.wait(10)

    monkeypatch.setattr("kammerton.store.write.write_traces", slow)
    store = Store.open(path, "two-qubits")
    commits: list[object] = []
    work = threading.Thread(target=lambda: commits.append(store.commit(run(), {})))
    work.start()
    assert begun.wait(10)
    closing = threading.Thread(target=store.close)
    closing.start()
    go_on.set()
    work.join()
    closing.join()
    assert len(commits) == 1


def test_another_thread_may_close(path: Path) -> None:
    store = Store.open(path, "two-qubits")
    closing = threading.Thread(target=store.close)
    closing.start()
    closing.join()
    with Store.open(path, "two-qubits") as again:
        assert again.epoch == store.epoch, "the lock is free"
