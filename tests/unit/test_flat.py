"""When a soak says that memory is flat, that it grows, and that it cannot tell."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from kammerton.serve import memory
from tests.prove import soak
from tests.prove.flat import (
    BLOCK,
    ERRORS,
    EVERY,
    FEWEST,
    RESTS,
    Look,
    Watch,
    grown,
    new_files,
    slope,
    together,
    used,
    verdict,
)
from tests.prove.killing import wait_for
from tests.prove.soak import can_tell, telling


def looks(
    hours: float, slope: float, noise: float = 0.0, files: int = 3, used: float | None = None
) -> list[Look]:
    """Return looks every 5 s at a process that grows by so many MB/h, with 12 s of memory.

    What it has in use grows by `used`, where that is told.
    """
    at = np.arange(0, hours, 5 / 3600)
    rng = np.random.default_rng(1)
    walk = np.repeat(rng.normal(0, noise, at.size // 12 + 1), 12)[: at.size]
    return [
        Look(
            h, 400 + slope * h + w, Counter(db=files), 9,
            None if used is None else 200 + used * h + w / 10,
        )
        for h, w in zip(at, walk, strict=True)
    ]  # fmt: skip


def rests(hours: float, slope: float, noise: float = 0.0, used: float | None = None) -> list[Look]:
    """Return looks at rest, one every seven minutes, as `looks` returns others."""
    at = np.arange(0, hours, 7 / 60)
    off = np.random.default_rng(1).normal(0, noise, at.size)
    return [
        Look(h, 400 + slope * h + w, Counter(), 9,
             None if used is None else 200 + used * h + w / 10)
        for h, w in zip(at, off, strict=True)
    ]  # fmt: skip


def test_a_long_one_that_is_flat_is_told() -> None:
    assert verdict(rests(2.0, 0.1, noise=0.3), told=False).flat


def test_one_that_grows_is_told() -> None:
    found = verdict(rests(2.0, 8.0, noise=0.3), told=False)
    assert found.grows
    assert not found.flat


def test_one_that_is_too_short_is_neither_flat_nor_growing_and_says_so() -> None:
    """Three errors below the slope it may have been anything: that is no pass."""
    for short in (rests(0.6, 8.0), rests(2.0, 0.5, noise=2.0)):
        found = verdict(short, told=False)
        assert not found.flat
        assert not found.grows
        assert "too short to tell" in str(found)


def test_what_is_in_use_must_be_flat_too() -> None:
    """2 MB/h of use are told beside what the system counts; one that is flat is, too."""
    found = verdict(rests(2.0, 0.1, noise=0.3, used=2.0), told=True)
    assert found.held.flat
    assert found.grows
    assert not found.flat
    assert "in use +2.0 ±" in str(found)
    assert verdict(rests(2.0, 0.1, noise=0.3, used=0.1), told=True).flat


def test_what_only_the_allocator_keeps_is_no_pass_either() -> None:
    found = verdict(rests(2.0, 8.0, noise=0.3, used=0.1), told=True)
    assert found.grows
    assert found.in_use is not None
    assert found.in_use.flat


def test_what_it_held_as_its_caches_filled_is_no_growth() -> None:
    filled = [replace(each, megabytes=380.0 + 5 * n) for n, each in enumerate(rests(0.5, 0.0))]
    late = rests(2.0, 0.1, noise=0.3)
    assert verdict([*filled[:4], *late[4:]], told=False).flat


def test_where_one_look_does_not_tell_what_is_in_use_it_is_no_pass() -> None:
    """Nor a failure: it is not known."""
    told, untold = rests(2.0, 0.1, used=0.1), rests(2.0, 0.1)
    found = verdict([*told[:-1], untold[-1]], told=True)
    assert not found.flat
    assert not found.grows
    assert "too short to tell" in str(found)
    assert verdict(told, told=True).flat
    assert verdict(untold, told=False).flat


@pytest.mark.skipif(not can_tell(), reason="glibc from 2.33 tells what a process has in use")
def test_a_process_writes_what_it_has_in_use(tmp_path) -> None:
    """And 10 MB more once it holds 10 MB more in small blocks, and in one large one."""
    program = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
held = [bytes(300) for _ in range(int(sys.argv[1]))], bytes(int(sys.argv[2]))
Path(sys.argv[3]).touch()
time.sleep(60)
"""
    each = {"empty": ("0", "0"), "large": ("0", "10000000"), "small": ("100000", "0")}
    with telling(tmp_path):
        started = {
            name: subprocess.Popen([sys.executable, "-c", program, *words, str(tmp_path / name)])
            for name, words in each.items()
        }
    try:
        told = {n: _since(tmp_path, started[n].pid, n) for n in each}
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    other = 0.5  # MB by which tables of the interpreter may differ: one of them compiles first
    assert told["large"] - told["empty"] == pytest.approx(10.0, abs=other)
    of_small = 0.1 * BLOCK + 0.8  # and their list
    assert told["small"] - told["empty"] == pytest.approx(of_small, abs=other)


