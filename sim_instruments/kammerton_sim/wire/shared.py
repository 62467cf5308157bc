"""Memory that two processes share, without a name that could outlive them.

On Linux it is sealed and has no name (see `sealed`); elsewhere on POSIX a file is unlinked as soon
as the other side has mapped it; on Windows a named mapping ends with its last user. None needs a
resource tracker.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import sys
import tempfile
import uuid
from pathlib import Path

_PREFIX = "kammerton-"
_NAME = re.compile(r"kammerton-[A-Za-z0-9_\-]+")
_SEALED = re.compile(r"kammerton-(\d{1,9})-(\d{1,9})")
"""Process and file."""


def create(size: int) -> tuple[mmap.mmap, str]:
    """Return fresh memory and the name under which the other side can attach it, once.

    Raises
    ------
    OSError
        There is not enough shared memory; better here than as a bus error later.
    """
    if sys.platform == "win32":
        name = _PREFIX + uuid.uuid4().hex
        return mmap.mmap(-1, size, tagname=name), name
    if sys.platform == "linux":
        from kammerton_sim.wire import sealed

        memory, file = sealed.create(_PREFIX.rstrip("-"), size)
        return memory, f"{_PREFIX}{os.getpid()}-{file}"
    file, path = tempfile.mkstemp(prefix=_PREFIX, dir=_folder())
    try:
        os.posix_fallocate(file, 0, size)
        return mmap.mmap(file, size), Path(path).name
    except OSError:
        Path(path).unlink()
        raise
    finally:
        os.close(file)


def attach(name: str, size: int) -> mmap.mmap:
    """Map memory that another process created; raises OSError or ValueError."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no name of shared memory")
    if sys.platform == "win32":
        return mmap.mmap(-1, size, tagname=name)
    if sys.platform == "linux":
        from kammerton_sim.wire import sealed

        if (found := _SEALED.fullmatch(name)) is None:
            raise ValueError(f"{name!r} is no memory of a process")
        return sealed.attach(int(found[1]), int(found[2]), size)
    file = os.open(_folder() / name, os.O_RDWR | os.O_NOFOLLOW)
    try:
        return mmap.mmap(file, size)
    finally:
        os.close(file)


def forget(name: str) -> None:
    """Take the name away, once; the memory lives as long as somebody maps it."""
    if sys.platform == "linux":
        os.close(int(name.rpartition("-")[2]))
    elif sys.platform != "win32":
        with contextlib.suppress(FileNotFoundError):
            (_folder() / name).unlink()


def _folder() -> Path:
    return Path(tempfile.gettempdir())
