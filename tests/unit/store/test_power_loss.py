"""Power is lost: what was acknowledged is on the disk, and a log cut anywhere is a prefix."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kammerton.store import Store
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


@pytest.mark.parametrize("pragma", ["OFF", "NORMAL"])
def test_s5_a_connection_that_does_not_wait_for_the_disk_is_refused(
    path: Path, pragma: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build of SQLite may give less than was asked for: then nothing runs."""
    import sqlite3

    from kammerton.model import StoreError
    from kammerton.store import sqlite

    class Careless(sqlite3.Connection):
        def execute(self, statement: str, *more: object) -> sqlite3.Cursor:
            if statement == "PRAGMA synchronous = FULL":
                statement = f"PRAGMA synchronous = {pragma}"
            return super().execute(statement, *more)

    def connect(path: Path, mode: str, busy: float) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, factory=Careless)

    monkeypatch.setattr(sqlite, "_connect", connect)
    with pytest.raises(StoreError, match="synchronous is"):
        Store.open(path, "c")
