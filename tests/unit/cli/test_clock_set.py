"""`kammerton status` says that the computer's clock was set: ages rest on it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Doubt, Store, clock
from tests.stored import estimate, run


def test_status_says_that_the_clock_was_set(tmp_path, monkeypatch):
    database = tmp_path / "db.sqlite"

    def told(*words):
        done = CliRunner(env={"COLUMNS": "400"}).invoke(app, [*words, str(database)])
        assert done.exit_code == 0
        return done.stdout

    def said(*more):
        return told("status", *more)

    wrong = datetime.now(UTC) + timedelta(days=365)
    with Store.open(database, "two-qubits") as store:
        monkeypatch.setattr(clock, "wall", lambda: wrong)
        store.commit(run(started=wrong), {"q0.t1": estimate(time=wrong)})
        assert "clock" not in said()
        monkeypatch.undo()
        assert "clock is 364 d 23 h behind what was stored last" in said()
        assert "of a time to come" in said()
        ended = told("log").splitlines()[1]
        assert re.search(r"t1 .* 36[45] d .*later than now", ended)
        assert not re.search(r" -\d", ended)
        assert "none: 36" in told("why", "q0.t1")
        store.move_times(-timedelta(days=365), "set back by 365 d", 1)
        store.audit("the daemon", "clock", "2027", "2026", "it was set back by 365 d")
        assert "laboratory time went from 2027 to 2026: it was set back by 365 d" in said()
        assert "of a time to come" not in said()
        assert len(json.loads(said("--json"))["clock"]) == 1
        assert "times of q0.t1 moved by the clock: set back by 365 d" in told("log")


def test_log_and_why_say_that_what_held_ended_since_it_was_warm(tmp_path):
    database, why = tmp_path / "db.sqlite", "the mixing chamber was warm: it read 4.2 K"
    now = clock.wall()
    with Store.open(database, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(valid_until=now + timedelta(hours=1))})
        doubted = {"q0.t1": Doubt("r000001", 2e-5, why)}
        store.move_times(timedelta(), why, 1, ends=now, doubted=doubted)
        for words, said in (
            (("log",), f"q0.t1 hold no longer, by the refrigerator: {why}"),
            (("why", "q0.t1"), f"what held of it, by the refrigerator: {why}"),
            (("status",), why),
        ):
            done = CliRunner(env={"COLUMNS": "400"}).invoke(app, [*words, str(database)])
            assert said in done.stdout, done.stdout
