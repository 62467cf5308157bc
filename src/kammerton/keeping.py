"""Who keeps a computer up: a lock for as long as `kammerton run` lives, and a note beside it.

The computer's process has the lock of the database, which nobody has while the next process is
waited for. This one is the supervisor's. The system takes it away with the process, however that
ends: the processes that it begins inherit it from nobody.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

LONGEST = 2000
"""Letters that are shown of a reason: at its end is what a person does about it."""

HERE = ("localhost", "127.0.0.1", "::1")

MOMENT, LOOK = 0.3, 0.02
"""s that somebody who only asks may have the lock for, and s between two looks at it."""


@dataclass(frozen=True)
class Note:
    """What a supervisor says of itself.

    starts: when the computer's process is started again, wall s since 1970; None: it is there, or
    about to be. failures: in a row. why: how the last process ended. ends: it was told to end.
    supervised: a person is asked before the first write of each kind.
    """

    pid: int = 0
    starts: float | None = None
    failures: int = 0
    why: str = ""
    ends: bool = False
    supervised: bool = False

    @property
    def who(self) -> str:
        """Return which process it is."""
        return f"process {self.pid}" if self.pid else "another process"

    def __str__(self) -> str:
        if self == Note():
            no_note = "has left no note: what this computer's own process does is not known here"
            return f"the daemon runs ({self.who}), and {no_note}"
        said = f"the daemon runs ({self.who}), and this computer's own process is not up"
        if self.ends:
            return f"{said}: the daemon ends"
        if self.starts is None:
            return f"{said} yet: it is starting"
        left = max(0.0, self.starts - time.time())
        why = f"; {self.short}" if self.why else ""
        return f"{said}: attempt {self.failures + 1} begins in {left:.0f} s{why}"

    def without(self, said: str) -> Note:
        """Return it without the sentences of its reason that stand in what is said beside it."""
        return replace(self, why="\n".join(w for w in self.why.splitlines() if w not in said))

    @property
    def short(self) -> str:
        """Return why the last process ended, in one line."""
        said = "; ".join(self.why.splitlines())
        return said if len(said) <= LONGEST else f"{said[:LONGEST]} ..."


def beside(database: Path) -> Path:
    """Return the file of the note of whoever keeps a database's computer up."""
    return database.with_name(f"{database.name}.daemon")


def of_server(host: str | None, port: str | int | None, database: str) -> Path:
    """Return the file of the note for a database of a server: of this user, on this machine.

    A host is one however it is spelt, also this computer itself; a folder of sockets, a database
    and a computer are others where a letter is another.

    A lock of the server needs a connection that lives as long as the daemon, which loads no driver;
    it would be gone with the first restart of the server.
    """
    from platformdirs import user_state_path

    where = host or os.environ.get("PGHOST", "")
    where = where if where.startswith(("/", "@")) else where.lower()
    where = "localhost" if where in HERE else where
    port = port or os.environ.get("PGPORT") or 5432
    stem = hashlib.sha256(f"{where}:{port}/{database}".encode()).hexdigest()[:24]
    return user_state_path("kammerton", appauthor=False) / "daemons" / stem


def take(path: Path) -> FileLock | Note:
    """Take the lock of a note, or return the note of whoever has it.

    Raises
    ------
    OSError
        There can be no lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        if not Path(lock.lock_file).exists():
            raise OSError(f"nothing can be written to {path.parent}") from problem
        return read(path)
    return lock


def there(path: Path | None) -> Note | None:
    """Return the note of whoever keeps a computer up; None: nobody does, or one cannot know.

    A note of a process that does not live is believed only where the lock stays taken: of a killed
    daemon it stays behind, and who asks has the lock for a moment, as another does who asks too.
    """
    if path is None or not Path(_lock(path).lock_file).exists():
        return None
    until = time.monotonic() + MOMENT
    while True:
        try:
            found = take(path)
        except OSError:
            return None
        if not isinstance(found, Note):
            found.release()
            return None
        if _lives(found.pid) or time.monotonic() > until:
            return found
        time.sleep(LOOK)


def _lives(pid: int) -> bool:
    """Return whether there certainly is such a process; Windows cannot be asked so."""
    if sys.platform == "win32" or not pid:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # of another user
        return True
    except OSError:
        return False
    return True


def write(path: Path, note: Note) -> bool:
    """Leave a note; False where the disk refuses: then there is none, but the lock counts.

    An older one would be untrue, and half of a new one takes the room that somebody makes.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_text(json.dumps(asdict(note)), encoding="utf-8")
        new.replace(path)
    except OSError:
        for each in (new, path):
            with suppress(OSError):
                each.unlink(missing_ok=True)
        return False
    return True


def read(path: Path) -> Note:
    """Return what a note says; an empty one where it cannot be read just now, or makes no sense."""
    try:
        note = Note(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return Note()
    return note if _sound(note) else Note()


def _sound(note: Note) -> bool:
    starts = note.starts
    return (
        all(type(n) is int and 0 <= n < 2**31 for n in (note.pid, note.failures))
        and (starts is None or (type(starts) in (int, float) and abs(starts) < math.inf))
        and isinstance(note.why, str)
        and isinstance(note.ends, bool)
        and isinstance(note.supervised, bool)
    )


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"), thread_local=False)
