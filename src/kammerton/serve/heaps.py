"""What glibc's allocator is told, so that a process of weeks keeps little that is free.

glibc has a heap for each thread and keeps what is freed inside it. Large jobs (a program, a
picture) fall to one thread of the pool today and to another one tomorrow, so the heaps of all
grow in turn, for days, to the largest job of each, though little is in use.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # malloc.h

HEAPS = 2
"""Heaps that all threads share; the interpreter lets few of them allocate at once anyhow."""

LARGE = 1 << 20
"""Bytes from which a block has pages of its own, given back when it is freed.

glibc raises this by itself to the largest block that was ever freed, up to 32 MiB, and then keeps
arrays of a measurement in the heaps. A fresh MiB costs about 0.1 ms.
"""


def keep_few() -> None:
    """Let this process have few heaps (man 3 mallopt); before it begins threads.

    Nothing is done where the allocator is another one.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(M_ARENA_MAX, HEAPS)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without looking for garbage among them, neither now nor ever after: they stay.

    The search took 0.2 to 0.9 s of the 3 s of CPU time of a start, and each whole search 0.12 s.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def give_back() -> Callable[[], object] | None:
    """Return what frees garbage and trims the heaps (man 3 malloc_trim); None without glibc."""
    libc = _glibc()
    return None if libc is None else lambda: (gc.collect(), libc.malloc_trim(0))


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):  # musl
        return None
    libc.malloc_trim.argtypes, libc.malloc_trim.restype = [ctypes.c_size_t], ctypes.c_int
    libc.mallopt.argtypes, libc.mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    return libc
