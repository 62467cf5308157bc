"""One transaction: run, fits, changes, revision and outbox row, or nothing at all."""

from __future__ import annotations

import math
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.model import Advice, StoreError, Value, Verdict
from kammerton.store import Commit, Store
from kammerton.store.rows import micros, moment, run_name, run_number
from tests.stored import NOON, estimate, fit, run


def test_a_commit_gives_run_and_revision(store: Store) -> None:
    assert store.next_run_id() == "r000001"
    assert store.commit(run(), {"q0.t1": estimate()}) == Commit("r000001", 1)
    assert store.commit(run(), {}) == Commit("r000002", None)
    assert store.commit(run(), {"q0.t1": estimate(6e-5)}) == Commit("r000003", 2)
    assert store.revision() == 2


def test_the_head_is_the_newest_value_with_its_run(store: Store) -> None:
    until = NOON + timedelta(hours=3)
    store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate(4e-5)})
    store.commit(run(), {"q0.t1": estimate(6e-5, run="somebody's", valid_until=until)})
    assert store.parameters() == {
        "q0.t1": estimate(6e-5, run="r000002", valid_until=until),
        "q1.t1": estimate(4e-5, run="r000001"),
    }
    assert [each.estimate.value for each in store.history("q0.t1")] == [6e-5, 5.1e-5]
    assert [each.revision for each in store.history("q0.t1")] == [2, 1]
    assert store.history("q0.t1", limit=1)[0].revision == 2


def test_a_snapshot_knows_the_revision_of_each_value(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
    store.commit(run(), {"q1.t1": estimate(4e-5)})
    snapshot = store.snapshot()
    assert (snapshot.computer, snapshot.revision) == ("two-qubits", 2)
    assert {name: each.revision for name, each in snapshot.parameters.items()} == {
        "q0.t1": 1,
        "q1.t1": 2,
    }


def test_a_run_comes_back_with_its_fits(store: Store) -> None:
    bad = fit(
        "q1",
        Verdict.INSUFFICIENT,
        status="range too narrow",
        reason="the decay is longer than the sweep",
        values={"t1": Value(math.nan, math.inf, "s"), "offset": Value(0.1, 0.2, "")},
        chi2_reduced=math.nan,
        advice=Advice(window_times=2.5),
    )
    store.commit(run(fits={"q0": fit("q0"), "q1": bad}), {"q0.t1": estimate()})
    found = store.run("r000001")
    assert found.targets == ("q0", "q1")
    assert (found.calibration, found.shots, found.revision) == ("t1", 1000, 1)
    assert (found.ended, found.instrument_seconds) == (NOON, 20.6)
    assert found.fits["q0"].values == {"t1": Value(5.1e-5, 6e-7, "s")}
    stored = found.fits["q1"]
    assert stored.verdict is Verdict.INSUFFICIENT
    assert (stored.status, stored.reason) == (bad.status, bad.reason)
    assert stored.advice == Advice(window_times=2.5)
    assert list(stored.values) == ["t1", "offset"]
    assert math.isnan(stored.values["t1"].value)
    assert math.isnan(stored.values["t1"].stderr)
    assert math.isnan(stored.chi2_reduced)


def test_runs_come_newest_first(store: Store) -> None:
    for name in ("t1", "ramsey", "t2_echo"):
        store.commit(run(calibration=name), {})
    assert [each.calibration for each in store.runs(2)] == ["t2_echo", "ramsey"]


@pytest.mark.parametrize("name", ["r000002", "r", "", "17", "r-1", "r١"])
def test_an_unknown_run_is_a_key_error(store: Store, name: str) -> None:
    store.commit(run(), {})
    with pytest.raises(KeyError, match=f"there is no run {name}"):
        store.run(name)


def test_numpy_numbers_become_plain_ones(store: Store) -> None:
    value = estimate(np.float32(0.5), np.float64(0.25))
    store.commit(run(), {str(np.str_("q0.t1")): value})
    found = store.parameters()["q0.t1"]
    assert (found.value, found.stderr) == (0.5, 0.25)
    assert type(found.value) is type(found.stderr) is float


def test_hostile_texts_are_data(store: Store, path: Path) -> None:
    hostile = "'; DROP TABLE run; -- \0 \ud800 <script> %s {x} ü"
    fits = {"q0": fit("q0", reason=hostile, status=hostile, kind=hostile)}
    store.commit(run(("q0",), fits, calibration=hostile), {"q0.t1": estimate(unit=hostile)})
    kept = hostile.replace("\ud800", "\\ud800").replace("\0", "\\0")
    found = store.runs()[0]
    assert (found.calibration, found.fits["q0"].reason) == (kept, kept)
    assert store.parameters()["q0.t1"].unit == kept
    store.audit(hostile, hostile, 1, None, hostile)
    assert (store.log()[0].who, store.log()[0].old, store.log()[0].new) == (kept, "1", "None")


REFUSED = {
    "value": estimate(math.nan),
    "infinite": estimate(math.inf),
    "stderr": estimate(stderr=math.nan),
    "negative": estimate(stderr=-1.0),
    "no zone": estimate(time=datetime(2026, 11, 21)),
    "until": estimate(valid_until=datetime(2026, 11, 21)),
}


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_measured_number_is_refused_whole(store: Store, bad) -> None:
    with pytest.raises(StoreError, match=r"q1\.t1"):
        store.commit(run(), {"q0.t1": estimate(), "q1.t1": bad})
    assert store.parameters() == {}
    assert store.runs() == []


@pytest.mark.parametrize("name", ["", "f01", "q0.", ".t1", "Q0.t1", "q0.t1.x", "q0/+.t1", "q0.#"])
def test_a_name_outside_the_grammar_is_refused(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="parameter name"):
        store.commit(run(), {name: estimate()})


def test_a_run_silent_about_a_target_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="q1"):
        store.commit(run(("q0", "q1"), {"q0": fit("q0")}), {})
    with pytest.raises(StoreError, match="q9"):
        store.commit(run(("q0",), {"q0": fit("q0"), "q9": fit("q9")}), {})


