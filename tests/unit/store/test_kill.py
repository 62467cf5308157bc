"""SIGKILL at any moment: what was acknowledged is there, and nothing is torn."""

from __future__ import annotations

import random
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
import sys
from pathlib import Path
from kammerton.store import Store, write
from tests.stored import estimate, run
write.write_traces = lambda *_: None
store = Store.open(Path(sys.argv[1]), "killed")
while True:
    done = store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
    print(done.revision, flush=True)
"""


def _killed_child(path: Path, pause: float) -> list[int]:
    """Let a child commit for a while, kill it, and return the revisions it was sure of."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    with child.stdout:
        first = child.stdout.readline()  # it has begun
        time.sleep(pause)
        child.kill()
        rest = child.stdout.read()
    child.wait(10)
    return [int(line) for line in (first + rest).split(b"\n")[:-1]]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_sigkill_loses_nothing_and_tears_nothing(tmp_path: Path) -> None:
    path = tmp_path / "killed.sqlite"
    chance = random.Random(1)
    sure: list[int] = []
    for _ in range(KILLS):
        sure += _killed_child(path, chance.uniform(0, 0.03))
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
