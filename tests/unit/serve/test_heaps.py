"""How many heaps a process has and where large arrays lie, as glibc itself tells (malloc_info)."""

from __future__ import annotations

import gc
import re
import subprocess
import sys

import pytest

from kammerton.serve import heaps

PROGRAM = """
import ctypes, sys, threading
from kammerton.serve import heaps
if sys.argv[1] == "few":
    heaps.keep_few()
met = threading.Barrier(9)
def work():
    held = [bytearray(300) for _ in range(1000)]
    met.wait(10)
    met.wait(10)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
met.wait(10)
largest = bytearray(30 << 20)
del largest
array = bytearray(3 << 20)
libc = ctypes.CDLL(None)
libc.fdopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
out = libc.fdopen(1, b"w")
libc.malloc_info(0, out)
libc.fflush(out)
met.wait(10)
"""


def told(how: str) -> tuple[int, int]:
    """Return the number of heaps, and of blocks with pages of their own."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=60, check=True
    )
    apart = re.findall(r'type="mmap" count="(\d+)"', run.stdout)
    return run.stdout.count("<heap nr="), int(apart[-1])


@pytest.mark.skipif(heaps.give_back() is None, reason="not glibc: its allocator takes no help")
def test_threads_share_few_heaps_and_large_arrays_lie_in_none():
    many, apart = told("as it is")
    few, more = told("few")
    assert many > heaps.HEAPS, "this test sees nothing"
    assert few <= heaps.HEAPS
    assert more == apart + 1


def test_what_is_loaded_is_not_searched_for_garbage_and_what_comes_after_is():
    before = gc.get_freeze_count()
    try:
        with heaps.loading():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
