"""An old database becomes a new one: whole, after a backup, or not at all."""

from __future__ import annotations

import errno
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kammerton.model import StoreError
from kammerton.store import Doubt, Store, backup, migrate, schema
from kammerton.store.chain import link
from kammerton.verify import Report, verify
from tests.older import make_old
from tests.stored import estimate, run

OLD = Path(__file__).with_name("schema1.sql").read_text(encoding="utf-8")


@pytest.fixture
def old(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as made:
        made.executescript(OLD)
    return path


def _shape(path: Path) -> dict[str, object]:
    """Return the columns, references, indices and triggers of every table."""
    with closing(sqlite3.connect(path)) as database:
        kept = "type IN ('table', 'index', 'trigger') AND name NOT LIKE 'sqlite%'"
        named = database.execute(f"SELECT type, name, sql FROM sqlite_master WHERE {kept}")
        found: dict[str, object] = {}
        for kind, name, sql in named.fetchall():
            if kind == "table":
                for pragma in ("table_info", "foreign_key_list", "index_list"):
                    rows = database.execute(f"PRAGMA {pragma}({name})").fetchall()
                    found[f"{pragma} {name}"] = sorted(map(str, rows))
                found[f"checks {name}"] = sql.count("CHECK")
            else:
                found[name] = " ".join(sql.split()).replace('"', "")
        return found


def test_schema_1_opens_and_holds_what_it_held(old: Path) -> None:
    with Store.open(old, "two-qubits") as store:
        assert store.epoch == "0123456789abcdef"
        assert store.parameters()["q0.t1"].value == 5.1e-5
        assert [each.id for each in store.runs()] == ["r000002", "r000001"]
        assert [each.run.id for each in store.waiting() if each.run] == ["r000002"]
        assert store.revisions()[0].run == "r000001"
        assert store.left is not None
        assert store.left.pid == 4711
        assert store.commit(run(), {"q0.t1": estimate(6e-5)}).revision == 2
        assert store.revert(1, ["q0"], who="anna") == 3
        assert store.parameters()["q0.t1"].value == 5.1e-5
    assert verify(old, data=False).findings == ()


def test_a_migrated_database_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    Store.open(old, "two-qubits").close()
    Store.open(tmp_path / "new.sqlite", "two-qubits").close()
    assert _shape(old) == _shape(tmp_path / "new.sqlite")


@pytest.mark.parametrize("older", [2, 3, 4])
def test_an_older_schema_opens_and_holds_what_it_held(
    path: Path, tmp_path: Path, older: int
) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        store.doubt({"q0.t1": Doubt("r000001", 1e-5, "a surprise")})
        store.commit(run(), {})
        known = store.snapshot()
    make_old(path, older)
    with Store.open(path, "two-qubits") as store:
        assert store.snapshot() == known
        assert store.doubts() == ({} if older == 2 else {"q0.t1": 1e-5})
        store.commit(run(), {"q1.t1": estimate()})
    assert verify(path).findings == ()
    assert [saved.name.rpartition("-")[2] for saved in backup.backups(path)] == [f"schema{older}"]
    Store.open(tmp_path / "new.sqlite", "two-qubits").close()
    assert _shape(path) == _shape(tmp_path / "new.sqlite")


def test_the_old_audit_log_is_chained(old: Path) -> None:
    with Store.open(old, "two-qubits") as store:
        second, first = store.log()
    texts = ("daemon", "awg1", "None", "playlist t1", "allowed")
    assert first.hash == link(1, 1768996770000000, texts, "0123456789abcdef")
    texts = ("daemon", "awg1", "playing", "stopped", "allowed")
    assert second.hash == link(2, 1768996780000000, texts, first.hash)


def test_the_backup_made_before_is_the_old_database(old: Path) -> None:
    Store.open(old, "two-qubits").close()
    (saved,) = backup.backups(old)
    assert saved.name.endswith("-schema1")
    with closing(sqlite3.connect(saved)) as before:
        assert before.execute("PRAGMA user_version").fetchone() == (1,)
        assert before.execute("SELECT count(*) FROM run").fetchone() == (2,)
    Store.open(old, "two-qubits").close()
    assert backup.backups(old) == [saved], "nothing to migrate, nothing to keep"


def test_without_a_sound_backup_nothing_is_touched(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old.read_bytes()
    bad = Report(("row 3 missing from index",))
    monkeypatch.setattr(backup, "verify", lambda copy, data, guards: bad)
    with pytest.raises(StoreError, match="not sound: row 3 missing"):
        Store.open(old, "two-qubits")
    assert old.read_bytes() == before
    assert backup.backups(old) == []
    assert list(backup.beside(old).iterdir()) == []


def test_what_is_damaged_is_not_sealed_as_if_it_were_right(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        saved = backup.keep(path)
        store.commit(run(), {"q0.t1": estimate(6e-5)})
    make_old(path, 3)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE parameter SET value = 7")
    with pytest.raises(StoreError, match=r"stays at schema 3: .* 7.0, but revision 2") as refusal:
        Store.open(path, "two-qubits")
    assert f"kammerton restore {shlex.quote(str(saved))}" in str(refusal.value)
    with closing(sqlite3.connect(path)) as still:
        assert still.execute("PRAGMA user_version").fetchone() == (3,)


def test_a_migration_without_room_advises_no_older_backup(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        backup.keep(path)
    make_old(path, 3)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup, "copy", full)
    with pytest.raises(StoreError, match="No space left on device") as refusal:
        Store.open(path, "two-qubits")
    assert "restore" not in str(refusal.value)


def test_a_migration_that_fails_leaves_schema_1(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "TO_2_TRIGGERS", ("CREATE TRIGGER nonsense",))
        with pytest.raises(StoreError, match="incomplete input"):
            Store.open(old, "two-qubits")
    with closing(sqlite3.connect(old)) as still:
        assert still.execute("PRAGMA user_version").fetchone() == (1,)
        assert still.execute("SELECT count(*) FROM audit").fetchone() == (2,)
    with Store.open(old, "two-qubits") as store:
        assert store.revision() == 1


def test_a_reference_to_nothing_is_not_carried_over(old: Path) -> None:
    with closing(sqlite3.connect(old)) as broken:
        broken.execute("INSERT INTO outbox VALUES (3, 99, NULL, NULL)")
        broken.commit()
    with pytest.raises(StoreError, match="row 3 of outbox refers to a run that is not there"):
        Store.open(old, "two-qubits")


def test_a_reader_says_that_an_old_database_waits_for_a_writer(old: Path) -> None:
    with pytest.raises(StoreError, match=r"has schema 1.*`kammerton run`"):
        Store.read(old)


def test_there_is_a_step_for_every_schema() -> None:
    assert len(migrate.STEPS) == schema.VERSION - 1