def test_every_commit_waits_in_the_outbox_until_it_is_sent(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    store.commit(run(), {})
    first, second = store.waiting()
    assert [each.name for each in first.changes] == ["q0.t1"]
    assert (second.run.id, second.run.revision, second.changes) == ("r000002", None, ())
    store.mark_sent(first.number)
    assert [each.run.id for each in store.waiting()] == ["r000002"]
    assert store.backlog() == 1


def test_history_cannot_be_changed(store: Store, path: Path) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    store.audit("gate", "awg1.1", 0.0, 0.1, "rabi")
    with sqlite3.connect(path) as other:
        for table in ("run", "fit", "fitted", "revision", "change", "audit"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(f"DELETE FROM {table}")
            column = other.execute(f"PRAGMA table_info({table})").fetchone()[1]
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(f"UPDATE {table} SET {column} = {column}")
    other.close()


def test_the_audit_log_comes_newest_first(store: Store) -> None:
    store.audit("gate", "awg1.1", 0.0, 0.1, "rabi")
    store.audit("anna", "awg1.1", 0.1, 0.0, "cool-down")
    assert [(row.who, row.old, row.new) for row in store.log()] == [
        ("anna", "0.1", "0.0"),
        ("gate", "0.0", "0.1"),
    ]
    assert len(store.log(1)) == 1


def test_activity_is_one_row_with_a_heartbeat(store: Store, path: Path) -> None:
    assert store.current_activity() is None
    store.activity("ramsey on q0, q1")
    first = store.current_activity()
    assert first is not None
    assert first.what == "ramsey on q0, q1"
    store.activity(None)
    with Store.read(path) as other:
        second = other.current_activity()
    assert second is not None
    assert second.what is None
    assert second.time >= first.time


def test_listeners_hear_of_commits_until_they_stop(store: Store) -> None:
    heard: list[int] = []
    stop = store.on_commit(lambda: heard.append(store.revision()))
    store.commit(run(), {"q0.t1": estimate()})
    stop()
    store.commit(run(), {"q0.t1": estimate()})
    assert heard == [1]


def test_laboratory_time_runs_ahead_with_the_last_run(store: Store) -> None:
    assert abs(store.now() - datetime.now(UTC)) < timedelta(seconds=10)
    ahead = datetime.now(UTC) + timedelta(days=2)
    store.commit(replace(run(), ended=ahead), {})
    first = store.now()
    assert first >= moment(micros(ahead))
    time.sleep(0.05)
    assert timedelta(seconds=0.05) <= store.now() - first < timedelta(seconds=5), "it goes on"


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))
def test_times_survive_as_microseconds(time: datetime) -> None:
    # By Python's rules an hour that a zone has twice equals no time of another zone.
    assert moment(micros(time)) == time.astimezone(UTC)


def test_times_of_other_zones_become_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert moment(micros(there)).utcoffset() == timedelta(0)
    assert micros(there) == micros(NOON)


@given(st.integers(1, 10**9))
def test_run_names_and_numbers_agree(number: int) -> None:
    assert run_number(run_name(number)) == number
