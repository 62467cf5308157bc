"""What was stored is sealed, on both databases: what was changed since does not come back."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kammerton.model import Advice, StoreError, Value
from kammerton.store import Doubt, Store, backup, write
from kammerton.store.restore import restore
from kammerton.verify import Report, verify
from kammerton.verify.postgres import verify_server
from tests.postgres import sql
from tests.stored import estimate, fit, run


def looked_at(place: Path | str) -> Report:
    if isinstance(place, Path):
        return verify(place)
    return verify_server(f"{place}#two-qubits")


def change_history(place: Path | str, table: str, statement: str) -> None:
    """Do to a table what its triggers forbid, as damage does."""
    if isinstance(place, str):
        off, on = (f"ALTER TABLE {table} {word} TRIGGER USER" for word in ("DISABLE", "ENABLE"))
        sql(place, 'SET search_path = "kammerton_two-qubits"', off, statement, on)
        return
    name = f"{table}_no_update"
    with closing(sqlite3.connect(place)) as database, database:
        (made,) = database.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", [name]
        ).fetchone()
        database.execute(f"DROP TRIGGER {name}")
        assert database.execute(statement).rowcount == 1
        database.execute(made)


def test_a_value_of_the_past_that_was_changed_does_not_come_back(
    place: Path | str, store: Store
) -> None:
    for value in (4.6878e9, 4.6879e9, 4.6880e9):
        store.commit(run(), {"q0.f01": estimate(value, 2e3, "Hz"), "q1.t1": estimate()})
    change_history(place, "change", "UPDATE change SET value = 4.6711e9 WHERE value = 4.6878e9")
    (said,) = looked_at(place).findings
    assert said == "run 1 with revision 1 is not what was stored: damaged or changed"
    with pytest.raises(StoreError, match="revision 1 is not what was stored then"):
        store.revert(1, ["q0"], who="anna")
    with pytest.raises(StoreError, match="revision 1 is not what was stored then"):
        store.revert(1, who="anna", force=True)
    assert store.parameters()["q0.f01"].value == 4.6880e9
    assert store.revert(2, ["q0"], who="anna") == 4
    assert store.parameters()["q0.f01"].value == 4.6879e9


def test_what_its_run_said_belongs_to_a_revision(place: Path | str, store: Store) -> None:
    store.commit(run(("q0",)), {"q0.t1": estimate()})
    store.commit(run(("q0",)), {"q0.t1": estimate(6e-5)})
    change_history(place, "fit", "UPDATE fit SET reason = 'noise' WHERE run = 1")
    with pytest.raises(StoreError, match="revision 1 is not what was stored then"):
        store.revert(1, who="anna")


def test_damage_beside_what_comes_back_keeps_nothing_from_it(
    place: Path | str, store: Store
) -> None:
    store.commit(run(("q1",)), {"q1.t1": estimate()})
    for value in (5e-5, 6e-5):
        store.commit(run(("q0",)), {"q0.t1": estimate(value)})
    change_history(place, "fit", "UPDATE fit SET reason = 'noise' WHERE run = 1")
    assert store.revert(2, who="anna") == 4
    assert store.parameters()["q0.t1"].value == 5e-5


def test_reverts_and_doubts_are_sealed(place: Path | str, store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
    for sigma in (1e-5, 2e-5):
        store.doubt({name: Doubt("r000001", sigma, "a surprise") for name in ("q0.t1", "q1.t1")})
    store.commit(run(), {"q0.t1": estimate(6e-5)})
    store.revert(1, who="anna", why="flux")
    assert looked_at(place).findings == ()
    change_history(place, "doubt", "UPDATE doubt SET sigma = 1e-9 WHERE number = 3")
    change_history(place, "revision", "UPDATE revision SET why = 'none' WHERE number = 3")
    assert looked_at(place).findings == (
        "what was doubted, up to doubt 4 is not what was stored: damaged or changed",
        "revision 3 is not what was stored: damaged or changed",
    )


def test_the_advice_comes_back_whole(place: Path | str, store: Store) -> None:
    for advice in (Advice(2.0, 3.0, 4.9e9, 1e-4, axis=1), Advice()):
        made = store.commit(run(("q0",), {"q0": fit(advice=advice)}), {})
        assert store.run(made.run_id).fits["q0"].advice == advice


NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from((-0.0, 5e-324, 2.0**53))
TEXTS = st.text(max_size=12)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(number=NUMBERS, reason=TEXTS, name=st.text(min_size=1, max_size=5))
def test_whatever_is_stored_reads_as_it_was_sealed(
    place: Path | str,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    number: float,
    reason: str,
    name: str,
) -> None:
    """Verified after each: without data files, of which each look would read all."""
    monkeypatch.setattr(write, "write_traces", lambda *_: None)
    said = fit(
        values={name: Value(number, 1e-9, "s"), f"{name}2": Value(1.0, number, "s")},
        reason=reason,
        chi2_reduced=number,
        advice=Advice(number, None, -number, number),
    )
    changes = {"q0.t1": estimate(number)} if math.isfinite(number) else {}
    store.commit(run(("q0",), {"q0": said}, points=1), changes)
    assert looked_at(place).findings == ()


def test_doubts_carried_over_by_a_restore_are_sealed(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        saved = backup.keep(path)
        store.doubt({"q0.t1": Doubt("r000001", 1e-5, "a surprise")})
    restore(saved, "anna")
    assert verify(path).findings == ()
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == {"q0.t1": 1e-5}


def test_a_damaged_database_gets_no_backup(path: Path, store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    store.commit(run(), {"q0.t1": estimate(6e-5)})
    change_history(path, "change", "UPDATE change SET value = 5e-5 WHERE revision = 1")
    with pytest.raises(StoreError, match="run 1 with revision 1 is not what was stored"):
        backup.keep(path)
