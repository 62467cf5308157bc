"""When a soak says that memory is flat, that it grows, and that it cannot tell."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.prove.flat import (
    BLOCK,
    ERRORS,
    EVERY,
    FEWEST,
    Look,
    Watch,
    grown,
    new_files,
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


def test_a_long_one_that_is_flat_is_told() -> None:
    assert verdict(looks(2.0, 0.1, noise=0.5), told=False).flat


def test_one_that_grows_is_told() -> None:
    found = verdict(looks(2.0, 8.0, noise=0.5), told=False)
    assert found.grows
    assert not found.flat


def test_one_that_is_too_short_is_neither_flat_nor_growing_and_says_so() -> None:
    """Three errors below the slope it may have been anything: that is no pass."""
    for short in (looks(0.02, 8.0), looks(0.5, 0.5, noise=2.0)):
        found = verdict(short, told=False)
        assert not found.flat
        assert not found.grows
        assert "too short to tell" in str(found)


def test_what_is_in_use_must_be_flat_too() -> None:
    """2 MB/h of use hide in the noise of what the system counts; one that is flat is told."""
    found = verdict(looks(2.0, 0.1, noise=0.5, used=2.0), told=True)
    assert found.held.flat
    assert found.grows
    assert not found.flat
    assert "in use +2.0 ±" in str(found)
    assert verdict(looks(2.0, 0.1, noise=0.5, used=0.1), told=True).flat


def test_what_only_the_allocator_keeps_is_no_pass_either() -> None:
    found = verdict(looks(2.0, 8.0, noise=0.5, used=0.1), told=True)
    assert found.grows
    assert found.in_use is not None
    assert found.in_use.flat


def test_where_one_look_does_not_tell_what_is_in_use_it_is_no_pass() -> None:
    """Nor a failure: it is not known."""
    told, untold = looks(2.0, 0.1, used=0.1), looks(2.0, 0.1)
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


def test_what_comes_and_goes_does_not_hide_what_stays():
    rng = np.random.default_rng(4)
    flat, leak = looks(1.6, 0.1, used=0.2), looks(1.6, 0.1, used=1.2)
    busy = rng.random(len(flat)) < 0.3
    for kept in (flat, leak):
        for n in np.flatnonzero(busy):
            kept[n] = replace(kept[n], in_use=(kept[n].in_use or 0.0) + rng.uniform(1, 5))
    assert verdict(flat, told=True).flat
    assert verdict(leak, told=True).grows


def test_what_is_kept_is_seen_in_a_process_that_is_busy_nearly_always():
    """And busier in the end than at the beginning, which is nothing that it keeps."""
    rng = np.random.default_rng(6)
    flat, leak = looks(2.0, 0.1, used=0.1), looks(2.0, 0.1, used=1.6)
    for kept in (flat, leak):
        for n, share in enumerate(np.linspace(0.5, 0.8, len(kept))):
            if rng.random() < share:
                kept[n] = replace(kept[n], in_use=(kept[n].in_use or 0.0) + rng.uniform(1, 5))
    assert verdict(flat, told=True).flat
    assert verdict(leak, told=True).grows


@pytest.mark.skipif(not can_tell(), reason="glibc from 2.33 tells what a process has in use")
def test_what_a_thread_has_freed_is_not_in_use(tmp_path) -> None:
    """Not even what it keeps to give out again: 7 pieces of each size."""
    program = """
import ctypes, sys, threading, time
from pathlib import Path
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


def test_neighbouring_looks_are_not_counted_as_independent() -> None:
    """Of 200 flat processes whose memory comes and goes over a minute few seem to grow."""
    rng = np.random.default_rng(3)
    at = np.arange(0, 1, 5 / 3600)
    seem = 0
    for _ in range(200):
        walk = np.convolve(rng.normal(0, 1, at.size + 12), np.ones(12) / 12, "valid")[: at.size]
        found = verdict(
            [Look(h, m, Counter(), 9) for h, m in zip(at, 10 * walk, strict=True)], told=False
        )
        seem += abs(found.held.steep) > 2 * found.held.error
    assert seem < 40, seem


@pytest.mark.parametrize(("minutes", "most"), [(1, 20), (3, 28)])
def test_of_processes_whose_memory_wanders_few_seem_to_grow(minutes, most):
    """Of 200: one in twenty by chance; of twelve means two errors were exceeded by up to 37."""
    rng, at, seem = np.random.default_rng(5), np.arange(0, 1.6, 10 / 3600), 0
    kept = np.exp(-1 / (6 * minutes))
    for _ in range(200):
        walk = np.zeros(at.size)
        for n in range(1, at.size):
            walk[n] = kept * walk[n - 1] + rng.normal()
        held = [Look(h, m, Counter(), 9) for h, m in zip(at, walk, strict=True)]
        found = verdict(held, told=False)
        seem += abs(found.held.steep) > ERRORS * found.held.error
    assert seem <= most, seem


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
