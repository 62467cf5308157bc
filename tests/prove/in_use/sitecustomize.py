"""What a process has in use, written by itself: loaded by every Python that has it on its path.

What the system counts (RSS) holds what was freed and is kept for later as well, and swings with it
by 20 MB. In use is what was asked for and not freed: of malloc (man 3 mallinfo2: numpy, SQLite,
compiled kernels and all other C), how many blocks of at most 512 bytes Python's own allocator
holds, in which small objects live (sys.getallocatedblocks), and, of what malloc gave, SQLite's
part, whose caches of pages grow with a database up to 2 MB a connection.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

FOLDER = "KAMMERTON_IN_USE"
PERIOD = 1.0  # s
FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
    "keepcost",
)  # fmt: skip


class Counts(ctypes.Structure):
    """struct mallinfo2 of malloc.h."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def of_sqlite() -> int:
    """Return the bytes that SQLite has in use; 0 before it is loaded, and where it hides that."""
    module = sys.modules.get("_sqlite3")
    library = None if module is None else ctypes.CDLL(module.__file__)
    if library is None or not hasattr(library, "sqlite3_memory_used"):
        return 0
    library.sqlite3_memory_used.restype = ctypes.c_int64
    return int(library.sqlite3_memory_used())


def write_always(libc: ctypes.CDLL, file: Path) -> None:
    """Write bytes of malloc, blocks, and bytes of SQLite; who reads sees these or those before."""
    fresh = file.with_suffix(".new")
    while True:
        counts = libc.mallinfo2()
        of_malloc = counts.uordblks + counts.hblkhd
        fresh.write_text(f"{of_malloc} {sys.getallocatedblocks()} {of_sqlite()}")
        fresh.replace(file)
        time.sleep(PERIOD)


def begin() -> None:
    """Write meanwhile where a folder is named, and the allocator can tell (glibc from 2.33)."""
    folder = os.environ.get(FOLDER)
    libc = ctypes.CDLL(None) if folder and sys.platform == "linux" else None
    if folder is None or libc is None or not hasattr(libc, "mallinfo2"):
        return
    libc.mallinfo2.restype = Counts
    file = Path(folder) / str(os.getpid())
    threading.Thread(target=write_always, args=(libc, file), daemon=True).start()


begin()
