"""A demonstration that is killed leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kammerton.cli.demonstration.processes import LEASH

pytestmark = pytest.mark.timeout(60)

PARENT = """
import asyncio, sys
from pathlib import Path
from kammerton.cli.demonstration.processes import child
async def main():
    sleeper = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    async with child(sys.executable, "-c", sleeper, log=Path(sys.argv[1]), stdout=None):
        await asyncio.sleep(60)
asyncio.run(main())
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid: int) -> bool:
    until = time.monotonic() + 15
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a process by its number")
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_what_it_started_ends_with_it(tmp_path: Path, how: str) -> None:
    log = tmp_path / "log"
    log.touch()
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(log)])
    until = time.monotonic() + 30
    while not log.read_text().strip() and time.monotonic() < until:
        time.sleep(0.02)
    pid = int(log.read_text())
    getattr(parent, how)()
    parent.wait(20)
    assert gone(pid)


def test_its_exit_code_is_that_of_the_program() -> None:
    program = [sys.executable, "-c", "raise SystemExit(3)"]
    with subprocess.Popen(
        [sys.executable, str(LEASH), "0", *program], stdin=subprocess.PIPE
    ) as leash:
        assert leash.wait(20) == 3


def test_told_to_end_it_does_at_once_and_says_by_what() -> None:
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    began = time.monotonic()
    leash = subprocess.run(
        [sys.executable, str(LEASH), "60", *program], input=b"end\n", timeout=30, check=False
    )
    assert leash.returncode == 143
    assert time.monotonic() - began < 20
