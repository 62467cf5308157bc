"""The process that is kept ready until its order: of the same code, and the first to be killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import pytest

from kammerton.serve import ready
from kammerton.serve.words import READY

SCRIPT = """
import sys
from pathlib import Path
from types import ModuleType
from kammerton.serve import ready

child = ModuleType("child")
child.obey = lambda wire, text: wire.say(oom=int(ready.OOM.read_text()))
child.leave = sys.exit
sys.modules["kammerton.serve.child"] = child
import kammerton.serve
kammerton.serve.child = child
ready._load = lambda wire: None
ready.PROGRAM = Path(sys.argv[1])
ready.main()
"""
"""It loads nothing, looks at another package's files, and obeys by saying its score."""

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the score is of Linux")


@contextmanager
def waiting(package: Path) -> Iterator[subprocess.Popen[bytes]]:
    (package / "part").mkdir()
    (package / "__init__.py").touch()
    (package / "part" / "late.py").write_text("old = 1\n")
    command = [sys.executable, "-c", SCRIPT, str(package)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert answer(process, READY) == b'{"ready": true, "told": false}\n'
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def answer(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(text)
    process.stdin.flush()
    return process.stdout.readline()


def test_r2_what_was_installed_anew_since_it_loaded_ends_it_before_it_is_taken(tmp_path):
    with waiting(tmp_path) as process:
        assert answer(process, READY)
        (tmp_path / "part" / "late.py").write_text("new = 10\n")
        assert answer(process, READY) == b"", "so a usual start follows"
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert b"installed anew" in process.stderr.read()


@LINUX
def test_it_is_killed_before_others_where_memory_is_short_until_it_has_its_order(tmp_path):
    ours = int(ready.OOM.read_text())
    with waiting(tmp_path) as process:
        score = int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())
        assert score == min(1000, ours + ready.FIRST)
        assert answer(process, b"{}\n") == b'{"oom": %d}\n' % ours


def test_r2_a_link_to_nothing_hides_no_change_and_drivers_count(tmp_path, monkeypatch):
    """An editor leaves such a link beside each file that is being edited."""
    program, drivers = tmp_path / "program", tmp_path / "drivers"
    for folder in (program, drivers):
        folder.mkdir()
        (folder / "some.py").write_text("1")
    (program / ".#some.py").symlink_to("me@here.1:2")
    monkeypatch.setattr(ready, "PROGRAM", program)
    monkeypatch.setattr(ready, "BESIDE", [drivers])
    codes = [ready._code()]
    for folder in (program, drivers):
        (folder / "some.py").write_text("another")
        codes.append(ready._code())
    assert len(set(codes)) == 3
