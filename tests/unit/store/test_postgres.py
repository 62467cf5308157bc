"""What is PostgreSQL's own: one writer, durability, several computers, servers that go away."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from kammerton.model import StoreError, StoreInUse, StoreUnavailable
from kammerton.store import Commit, Doubt, Inbox, Store, postgres, schema
from kammerton.verify import verify_server
from tests.older import undone
from tests.postgres import Server, sql, standing_still
from tests.stored import estimate, run

ROOT = Path(__file__).parents[3]
CANARY = "canary-7d1f"


@pytest.fixture
def url(postgresql: Server) -> str:
    return postgresql.database()


def opened(url: str, tmp_path: Path, computer: str = "two-qubits") -> Store:
    return Store.open(url, computer, data=tmp_path / "runs", busy=0.3)


def test_it_keeps_its_epoch_and_numbers(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as store:
        store.commit(run(), {"q0.t1": estimate()})
        epoch = store.epoch
    with opened(url, tmp_path) as store:
        assert store.epoch == epoch
        assert store.commit(run(), {"q0.t1": estimate()}).revision == 2
        assert store.run("r000002").data == tmp_path / "runs" / "r000002.nc"


def test_without_a_folder_for_raw_traces_nothing_is_measured_nor_written_anywhere(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open(url, "two-qubits", busy=0.3) as store:
        store.take(["q0"], "ann", "by hand")
        with pytest.raises(StoreError, match="no folder is named for raw traces"):
            store.begin("t1", ["q0"])
        with pytest.raises(StoreError, match="no folder is named for raw traces"):
            store.commit(run(), {"q0.t1": estimate()})
        assert [each.scope for each in store.leases()] == ["q0"]
        assert store.runs(1) == []
    assert list(tmp_path.iterdir()) == []


def test_one_writer_and_readers_beside_it(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as store:
        with pytest.raises(StoreInUse, match="has postgresql"):
            opened(url, tmp_path)
        assert " has postgresql" in str(store.place.writer_there()), "a command asks it, then"
        with Store.read(url) as other, store._write():
            assert other.revision() == 0
            with pytest.raises(SQLAlchemyError, match="read-only"), other._reader.begin() as line:
                line.execute(schema.audit.delete())
    with Store.read(url) as other:
        assert other.place.writer_there() is None
    opened(url, tmp_path).close()


def test_a_killed_writer_lets_the_next_one_in(url: str, tmp_path: Path) -> None:
    code = (
        "import sys; from kammerton.store import Store; from tests.stored import run, estimate\n"
        "s = Store.open(sys.argv[1], 'two-qubits', data=sys.argv[2]); s.activity('t1 on q0')\n"
        "print(s.commit(run(), {'q0.t1': estimate()}).revision, flush=True); input()"
    )
    words = [sys.executable, "-c", code, url, str(tmp_path / "runs")]
    child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    with child.stdout, child.stdin:
        assert child.stdout.readline() == b"1\n"
        child.kill()
        child.wait(10)
    for _ in range(50):  # the server sees the dead connection a moment later
        try:
            store = opened(url, tmp_path)
            break
        except StoreInUse:
            time.sleep(0.1)
    with store:
        assert store.revision() == 1
        assert store.left is not None


def test_computers_share_a_database_and_nothing_else(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path, "a") as a, opened(url, tmp_path, "b") as b:
        a.commit(run(), {"q0.t1": estimate(1.0)})
        b.commit(run(), {"q0.t1": estimate(2.0)})
        assert a.epoch != b.epoch
    with pytest.raises(StoreError, match="holds a, b: add one as #a"):
        Store.read(url)
    with Store.read(f"{url}#b") as b:
        assert b.parameters()["q0.t1"].value == 2.0


def test_an_empty_database_is_not_read(url: str) -> None:
    with pytest.raises(StoreError, match="holds no computer"):
        Store.read(url)
    with pytest.raises(StoreError, match="nothing was ever stored"):
        Store.read(f"{url}#two-qubits")


def test_history_cannot_be_changed(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as store:
        store.commit(run(), {"q0.t1": estimate()})
        store.doubt({"q0.t1": Doubt("r000001", 1e-5, "a surprise")})
        store.audit("gate", "awg1.1", 0.0, 0.1, "rabi")
        store.hold("q1", "anna", "wiring")
        store.release("q1", "anna")
    for table in schema.APPEND_ONLY:
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(Exception, match="is append-only"):
                sql(url, statement)
    with pytest.raises(Exception, match="audit is append-only"):
        sql(url, "UPDATE audit SET new = '0'")
    with pytest.raises(Exception, match="a closed lease is history"):
        sql(url, "UPDATE lease SET released = NULL")


def test_a_server_that_does_not_wait_for_its_disk_is_refused(
    postgresql: Server, tmp_path: Path
) -> None:
    url = postgresql.database("careless")
    sql(url, "ALTER DATABASE careless SET synchronous_commit = off")
    with pytest.raises(StoreError, match="synchronous_commit = off: a commit could be lost"):
        opened(url, tmp_path)


def test_what_is_asked_for_where_nobody_waits_for_the_disk_is_refused_and_history_is_read(
    postgresql: Server, tmp_path: Path
) -> None:
    """A hold that was acknowledged must survive a power cut, too; a role may be set so."""
    url = postgresql.database("hasty")
    opened(url, tmp_path).close()
    sql(url, "ALTER DATABASE hasty SET synchronous_commit = off")
    with pytest.raises(StoreError, match="synchronous_commit = off: a commit could be lost"):
        Inbox(f"{url}#two-qubits")
    with Store.read(url) as store:
        assert store.revision() == 0


def test_what_a_server_is_told_while_somebody_writes_counts_from_the_next_commit_on(
    url: str, tmp_path: Path
) -> None:
    with opened(url, tmp_path) as store:
        store.commit(run(), {"q0.t1": estimate()})
        with store._writer.connect() as connection:  # as a reload of the server's settings does
            connection.exec_driver_sql("SET SESSION synchronous_commit = off")
            connection.commit()
        with pytest.raises(StoreError, match="synchronous_commit = off: a commit could be lost"):
            store.commit(run(), {"q0.t1": estimate()})
        assert store.revision() == 1


def make_old(url: str, to: int) -> None:
    comment = f"""COMMENT ON SCHEMA "kammerton_two-qubits" IS 'kammerton {to}'"""
    sql(url, *undone(to), comment)


@pytest.mark.parametrize("older", [2, 3])
def test_an_older_schema_opens_and_holds_what_it_held(url: str, tmp_path: Path, older: int) -> None:
    with opened(url, tmp_path) as store:
        store.commit(run(), {"q0.t1": estimate()})
        store.doubt({"q0.t1": Doubt("r000001", 2e-5, "a surprise")})
        known = store.snapshot()
    make_old(url, older)
    with pytest.raises(StoreError, match=rf"schema {older}.*`kammerton run` brings it up to date"):
        Store.read(f"{url}#two-qubits")
    with opened(url, tmp_path) as store:
        assert store.snapshot() == known
        assert store.doubts() == ({} if older == 2 else {"q0.t1": 2e-5})
        store.doubt({"q0.t1": Doubt("r000001", 3e-5, "a surprise")})
        assert store.doubts() == {"q0.t1": 3e-5}
    assert verify_server(f"{url}#two-qubits").findings == ()
    for table in ("doubt", "seal"):
        with pytest.raises(Exception, match=f"{table} is append-only"):
            sql(url, f"UPDATE {table} SET number = 1")


def test_an_older_schema_that_somebody_writes_is_left_as_it_is(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as store:
        store.commit(run(), {"q0.t1": estimate()})
        make_old(url, 2)
        with pytest.raises(StoreInUse, match="another process has"):
            opened(url, tmp_path)
    said = "SELECT obj_description(oid) FROM pg_namespace WHERE nspname = 'kammerton_two-qubits'"
    assert sql(url, said) == [("kammerton 2",)]


def test_s8_a_newer_schema_is_refused_by_its_number(url: str, tmp_path: Path) -> None:
    opened(url, tmp_path).close()
    sql(url, "COMMENT ON SCHEMA \"kammerton_two-qubits\" IS 'kammerton 7'")
    with pytest.raises(StoreError, match="has schema 7; this program's is 5"):
        opened(url, tmp_path)


def test_a_connection_that_is_cut_comes_back(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as store:
        store.commit(run(), {"q0.t1": estimate()})
        with pytest.raises(StoreUnavailable):
            _cut(store, url)
        assert store.commit(run(), {"q0.t1": estimate()}).revision == 2
        with pytest.raises(StoreInUse):
            opened(url, tmp_path)


def _cut(store: Store, url: str) -> None:
    """Let an administrator end the writer's session in the middle of a transaction."""
    with store._write() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        sql(url, f"SELECT pg_terminate_backend({pid})")
        connection.exec_driver_sql("SELECT 1")


