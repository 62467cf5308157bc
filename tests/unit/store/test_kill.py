"""SIGKILL at any moment: what was acknowledged is there, and nothing is torn."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from kammerton.store import Store

ROOT = Path(__file__).parents[3]
KILLS = 20

# Data files are left out here: they take most of the time, and the transaction is what may tear.
CHILD = """
import os, signal, sys, time
from pathlib import Path
from kammerton.model import StoreInUse
from kammerton.store import Store, write
from tests.stored import estimate, run
write.write_traces = lambda *_: None

place, data = sys.argv[1], Path(sys.argv[2])

def opened():
    end = time.monotonic() + 10
    while True:
        try:
            return Store.open(place if "://" in place else Path(place), "killed", data=data)
        except StoreInUse:  # a server sees a moment later that the one before is gone
            if time.monotonic() > end:
                raise
            time.sleep(0.002)

def commit_without_end():
    store = opened()
    while True:
        done = store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
        os.write(1, b"%d %d\\n" % (os.getpid(), done.revision))  # at once: print may be torn

while True:
    if not (child := os.fork()):
        commit_without_end()
    if (ended := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) != -signal.SIGKILL:
        sys.exit(f"it was not killed: {ended}")
"""
"""One after the other is born of a process that has loaded everything: a start costs a second."""


def _killed(place: Path | str, data: Path, pauses: list[float]) -> list[int]:
    """Kill each process after a while; return the revisions that they were sure of."""
    command = [sys.executable, "-c", CHILD, str(place), str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as mother:
        assert mother.stdout is not None
        told = (tuple(map(int, line.split())) for line in mother.stdout)
        process, revision = next(told)
        sure = [revision]
        for pause in pauses:
            time.sleep(pause)
            os.kill(process, signal.SIGKILL)
            killed = process
            while process == killed:
                process, revision = next(told)
                sure.append(revision)
        mother.kill()
        os.kill(process, signal.SIGKILL)
        return sure + [revision for _, revision in told]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_sigkill_loses_nothing_and_tears_nothing(place: Path | str, tmp_path: Path) -> None:
    chance = random.Random(1)
    sure = _killed(place, tmp_path / "runs", [chance.uniform(0, 0.03) for _ in range(KILLS)])
    with Store.read(place) as store:
        last = store.revision()
        changes = {each.revision for each in store.history("q1.t1", 100_000)}
        runs = store.runs(100_000)
        waiting = store.waiting(100_000)
    assert sure == sorted(set(sure))
    assert set(sure) <= changes == set(range(1, last + 1))
    assert len(runs) == last == len(waiting)
    assert all(each.targets == ("q0", "q1") and each.revision for each in runs)
    assert [len(each.changes) for each in waiting] == [2] * last
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
