"""Power is lost: what was acknowledged is on the disk, and a log cut anywhere is a prefix."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kammerton.model import StoreError
from kammerton.store import Inbox, Store, backup, restore
from kammerton.store.place import place_of
from tests.older import make_old
from tests.prove.power_loss import Harm, Written, cut, write

ROOT = Path(__file__).parents[3]
COMMITS = 12


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("written"))


def test_s5_a_log_cut_at_a_random_byte_is_a_prefix(written: Written) -> None:
    assert cut(written, 50, seed=7) == Harm(lost=0, torn=0)


def test_the_proof_sees_a_log_with_a_hole(written: Written) -> None:
    """SQLite's checksums end the log at a hole; a commit that was acknowledged is then lost."""
    middle = len(written.log) // 2
    wrong = bytes(255 ^ each for each in written.log[middle : middle + 64])
    holed = written.log[:middle] + wrong + written.log[middle + 64 :]
    damaged = Written(written.main, holed, written.acknowledged, written.rows)
    assert cut(damaged, 10, seed=7).lost > 0


CHILD = """
import sys
from kammerton.store import Store
from tests.stored import estimate, run
with Store.open(sys.argv[1], "c") as store:
    sys.stdout.write("begin "); sys.stdout.flush()
    for _ in range(int(sys.argv[2])):
        store.commit(run(points=2), {"q0.t1": estimate()})
        sys.stdout.write("committed "); sys.stdout.flush()
        store.audit("gate", "awg1", 0, 1, "t1")
        sys.stdout.write("audited "); sys.stdout.flush()
"""


def test_s5_the_log_is_on_the_disk_before_a_commit_is_acknowledged(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "db.sqlite"
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (Debian: apt install strace)")
    watch = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,write", "-s", "16", "-o", trace]
    child = [sys.executable, "-c", CHILD, path, str(COMMITS)]
    done = subprocess.run([*watch, *child], cwd=ROOT, capture_output=True, timeout=100, check=False)
    if b"ptrace" in done.stderr.lower():
        pytest.skip(f"strace may not look here: {done.stderr.decode()}")
    assert done.returncode == 0, done.stderr
    said = r'write\(1<[^>]*>, "(\w+) "|(?:fsync|fdatasync)\(\d+<([^>]*)>'
    seen = [word or file for word, file in re.findall(said, trace.read_text(errors="replace"))]
    seen = seen[seen.index("begin") + 1 :]
    synced: list[str] = []
    for each in seen:
        if each in ("committed", "audited"):
            assert any(file.endswith("-wal") for file in synced), (each, synced)
            if each == "committed":
                assert any(".nc" in file for file in synced), "the raw traces too"
            synced = []
        else:
            synced.append(each)
    assert seen.count("committed") == seen.count("audited") == COMMITS


class Careless(sqlite3.Connection):
    """As of a build of SQLite that gives less than was asked for."""

    given = "NORMAL"

    def execute(self, statement: str, *more: Any) -> sqlite3.Cursor:
        if statement == "PRAGMA synchronous = FULL":
            statement = f"PRAGMA synchronous = {self.given}"
        return super().execute(statement, *more)


class Off(Careless):
    given = "OFF"


WRITES: dict[str, Callable[[Path], object]] = {
    "the database": lambda path: Store.open(path, "c"),
    "requests": Inbox,
    "a restore": lambda path: restore(backup.backups(path)[-1], "anna"),
    "a migration": lambda path: make_old(path, 4) or place_of(path).prepare(),
}


@pytest.mark.parametrize("kind", [Careless, Off])
@pytest.mark.parametrize("write", WRITES)
def test_s5_a_connection_that_does_not_wait_for_the_disk_is_refused(
    path: Path, write: str, kind: type[Careless], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing runs, whatever writes for good."""
    Store.open(path, "c").close()
    backup.keep(path)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=kind))
    with pytest.raises(StoreError, match="synchronous is"):
        WRITES[write](path)
