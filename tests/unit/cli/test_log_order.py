"""`kammerton log` between two runs: reverts and attempts in the order of their times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Store, clock
from tests.stored import estimate, run

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a database of a run, a refused attempt, two reverts, another attempt and a revert."""

    def at(minute: int) -> None:
        monkeypatch.setattr(clock, "wall", lambda: NOON + timedelta(minutes=minute))

    at(0)
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        for value in (1e-5, 2e-5):
            store.commit(run(), {"q0.t1": estimate(value)}, store.begin("t1", ["q0"]))
        for minute in (1, 4):
            at(minute)
            store.end(store.begin("t1", ["q0"]), "a person said no")
            for back in (1, 2)[: 2 if minute == 1 else 1]:
                at(minute + back)
                store.revert(back, who="anna")
    return tmp_path / "db.sqlite"


@pytest.mark.parametrize("count", [7, 4, 2])
def test_an_attempt_stands_before_the_reverts_that_came_after_it(told: Path, count: int) -> None:
    said = CliRunner().invoke(app, ["log", "--lab", str(told), "-n", str(count), "--json"])
    entries = json.loads(said.stdout)
    events = ["r000001", "r000002", "attempt 3", 3, 4, "attempt 4", 5]
    names = [
        f"attempt {each['attempt']}" if "attempt" in each else each.get("run", each["revision"])
        for each in entries
    ]
    assert names == events[-count:]
