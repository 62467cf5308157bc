"""Memory of Linux that nobody can cut short: who maps it is never killed for looking into it.

It has no name in any file system. The other side opens it by the process and the file of who made
it, and takes only what is sealed; so a driver's process cannot end the laboratory with SIGBUS.
"""

from __future__ import annotations

import fcntl
import mmap
import os

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def create(name: str, size: int) -> tuple[mmap.mmap, int]:
    """Return fresh memory and its file, which is to be closed when the other side has mapped it."""
    file = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.posix_fallocate(file, 0, size)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        return mmap.mmap(file, size), file
    except OSError:
        os.close(file)
        raise


def attach(process: int, number: int, size: int) -> mmap.mmap:
    """Map the memory that a process has open as this file; raises OSError or ValueError."""
    file = os.open(f"/proc/{process}/fd/{number}", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if fcntl.fcntl(file, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK == 0:
            raise ValueError("the memory is not sealed: it could be cut short")
        return mmap.mmap(file, size)
    finally:
        os.close(file)
