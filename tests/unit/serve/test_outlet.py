"""A log that nobody takes keeps nobody waiting, and says what was lost."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from kammerton.serve.outlet import Outlet, for_a_crash

LINE = "x" * 99 + "\n"


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def fill(end: int) -> None:
    os.set_blocking(end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(end, b"x")
    os.set_blocking(end, True)


def read_until(end: int, done: Callable[[bytes], bool]) -> bytes:
    data = b""
    while not done(data):
        assert select.select([end], [], [], 10.0)[0], f"nothing more comes after {len(data)} bytes"
        data += os.read(end, 1 << 20)
    return data


def taken(data: bytes) -> tuple[int, int]:
    """Return how many whole lines have come, and how many are said to be lost.

    The writer's thread may take what waits several times while the lines are handed over: then
    the lost ones are said in several lines.
    """
    lines = data.decode().split("\n")[:-1]
    lost = [int(line.split()[0]) for line in lines if "are lost" in line]
    assert len(lines) - len(lost) == lines.count(LINE.strip())
    return lines.count(LINE.strip()), sum(lost)


def test_what_nobody_takes_keeps_nobody_waiting_and_is_counted(pipe):
    outlet, began = Outlet(pipe[1], most=2000), time.process_time()
    for _ in range(5000):  # far more than a pipe holds
        outlet.write(LINE)
    assert outlet.drain(0.2) is False
    assert time.process_time() - began < 1.0
    came, lost = taken(read_until(pipe[0], lambda data: sum(taken(data)) >= 5000))
    assert came + lost == 5000
    assert lost > 0
    assert outlet.drain(5.0) is True


def test_what_is_taken_comes_whole_and_in_order(pipe):
    outlet, texts = Outlet(pipe[1]), [f"line {k} µ\n" for k in range(500)]
    for text in texts:
        outlet.write(text)
    assert outlet.drain(10.0) is True
    whole = "".join(texts).encode()
    assert read_until(pipe[0], lambda data: len(data) >= len(whole)) == whole


def test_where_nobody_is_left_to_take_it_nothing_fails():
    there, here = os.pipe()
    os.close(there)
    outlet = Outlet(here)
    outlet.write(LINE)
    assert outlet.drain(5.0) is True
    os.close(here)


def test_a_reader_without_room_that_keeps_no_write_waiting_gets_every_line(pipe):
    os.set_blocking(pipe[1], False)
    outlet = Outlet(pipe[1], most=6000)
    for _ in range(5000):
        outlet.write(LINE)
    assert outlet.drain(0.2) is False
    assert taken(read_until(pipe[0], lambda data: sum(taken(data)) >= 5000)) == (5000, 0)
    assert outlet.drain(5.0) is True


def test_what_a_full_disk_does_not_take_is_counted_and_said_once_there_is_room(
    tmp_path, monkeypatch
):
    room, real = [150, 0], os.write  # the first line, half of the second, then nothing

    def write(descriptor: int, data: memoryview) -> int:
        if not room:
            return real(descriptor, data)
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data[: room.pop(0)])

    with open(tmp_path / "log", "wb") as log:
        outlet = Outlet(log.fileno())
        monkeypatch.setattr(os, "write", write)
        for _ in range(100):
            outlet.write(LINE)
        assert outlet.drain(5.0) is False
        outlet.write(LINE)
        assert outlet.drain(5.0) is False
        room.clear()
        outlet.write("last\n")
        assert outlet.drain(5.0) is True
    lines = (tmp_path / "log").read_text().splitlines()
    lost = sum(int(each.split()[0]) for each in lines if "are lost" in each)
    assert lines[0] + "\n" == LINE
    assert lost == 100
    assert lines[-2:] == ["100 lines of the log are lost: No space left on device", "last"]


PROGRAM = """
import logging, os, sys
from kammerton.serve.logs import log_to_stderr, tell
from kammerton.serve.outlet import for_a_crash
log_to_stderr()
logging.getLogger().warning("first")
tell("told")
sys.stderr.write("last\\n")
"""


def test_the_last_lines_of_a_process_are_not_lost():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0
    assert [line.split()[-1] for line in done.stderr.splitlines()] == ["first", "told", "last"]


CRASHING = """
import faulthandler, os, time
from kammerton.serve.outlet import for_a_crash
faulthandler.dump_traceback_later(0.5, exit=True, file=for_a_crash())
time.sleep(60)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/fd/2"), reason="no descriptors as files here")
@pytest.mark.parametrize("full", [True, False])
def test_a_process_that_hangs_ends_itself_though_nobody_takes_its_log(pipe, full):
    if full:
        fill(pipe[1])
    done = subprocess.run([sys.executable, "-c", CRASHING], stderr=pipe[1], timeout=30)
    assert done.returncode == 1
    if not full:
        assert b"Timeout" in os.read(pipe[0], 4096)


def test_of_a_file_it_is_stderr_itself(tmp_path):
    """Two descriptors of one file would write over each other."""
    program = "from kammerton.serve.outlet import for_a_crash; print(for_a_crash())"
    with open(tmp_path / "log", "w") as log:
        said = subprocess.run(
            [sys.executable, "-c", program], stderr=log, stdout=subprocess.PIPE, text=True
        )
    assert said.stdout.strip() == "2"
    assert stat.S_ISCHR(os.fstat(for_a_crash()).st_mode) or for_a_crash() == 2