def test_a_statement_that_takes_too_long_is_given_up_and_may_be_tried_again(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "STATEMENT", 1.0)
    with opened(url, tmp_path) as store:
        with pytest.raises(StoreUnavailable, match="statement timeout"), store._write() as line:
            line.exec_driver_sql("SELECT pg_sleep(5)")
        store.audit("gate", "awg1", 1, 0, "goes on")


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    monkeypatch.setitem(postgres.ALIVE, "connect_timeout", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://lab@127.0.0.1:{silent.getsockname()[1]}/kammerton"
        with pytest.raises(StoreUnavailable, match="timeout"):
            opened(url, tmp_path)


def again_and_again(write: Callable[[], Commit]) -> Commit:
    """Write as the loop does, until the store takes it."""
    for _ in range(100):
        try:
            return write()
        except StoreUnavailable:
            time.sleep(0.05)
    raise AssertionError("never stored")


@pytest.mark.parametrize("moment", ["before the commit", "in the middle of it"])
def test_a_session_that_stands_still_is_given_up_and_nothing_is_lost_or_doubled(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The kernel of a stopped process acknowledges what comes: no timeout of TCP sees it."""
    with opened(url, tmp_path) as store:
        monkeypatch.setattr("kammerton.store.bounded.SILENCE", 0.5)
        attempt = store.begin("t1", ["q0"])
        with store._write() as connection:
            pid = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        with ExitStack() as stopped:
            if moment == "before the commit":
                stopped.enter_context(standing_still(pid))
            else:

                def stop(line: object) -> None:
                    stopped.enter_context(standing_still(pid))

                event.listen(store._writer, "commit", stop, once=True)
            began = time.monotonic()
            for said in ("said nothing|after the connection", "after the connection was lost"):
                with pytest.raises(StoreUnavailable, match=said):
                    store.commit(run(), {"q0.t1": estimate(1.0)}, attempt)
            assert time.monotonic() - began < 15
            assert store.revision() == 0  # others read on
        done = again_and_again(lambda: store.commit(run(), {"q0.t1": estimate(1.0)}, attempt))
        assert (done.revision, store.revision()) == (1, 1)
        assert len(store.runs()) == 1
        assert store.parameters()["q0.t1"].value == 1.0
    assert verify_server(f"{url}#two-qubits").findings == ()


def test_a_whole_server_that_stands_still_is_waited_for_with_an_end(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    monkeypatch.setitem(postgres.ALIVE, "connect_timeout", 2)
    with opened(url, tmp_path) as store:
        monkeypatch.setattr("kammerton.store.bounded.SILENCE", 0.5)
        with postgresql.standing_still():
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    store.commit(run(), {"q0.t1": estimate(1.0)})
            with pytest.raises(StoreUnavailable):
                store.leases()
        again_and_again(lambda: store.commit(run(), {"q0.t1": estimate(1.0)}))
        assert len(store.runs()) == 1


def test_what_takes_long_but_goes_on_is_not_given_up(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kammerton.store.bounded.SILENCE", 1.2)
    with opened(url, tmp_path) as store, store._write() as line:
        for _ in range(3):
            line.exec_driver_sql("SELECT pg_sleep(0.5)")
        assert line.exec_driver_sql("SELECT 1").scalar() == 1


def test_verify_reads_a_server_too(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as store:
        for value in (1.0, 2.0):
            store.commit(run(), {"q0.t1": estimate(value)}, store.begin("t1", ["q0"]))
        store.revert(1, who="anna")
        report = verify_server(f"{url}#two-qubits")
        assert report.findings == ()
        assert (report.revision, report.runs, report.tip) == (3, 2, store.log(1)[0].hash)
    sql(url, "UPDATE parameter SET value = 7", "DROP TABLE lease")
    findings = verify_server(f"{url}#two-qubits").findings
    assert findings[0] == "q0.t1 is 7.0, but revision 3 left 1.0"
    assert findings[1].startswith("leases are single: cannot be told")
    (tmp_path / "runs" / "r000002.nc").unlink()
    assert any("are not there" in each for each in verify_server(f"{url}#two-qubits").findings)
    assert verify_server(f"{url}#nobody").findings


def test_verify_says_that_a_guard_of_a_server_is_gone(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as store:
        store.hold("computer", "anna", "wiring")
    sql(url, "ALTER TABLE audit DISABLE TRIGGER audit_no_truncate", "TRUNCATE audit")
    sql(url, "DROP TRIGGER lease_no_delete ON lease", "DROP TABLE activity")
    assert verify_server(f"{url}#two-qubits", tip="0" * 64).findings == (
        "lease 1 of computer has no line in the audit log",
        "the table activity is missing",
        "the trigger audit_no_truncate is missing or switched off: history can be changed",
        "the trigger lease_no_delete is missing or switched off: history can be changed",
        f"the audit log does not hold the line {'0' * 64} any more: it was cut off or rewritten",
    )
    hollow = "CREATE OR REPLACE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS"
    sql(url, f"{hollow} $$ BEGIN RETURN OLD; END $$")
    said = "the function forbid of the triggers was changed: history can be changed"
    assert said in verify_server(f"{url}#two-qubits").findings


def test_x8_the_password_is_shown_nowhere(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://anna:{CANARY}@/nothing?host={tmp_path}"
    with pytest.raises(StoreUnavailable) as refusal:
        opened(url, tmp_path)
    said = [repr(refusal.value), str(refusal.value.__cause__), str(refusal.value.__context__)]
    said += list(verify_server(f"{url}#two-qubits").findings)
    with pytest.raises(StoreError) as refusal:
        Store.read(f"postgresql+psycopg://anna:{CANARY}@[nonsense")
    said += [repr(refusal.value), str(refusal.value.__cause__)]
    assert CANARY not in " ".join(said)


def test_x8_over_tcp_a_password_of_pgpassfile_is_used_and_a_wrong_one_not_shown(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.over_tcp("with_password")
    monkeypatch.setenv("PGPASSFILE", str(postgresql.password_file(tmp_path / "right")))
    with opened(url, tmp_path) as store:
        assert store.commit(run(), {"q0.t1": estimate()}).revision == 1
    with Store.read(url) as store:
        assert store.parameters()["q0.t1"].value == estimate().value
    monkeypatch.setenv("PGPASSFILE", str(postgresql.password_file(tmp_path / "wrong", CANARY)))
    with pytest.raises(StoreError, match="password authentication failed") as refusal:
        opened(url, tmp_path)
    assert CANARY not in repr(refusal.value)


def test_without_its_driver_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    url = "postgresql+psycopg://lab@/kammerton#two-qubits"
    with pytest.raises(StoreError, match=r"pip install 'kammerton\[postgresql\]'"):
        Store.read(url)
    assert "pip install" in verify_server(url).findings[0]


def test_a_process_that_ends_waits_a_moment_for_a_server_that_stands_still_and_asks_no_more(
    url: str, tmp_path: Path, postgresql: Server
) -> None:
    with ExitStack() as stopped:
        with opened(url, tmp_path) as store:
            stopped.enter_context(postgresql.standing_still())
            began = time.monotonic()
            store.place.hurry()
            for _ in range(5):
                with pytest.raises(StoreUnavailable):
                    store.activity(None)
        assert time.monotonic() - began < 6
