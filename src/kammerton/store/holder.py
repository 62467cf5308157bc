"""Who holds a file locked, where the system tells: on Linux, by its table of locks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LOCKS = Path("/proc/locks")


def holder(path: Path) -> str:
    """Return the process that keeps others from writing a database, ", process 217 (sqlite3)".

    Empty where that is not known: the lock is gone by now, or this is no Linux.
    """
    files = {found for end in ("", "-shm") if (found := _identity(path.with_name(path.name + end)))}
    others = (pid for pid, file in _writing("POSIX") if file in files and pid != os.getpid())
    return next((f", process {pid}{_command(pid)}" for pid in others), "")


def whole_by(path: Path) -> int | None:
    """Return the process that holds a whole file locked, by the number that it knows itself.

    None: that is not known, as to who lives in another container.
    """
    file = _identity(path)
    return next((_own(pid) for pid, each in _writing("FLOCK") if pid and each == file), None)


def deleted_under(path: Path, process: int) -> bool:
    """Say whether a process lives that has a file open which is gone from under its name.

    False: that is not so, or not known, as of a process of another user, or where this is no Linux.
    """
    with suppress(OSError):
        return any(_is(each, f"{path} (deleted)") for each in Path(f"/proc/{process}/fd").iterdir())
    return False


def _is(link: Path, what: str) -> bool:
    """Say what a link to an open file says, which may be closed meanwhile."""
    with suppress(OSError):
        return os.readlink(link) == what
    return False


def _own(process: int) -> int | None:
    """Return which number a process has in the container that it lives in: the last of these."""
    try:
        said = re.search(r"(?m)^NSpid:.*\s(\d+)$", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return None
    return int(said[1]) if said else process


def _identity(path: Path) -> str | None:
    """Return device and number of a file as the table of locks writes them."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"


def _writing(kind: str) -> Iterator[tuple[int, str]]:
    """Yield process and file of every exclusive lock: "1: POSIX ADVISORY WRITE 217 ..."."""
    try:
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split()
        if len(words) > 5 and words[1:4:2] == [kind, "WRITE"] and words[4].isdigit():
            yield int(words[4]), words[5]


def _command(process: int) -> str:
    try:
        return f" ({Path(f'/proc/{process}/comm').read_text().strip()})"
    except OSError:
        return ""
