"""R2: a process that is kept ready has loaded everything, touched nothing, and obeys at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest

from kammerton.serve.kernels import load_kernels
from kammerton.serve.ready import NICE
from kammerton.serve.words import READY, Code, Order
from tests.prove.gate import site
from tests.prove.killing import wait_for
from tests.wire.test_told_to_end import left_on, on

BEGIN = [sys.executable, "-m", "kammerton.serve.begin", "--kept-ready"]

WATCHED = """
import os, sys

CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
SPEAKS = ("socket.", "sqlite3.", "subprocess.", "os.mkdir", "os.rename", "os.remove")

def watch(event, arguments):
    writes = event == "open" and (arguments[2] or 0) & CHANGING
    there = event == "os.mkdir" and os.path.isdir(arguments[0])
    asks = event == "socket.gethostname" or there
    if (writes or event.startswith(SPEAKS)) and not asks:
        os.write(2, f"touched {event} {arguments}\\n".encode())
    if event == "import":
        os.write(2, f"import {arguments[0]}\\n".encode())

sys.addaudithook(watch)
sys.argv = ["-m", "--kept-ready"]
from kammerton.serve.begin import main
main()
"""

HARMLESS = ("__pycache__", ":memory:", "connect/handle", "'uname'", os.devnull, "oom_score_adj")
"""What libraries do when they are imported: look whether a cache could be written, and such."""

NEVER = {"xarray", "pandas", "pyarrow", "matplotlib", "scipy.optimize", "scipy.stats"}
"""What some command or picture needs, but no process that only calibrates: 2 s of CPU time."""

FEW = 60
"""Modules that are imported after the order, of the 2600 that a process needs."""


@contextmanager
def kept_ready(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("wb") as sink,
        subprocess.Popen(command or BEGIN, stdin=PIPE, stdout=PIPE, stderr=sink) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[bytes]) -> dict[str, object]:
    return json.loads(process.stdout.readline())


def told(process: subprocess.Popen[bytes], line: bytes) -> None:
    process.stdin.write(line)
    process.stdin.flush()


def lines(log: Path, word: str) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith(f"{word} ")]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
def test_r2_it_has_loaded_everything_touched_nothing_and_switches_off_at_once(tmp_path) -> None:
    load_kernels()  # as the process before it did: now numba only tries whether it could write
    log = tmp_path / "log"
    with kept_ready(log, sys.executable, "-c", WATCHED) as process, site() as (laboratory, lab):
        left_on(laboratory, lab)
        assert heard(process) == {"ready": True, "told": False}
        touched = lines(log, "touched")
        assert [line for line in touched if not any(word in line for word in HARMLESS)] == []
        loaded = len(lines(log, "import"))
        assert not NEVER & {line.split()[1] for line in lines(log, "import")}
        assert_idle(process.pid)
        process.send_signal(signal.SIGTERM)  # kept, as by a process that loads
        told(process, READY)
        assert heard(process) == {"ready": True, "told": True}
        assert on(laboratory) >= {"drive_lo", "readout_lo"}
        told(process, Order(lab.path, lab.path.read_text(encoding="utf-8")).line())
        said = [json.loads(line) for line in process.stdout]
        assert process.wait(60) == Code.DONE, log.read_text()
        assert not on(laboratory)
    assert said[-1]["why"] == "the process ends"
    late = lines(log, "import")[loaded:]
    assert loaded > 10 * FEW
    assert len(late) < FEW, late


def assert_idle(pid: int) -> None:
    """Nothing is open but pipes and the log; its threads go before others as ever."""
    process = psutil.Process(pid)
    assert process.net_connections() == []
    assert {Path(file.path).name for file in process.open_files()} <= {"log"}
    if sys.platform == "linux":
        deadline = time.monotonic() + 10.0  # the thread that loaded says so, and then it ends
        while (left := low(pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == set()


def low(pid: int) -> set[str]:
    """Return the threads that stand back."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    return {name for name, nice in priorities(pid) if nice != usual}


def priorities(pid: int) -> set[tuple[str, int]]:
    """Return the name of each thread, and how nice it is."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            nice = os.getpriority(os.PRIO_PROCESS, int(task.name))
            found.add(((task / "comm").read_text().strip(), nice))
    return found


def test_r2_it_ends_while_it_loads_when_its_supervisor_is_gone(tmp_path) -> None:
    log = tmp_path / "log"
    with kept_ready(log, sys.executable, "-c", WATCHED) as process:
        if sys.platform == "linux":
            low = min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICE)
            behind = lambda: low in {nice for _, nice in priorities(process.pid)}  # noqa: E731
            wait_for(behind, "loading behind others", 30)
        process.stdin.close()
        assert process.stdout.read() == b"", "it has loaded all first"
        assert process.wait(60) == Code.DONE


LACKING = """
import sys
import time
from kammerton.serve import ready
ready.NEEDED = ("no_such_module",)
ready.main()
"""


def test_what_cannot_be_loaded_ends_it_and_the_log_says_why(tmp_path) -> None:
    log = tmp_path / "log"
    with kept_ready(log, sys.executable, "-c", LACKING) as process:
        assert process.stdout.read() == b"", "it must not say that it is ready"
        assert process.wait(60) == Code.CRASHED
    assert "No module named 'no_such_module'" in log.read_text()


def test_it_is_known_by_its_words_and_has_no_secret_in_them(tmp_path) -> None:
    with kept_ready(tmp_path / "log") as process:
        told = psutil.Process(process.pid).cmdline
        wait_for(lambda: bool(told()), "being told its words", 30)  # there are none during execve
        assert told() == BEGIN
