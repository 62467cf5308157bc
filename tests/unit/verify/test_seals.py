"""Whatever changes in what was stored is found: every column, every bit, every seal."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from kammerton.model import StoreError
from kammerton.store import Doubt, Store
from kammerton.verify import seals, verify
from kammerton.verify.report import silent
from tests.older import make_old
from tests.stored import estimate, run
from tests.unit.verify.test_verify import tamper

SEALED = ("run", "fit", "fitted", "revision", "change", "doubt", "seal")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "db.sqlite"
    with Store.open(path, "two-qubits") as store:
        for value in (1.0, 2.0):
            store.commit(run(), {"q0.t1": estimate(value), "q1.t1": estimate(value)})
        store.commit(run(points=2), {})
        store.doubt({"q0.t1": Doubt("r000002", 0.1, "a surprise")})
        store.revert(1, ["q0"], who="anna", why="flux")
        store.doubt({"q1.t1": Doubt("r000002", 0.1, "a surprise")})
    return path


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound.parent, tmp_path / "copy")
    return tmp_path / "copy" / sound.name


def columns() -> list[tuple[str, str]]:
    """Return every column of every table that is sealed, as a new database has it."""
    from kammerton.store import schema

    return [(name, each.name) for name in SEALED for each in schema.metadata.tables[name].columns]


@pytest.mark.parametrize(("table", "column"), columns())
def test_a_change_of_any_column_is_found(copy: Path, table: str, column: str) -> None:
    """The last row that says something there is changed."""
    with closing(sqlite3.connect(copy)) as database:
        row, old = database.execute(
            f"SELECT rowid, {column} FROM {table} ORDER BY {column} IS NULL, rowid DESC LIMIT 1"
        ).fetchone()
    new = f"'{old}!'" if isinstance(old, str) else "7" if old is None else str(old + 1)
    tamper(copy, f"UPDATE {table} SET {column} = {new} WHERE rowid = {row}")
    assert any(
        word in said
        for said in verify(copy, data=False).findings
        for word in ("is not what was stored", "seal")
    )


def test_a_seal_that_is_gone_is_missed(copy: Path) -> None:
    tamper(copy, "DELETE FROM seal WHERE number = (SELECT max(number) FROM seal)")
    assert verify(copy).findings == ("doubts up to 2 were stored, but those up to 1 are sealed",)
    tamper(copy, "DELETE FROM seal WHERE number = 2")
    assert "run 2 has no seal" in verify(copy).findings
    assert "revision 2 has no seal" in verify(copy).findings
    assert any(said.startswith("seal 2 is missing") for said in verify(copy).findings)


def test_a_seal_made_anew_does_not_fit_the_next(copy: Path) -> None:
    tamper(copy, f"UPDATE seal SET hash = '{'0' * 64}' WHERE number = 1")
    assert verify(copy).findings == (
        "run 1 with revision 1 is not what was stored: damaged or changed",
        "seal 2 does not follow the seal before it",
    )


def test_a_long_history_is_read_in_pages(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(seals, "SAID_EVERY", 2)
    for page in (1, 2, 3, 100):
        monkeypatch.setattr(seals, "PAGE", page)
        assert verify(copy, tell=heard.append if page == 2 else silent).findings == ()
    assert heard == [f"the content of {n} commits was looked at" for n in (2, 4, 6)]


def _content(path: Path) -> object:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        return [sorted(map(repr, database.execute(f"SELECT * FROM {name}"))) for name in SEALED]


def test_no_bit_that_falls_over_in_what_was_stored_is_missed(sound: Path, tmp_path: Path) -> None:
    copy, whole = tmp_path / "copy.sqlite", tmp_path / "whole.sqlite"
    with closing(sqlite3.connect(sound)) as old, closing(sqlite3.connect(whole)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
    before, data, chance = _content(whole), whole.read_bytes(), random.Random(1)
    missed, changed = [], 0
    for _ in range(400):
        damaged, place = bytearray(data), chance.randrange(len(data))
        damaged[place] ^= 1 << chance.randrange(8)
        copy.write_bytes(damaged)
        now: object = None
        with suppress(sqlite3.Error, UnicodeDecodeError):  # of its message, which quotes the damage
            now = _content(copy)
        if now != before:
            changed += 1
            missed += [] if verify(copy, data=False).findings else [place]
    assert changed > 20
    assert missed == []


@pytest.mark.parametrize("schema", [2, 3])
def test_a_backup_of_an_older_schema_is_looked_at_as_far_as_it_goes(
    copy: Path, schema: int
) -> None:
    make_old(copy, schema)
    assert verify(copy).findings == ()
    assert verify(copy).tip
    tamper(copy, "UPDATE parameter SET value = 7 WHERE name = 'q1.t1'")
    assert verify(copy).findings == ("q1.t1 is 7.0, but revision 2 left 2.0",)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE seal SET doubt = 'zz' WHERE doubt = 2",
        "UPDATE fit SET reason = x'ff00' WHERE run = 2",
        "UPDATE change SET value = x'00' WHERE revision = 2",
        "UPDATE revision SET reverts = 'x' WHERE number = 3",
        "UPDATE run SET shots = 'many' WHERE number = 2",
    ],
)
def test_damage_of_any_type_is_a_finding_and_no_end(copy: Path, damage: str) -> None:
    tamper(copy, damage)
    assert verify(copy, data=False).findings
    if "run = 2" in damage or "revision = 2" in damage:
        with Store.open(copy, "two-qubits") as store, pytest.raises(StoreError):
            store.revert(2, ["q0"], who="anna")
