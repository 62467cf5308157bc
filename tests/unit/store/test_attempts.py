"""Runs that began, leases that hold, and a log that cannot be rewritten unseen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from kammerton.model import StoreError
from kammerton.store import Store, schema
from kammerton.store.chain import link
from kammerton.store.rows import micros
from kammerton.store.verbs import do
from tests.clocks import Clocks
from tests.stored import estimate, run


def test_an_attempt_ends_with_the_commit_of_its_run(store: Store) -> None:
    number = store.begin("t1", ["q0", "q1"])
    assert store.attempts()[0].outcome is None
    store.commit(run(), {"q0.t1": estimate()}, attempt=number)
    ended = store.attempts()[0]
    assert (ended.calibration, ended.targets, ended.outcome) == ("t1", ("q0", "q1"), "r000001")
    assert store.abort_open() == ()


def test_what_failed_is_said_and_not_repeated(store: Store) -> None:
    store.end(store.begin("t1", ["q0"]), "refused: too much power")
    assert store.attempts()[0].outcome == "refused: too much power"
    assert store.abort_open() == ()


def test_r9_an_interrupted_run_is_marked_aborted_and_comes_back_once(
    place: Path | str, tmp_path: Path
) -> None:
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        first = store.begin("t1", ["q0", "q1"])
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        (left,) = store.abort_open()
        assert (left.number, left.targets, left.outcome) == (first, ("q0", "q1"), "aborted")
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        assert store.abort_open() == (left,), "that process died before it could begin it again"
        second = store.begin(left.calibration, left.targets, again=left.number)
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        (twice,) = store.abort_open()
        assert twice.again == first, "which tells that it is not for a third try"
        newest = store.attempts()[0]
        assert (newest.number, newest.again, newest.outcome) == (second, first, "aborted")
        assert store.abort_open() == ()


def test_r9_what_cannot_be_repeated_is_passed_over_for_good(
    place: Path | str, tmp_path: Path
) -> None:
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        store.begin("t1", ["q0"])
        (left,) = store.abort_open()
        store.pass_over(left)
        assert store.abort_open() == ()
        assert store.attempts()[0].outcome == "not repeated: it is not ready"


def test_what_hung_is_known_to_the_next_process_only(place: Path | str, tmp_path: Path) -> None:
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        store.end(store.begin("t1", ["q0"]), "hung: t1: its code has not returned")
        assert [each.outcome for each in store.abort_open()] == [
            "hung: t1: its code has not returned"
        ]
        store.end(store.begin("t1", ["q1"]), "stopped")
        assert store.abort_open() == ()


def test_an_outcome_is_written_once(store: Store, path: Path) -> None:
    number = store.begin("t1", ["q0"])
    store.end(number, "refused")
    store.end(number, "r000009")
    assert store.attempts()[0].outcome == "refused"
    with closing(sqlite3.connect(path)) as other:
        with pytest.raises(sqlite3.IntegrityError, match="a closed attempt is history"):
            other.execute("UPDATE attempt SET outcome = 'r000009'")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute("DELETE FROM attempt")


def test_what_a_process_left_when_it_died_is_known_to_the_next(
    place: Path | str, tmp_path: Path
) -> None:
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        assert store.left is None
        store.activity("t1 on q0")
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        assert store.left is not None
        assert store.left.what == "t1 on q0"
        store.activity(None)
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        assert store.left is None


def test_a_hold_is_answered_while_outputs_are_found_off(
    place: Path | str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        store.activity("t1 on q0")
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        looks = iter([store.left])  # whoever looks twice finds it forgotten
        monkeypatch.setattr(Store, "left", property(lambda _: next(looks, None)), raising=False)
        assert "CAUTION: outputs may be on" in do(store, "hold", {"scope": "q0"}, "ann")


def test_a_lease_holds_until_it_is_released(store: Store, path: Path) -> None:
    store.hold("q3", "anna", "cool-down")
    (held,) = store.leases()
    assert (held.scope, held.owner, held.why, held.until) == ("q3", "anna", "cool-down", None)
    with pytest.raises(StoreError, match="q3 is held by anna: cool-down"):
        store.release("q3", "bert")
    store.release("q3", "bert", force=True)
    assert store.leases() == ()
    assert [row.what for row in store.log()] == ["lease of q3"] * 2
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT released_by FROM lease").fetchall() == [("bert",)]
        with pytest.raises(sqlite3.IntegrityError, match="a closed lease is history"):
            other.execute("UPDATE lease SET released = NULL")


def test_a_lease_survives_a_restart(place: Path | str, tmp_path: Path) -> None:
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        store.hold("computer", "anna", "wiring")
    with Store.open(place, "two-qubits", data=tmp_path) as store:
        assert store.leases()[0].owner == "anna"


def test_a_lease_runs_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(monkeypatch)
    store.hold("q3", "anna", "for a minute", clocks.wall + timedelta(minutes=1))
    clocks.passes(timedelta(minutes=1))
    assert store.leases() == ()
    store.hold("q3", "bert", "now", clocks.wall + timedelta(hours=1))
    assert [each.owner for each in store.leases()] == ["bert"]


def test_a_release_ends_the_lease_it_names_and_no_later_one(store: Store) -> None:
    store.hold("q3", "anna", "cool-down")
    (seen,) = store.leases()
    store.hold("q3", "anna", "again")
    with pytest.raises(StoreError, match="q3 is held anew by anna: again"):
        store.release("q3", "anna", number=seen.number, force=True)
    assert [lease.why for lease in store.leases()] == ["again"]


@pytest.mark.parametrize(
    "until",
    ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+14:00", "2020-01-01T00:00:00+00:00",
     "2026-01-01T00:00:00"],
)  # fmt: skip
def test_a_lease_ends_within_ten_years_from_now(store: Store, until: str) -> None:
    with pytest.raises(StoreError, match=r"hold was to end|longer than ten years|time zone"):
        store.hold("q3", "anna", "for ever", datetime.fromisoformat(until))
    assert store.leases() == ()


def test_a_lease_that_ends_after_all_calendars_is_read_as_without_an_end(store: Store) -> None:
    store.hold("q3", "anna", "for ever", datetime.now(UTC) + timedelta(hours=1))
    with store._writer.begin() as connection:
        connection.execute(update(schema.lease).values(until=3 * 10**17))
    assert store.leases()[0].until is None


def test_somebody_elses_lease_is_named_and_ones_own_renewed(store: Store) -> None:
    store.hold("q3", "anna", "cool-down")
    with pytest.raises(StoreError, match="q3 is held by anna: cool-down"):
        store.hold("q3", "bert", "mine")
    store.hold("q3", "anna", "longer")
    assert [each.why for each in store.leases()] == ["longer"]
    with pytest.raises(StoreError, match="nobody holds q4"):
        store.release("q4", "anna")


def test_the_audit_log_is_a_chain_from_the_epoch(store: Store, path: Path) -> None:
    store.audit("gate", "awg1.1", 0.0, 0.1, "rabi")
    store.audit("anna", "awg1.1", 0.1, 0.0, "cool-down")
    second, first = store.log()
    texts = ("gate", "awg1.1", "0.0", "0.1", "rabi")
    assert first.hash == link(1, micros(first.time), texts, store.epoch)
    texts = ("anna", "awg1.1", "0.1", "0.0", "cool-down")
    assert second.hash == link(2, micros(second.time), texts, first.hash)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT previous FROM audit").fetchall() == [
            (store.epoch,),
            (first.hash,),
        ]
