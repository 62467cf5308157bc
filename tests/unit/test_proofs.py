"""What the tables of the proofs count."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from kammerton_sim.chip.further import MODELS
from kammerton_sim.evidence.ledger import Ledger
from tests.prove.frame import Row
from tests.prove.killing import Daemon
from tests.prove.links import BESIDE, together
from tests.prove.measuring_on import gaps
from tests.prove.mixed_links import Seen, begun
from tests.proxied import Site, furnished


def test_a_fault_that_never_struck_is_not_counted() -> None:
    rows = [Row("awg1", 1, 0.2, 1.0, unsafe=0, stuck=0), Row("fridge", 0, None, 3.0, unsafe=1)]
    found = together("both", rows)
    assert (found.injected, found.t_det, found.t_rec) == (1, 0.2, 3.0)
    assert (found.wrong, found.unsafe, found.stuck) == (None, 1, 0)
    assert not together("none", [Row("fridge", 0)]).good, "it struck nothing"


def test_every_instrument_of_the_laboratory_is_spoken_to_while_its_link_is_spoilt() -> None:
    """The bias source is read again and again by the daemon itself."""
    assert set(furnished().wiring.instruments) == set(MODELS) == {*BESIDE, "yokogawa_gs200"}


def test_a_session_is_lost_where_one_ends_and_another_begins() -> None:
    """A second line that is tried again some time later ends none."""
    ledger = Ledger(lambda: 0.0)

    def change(name: str, old: Any, new: Any) -> None:
        ledger.record(name, "session", "connection", old, new)

    change("awg1", None, "1")
    site = Site(Mock(ledger=ledger), {"awg1": Mock(), "fridge": Mock()}, *[Mock()] * 4)
    since = site.index()
    change("fridge", None, "2")
    change("beside", "3", None)
    assert site.lost(since) == set()
    change("awg1", "1", None)
    change("awg1", None, "4")
    assert site.lost(since) == {"awg1"}


class Begun(Daemon):
    """One that is not started: only what its database says counts."""

    def start(self) -> None:
        """Nothing to start."""


def test_what_a_dead_process_said_is_not_taken_for_the_work_of_the_next(tmp_path: Path) -> None:
    """Killed before it said a word, a process leaves the words of the one before it."""
    daemon = Begun(tmp_path / "lab.toml")
    assert not daemon.up(), "there is no database yet"
    with closing(sqlite3.connect(daemon.database)) as there:
        there.execute("create table activity (pid int, what text)")
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        there.execute("insert into activity values (?, 'ramsey q0')", (dead.pid,))
        there.commit()
        assert not daemon.up(old=1)
        there.execute("update activity set pid = ?", (os.getpid(),))
        there.commit()
    assert daemon.up(old=1)
    assert not daemon.up(old=os.getpid())


def test_the_gap_that_reaches_into_a_time_and_the_one_beyond_its_end_count(tmp_path: Path) -> None:
    """A loop that waits has no run within the time at all."""
    path = tmp_path / "db.sqlite"
    with closing(sqlite3.connect(path)) as there:
        there.execute("create table run (number int, committed int)")
        moments = enumerate(int(s * 1e6) for s in (1.0, 2.0, 9.5, 10.0, 11.0))
        there.executemany("insert into run values (?, ?)", moments)
        there.commit()
    assert gaps(path, 3.0, 8.0) == [7.5]
    assert gaps(path, 1.5, 9.7) == [1.0, 7.5, 0.5]


def test_of_mixed_faults_recovery_is_judged_at_99_of_100_and_the_longest_is_told() -> None:
    seen = Seen(mixes=200, recovered=[1.0] * 199 + [200.0])
    row = seen.row(10)
    assert row.good
    assert "the longest 200.00" in row.fault
    assert not Seen(mixes=20, recovered=[1.0] * 19 + [200.0]).row(10).good
    assert not Seen(mixes=20, recovered=[1.0], disturbed=["awg1"]).row(10).good
    assert not Seen(recovered=[1.0]).row(10).good, "nothing was hit"


def test_what_was_outside_the_limits_before_the_daemon_began_is_the_same_with_another_end() -> None:
    before, after = ({"output": "a", "from": 1.0, "to": end} for end in (2.0, 9.0))
    other = {"output": "a", "from": 3.0, "to": 9.0}
    assert begun([str(after), str(other)]) - begun([str(before)]) == begun([str(other)])
