"""SIGKILL at any moment: what was acknowledged is there, and nothing is torn."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kammerton.store import Store

ROOT = Path(__file__).parents[3]
KILLS = 20

# Data files are left out here: they take most of the time, and the transaction is what may tear.
CHILD = """
import os, signal, sys
from pathlib import Path
from kammerton.store import Store, write
from tests.stored import estimate, run
write.write_traces = lambda *_: None

def commit_without_end():
    store = Store.open(Path(sys.argv[1]), "killed")
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


def _killed(path: Path, pauses: list[float]) -> list[int]:
    """Kill each process after a while; return the revisions that they were sure of."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as mother:
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
def test_sigkill_loses_nothing_and_tears_nothing(tmp_path: Path) -> None:
    path = tmp_path / "killed.sqlite"
    chance = random.Random(1)
    sure = _killed(path, [chance.uniform(0, 0.03) for _ in range(KILLS)])
    with Store.open(path, "killed") as store:
        last = store.revision()
        changes = {each.revision for each in store.history("q1.t1", 100_000)}
        runs = store.runs(100_000)
        waiting = store.waiting(100_000)
    assert sure == sorted(set(sure))
    assert set(sure) <= changes == set(range(1, last + 1))
    assert len(runs) == last == len(waiting)
    assert all(each.targets == ("q0", "q1") and each.revision for each in runs)
    assert [len(each.changes) for each in waiting] == [2] * last
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()
