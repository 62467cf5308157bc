"""A database that is damaged where nobody looks as it is opened: words and code 2, no traceback."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Store
from tests.stored import estimate, run

DAMAGE = {
    "a word that is none of ours": "UPDATE fit SET verdict = 'acceptEd'",
    "a text for a time": "UPDATE run SET started = 'x'",
    "a time beyond all calendars": "UPDATE change SET time = 9223372036854775807",
    "a table without its columns": "ALTER TABLE fit RENAME COLUMN kind TO kinD_",
}


@pytest.fixture
def database(tmp_path, request):
    path = tmp_path / "kammerton.sqlite"
    with Store.open(path, "two-qubits") as store:
        for value in (1.0, 2.0):
            store.commit(run(), {"q0.t1": estimate(value)})
    with closing(sqlite3.connect(path)) as there, there:
        for (name,) in there.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            there.execute(f"DROP TRIGGER {name}")
        there.execute(request.param)
        there.execute("UPDATE parameter SET time = (SELECT time FROM change)")
    return path


@pytest.mark.parametrize("database", DAMAGE.values(), ids=DAMAGE.keys(), indirect=True)
def test_what_is_damaged_is_said(database):
    seen = []
    for words in ("status", "log", "log r000001", "why q0.t1", "diff r1 r2"):
        done = CliRunner().invoke(app, [*words.split(), "--lab", str(database)])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        if done.exit_code:
            assert done.exit_code == 2
            assert str(database) in done.stderr
        seen.append(done.exit_code)
    assert 2 in seen
