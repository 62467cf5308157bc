"""Memory of Linux that nobody can cut short: who maps it is never killed for looking into it.

It has no name in any file system. The other side opens it by the process and the file of who made
it, and takes only what is sealed; so a driver's process cannot end the laboratory with SIGBUS.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os

# The kernel's numbers, for a Python that was built for a C library before glibc 2.27 (those of
# conda-forge and, for long, of uv) has neither them nor os.memfd_create.
_CLOSE_ON_EXEC, _ALLOW_SEALING = 1, 2
_ADD_SEALS, _GET_SEALS = 1033, 1034
_SEAL, _SHRINK, _GROW = 1, 2, 4


def create(name: str, size: int) -> tuple[mmap.mmap, int]:
    """Return fresh memory and its file, which is to be closed when the other side has mapped it."""
    file = _unnamed(name)
    try:
        os.posix_fallocate(file, 0, size)
        fcntl.fcntl(file, _ADD_SEALS, _SEAL | _SHRINK | _GROW)
        return mmap.mmap(file, size), file
    except OSError:
        os.close(file)
        raise


def _unnamed(name: str) -> int:
    """Return a file of memory that can be sealed; raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "memfd_create"):
        raise OSError(errno.ENOSYS, "the C library cannot make memory that can be sealed")
    file = int(library.memfd_create(name.encode(), _CLOSE_ON_EXEC | _ALLOW_SEALING))
    if file < 0:
        raise OSError(ctypes.get_errno(), "no memory that can be sealed")
    return file


def attach(process: int, number: int, size: int) -> mmap.mmap:
    """Map the memory that a process has open as this file; raises OSError or ValueError."""
    file = os.open(f"/proc/{process}/fd/{number}", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if fcntl.fcntl(file, _GET_SEALS) & _SHRINK == 0:
            raise ValueError("the memory is not sealed: it could be cut short")
        return mmap.mmap(file, size)
    finally:
        os.close(file)