def _since(folder: Path, pid: int, mark: str) -> float | None:
    """Return what a process has in use since it made a mark: what it has told twice since then.

    What it tells first may have been counted before.
    """
    told = folder / str(pid)
    wait_for((folder / mark).exists, mark)
    for _ in range(2):
        before = told.stat().st_mtime_ns if told.exists() else 0
        wait_for(lambda old=before: told.exists() and told.stat().st_mtime_ns > old, mark)
    return used(folder, pid)[0]


def test_what_a_measurement_takes_for_a_second_is_not_what_is_kept() -> None:
    """Nor is what the system counts less where free memory has just been given back."""
    busy, rest = looks(0.002, 0.0, used=9.0), looks(0.002, 0.0, used=0.0)
    few = [
        replace(busy[0], in_use=250.0, parts=" (busy)"),
        replace(rest[0], megabytes=380.0),
        replace(busy[1], megabytes=430.0),
        *busy[:2],
    ]
    assert together(few) == replace(busy[1], megabytes=400.0, in_use=200.0)


def test_a_watch_looks_all_the_time_until_the_process_is_gone(tmp_path) -> None:
    with telling(tmp_path):
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    watch = Watch(psutil.Process(process.pid), tmp_path)
    try:
        first, second = watch.look(), watch.look()
        assert second.hours - first.hours > (FEWEST - 2) * EVERY / 3600
        assert 1 < second.megabytes < 100
        assert second.threads == 1 + can_tell()
        assert (second.in_use is not None) == can_tell()
    finally:
        process.kill()
        process.wait()
    with pytest.raises(AssertionError, match=f"process {process.pid} is gone"):
        [watch.look() for _ in range(3)]
    watch.close()


@pytest.mark.skipif(not can_tell(), reason="glibc from 2.33 tells what a process has in use")
def test_what_a_thread_has_freed_is_not_in_use(tmp_path) -> None:
    """Not even what it keeps to give out again: 7 pieces of each size."""
    program = """
import ctypes, sys, threading, time
from pathlib import Path
from types import SimpleNamespace
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def work():
    for size in range(24, 1000, 16):
        for piece in [libc.malloc(size) for _ in range(7)]:
            libc.free(piece)
    time.sleep(60)
for _ in range(int(sys.argv[1])):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
Path(sys.argv[2]).touch()
time.sleep(60)
"""
    with telling(tmp_path):
        started = {
            each: subprocess.Popen([sys.executable, "-c", program, each, str(tmp_path / each)])
            for each in ("1", "21")
        }
    try:
        told = [_since(tmp_path, p.pid, n) for n, p in started.items()]
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    assert told[1] - told[0] < 1.0, "20 threads would keep 4 MB"


def test_where_none_of_a_few_looks_tells_what_is_in_use_they_do_not_together() -> None:
    assert together(looks(0.01, 0.0)).in_use is None


def test_of_processes_that_are_flat_few_seem_to_grow() -> None:
    """Of 200: one in twenty by chance, of as few rests as tell anything."""
    rng, at, seem = np.random.default_rng(5), np.arange(RESTS), 0
    for _ in range(200):
        found = slope(list(at), list(rng.normal(0, 1, at.size)))
        seem += abs(found.steep) > ERRORS * found.error
    assert seem <= 18, seem


def test_files_that_come_and_go_hide_none_that_stay():
    rng = np.random.default_rng(2)
    leaks = [
        replace(each, named=Counter(db=3 + int(2.5 * each.hours) + int(rng.integers(0, 5))))
        for each in looks(2.0, 0.0)
    ]
    assert grown(leaks, "files") >= 2
    assert new_files(leaks) == [f"db +{grown(leaks, 'files')}"]


def test_a_file_that_comes_to_stay_is_named() -> None:
    before, after = looks(0.5, 0.0), looks(0.5, 0.0, files=4)
    assert grown(before + before, "files") == 0
    assert grown(before + after, "files") == 1
    assert new_files(before + after) == ["db +1"]
    assert new_files(before + before) == []


def test_what_is_compared_is_held_at_rest_after_free_memory_was_given_back(monkeypatch) -> None:
    """The look before that takes what was seen while it measured."""
    done: list[str] = []
    client = SimpleNamespace(
        hold=lambda *names, why: done.append(f"hold {names[0]}"),
        release=lambda *names: done.append(f"release {names[0]}"),
    )
    seen = iter(looks(0.01, 0.0, used=1.0))
    watch = SimpleNamespace(look=lambda: done.append("look") or next(seen))
    doing = iter([(1, "hands off: anna"), (1, "connecting to the instruments"), (1, "t1 on q0")])
    daemon = SimpleNamespace(doing=lambda: next(doing))
    monkeypatch.setattr(soak.time, "sleep", lambda s: done.append(f"{s:g} s") if s > 1 else None)
    found = soak._rested(daemon, client, watch)
    assert done == ["hold computer", "70 s", "look", "10 s", "look", "release computer"]
    assert found.hours > 0, "the second"
    assert soak.GIVEN_BACK > memory.PERIOD
