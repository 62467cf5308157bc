"""Revisions are read by their numbers, at a cost that grows as their number does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from kammerton.store import Store
from tests.stored import estimate, run

EACH = """
    WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
    INSERT INTO {table} SELECT {columns} FROM n JOIN {table} AS first ON first.{key} = 1"""


def grown(path: Path, last: int) -> Path:
    """Return a database whose first run and revision came again and again."""
    fit = "i, target, position, kind, verdict, status, reason, NULL, NULL, NULL, NULL, NULL, NULL"
    columns = {
        "run": ("i, calibration, started, ended, 1.0, program, shots, data, committed", "number"),
        "fit": (fit, "run"),
        "revision": ("i, i, NULL, committed, NULL, NULL", "number"),
        "change": ("i, name, value, stderr, unit, time, valid_until, i", "revision"),
        "outbox": ("i, i, i, 0", "number"),
    }
    with Store.open(path, "two-qubits") as store:
        store.commit(run(("q0",)), {"q0.t1": estimate()})
    with closing(sqlite3.connect(path)) as each, each:
        for table, (said, key) in columns.items():
            each.execute(EACH.format(last=last, table=table, columns=said, key=key))
    return path


def steps(store, read) -> int:
    """Return the thousands of steps that SQLite takes for a question."""
    taken: list[int] = []
    with store._read() as connection:
        driver = connection.connection.dbapi_connection
    driver.set_progress_handler(lambda: taken.append(1), 1000)
    read()
    driver.set_progress_handler(None, 0)
    return len(taken)


def test_many_cost_as_much_each_as_few(tmp_path: Path) -> None:
    """A hundred thousand took minutes: a year of one computer."""
    few, many = (Store.read(grown(tmp_path / str(n) / "db.sqlite", n)) for n in (1000, 4000))
    with few, many:
        assert [each.number for each in many.revisions(4000)][::1333] == [4000, 2667, 1334, 1]
        small, large = (steps(s, lambda s=s: s.revisions(4000)) for s in (few, many))
        assert 0 < large < 6 * small
        assert steps(many, lambda: many.made(7)) < large / 3


def test_the_run_after_which_a_revert_came_is_known(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate(1.0)})
    store.commit(run(), {"q0.t1": estimate(2.0)})
    store.commit(run(), {})
    store.revert(1, who="anna")
    store.commit(run(), {})
    assert [(r.number, r.after) for r in store.revisions()] == [
        (3, "r000003"), (2, "r000002"), (1, "r000001"),
    ]  # fmt: skip
    assert store.made(2, 3) == store.revisions(2)
    assert [each.names for each in store.made(3)] == [("q0.t1",)]
    assert store.made(4) == []
