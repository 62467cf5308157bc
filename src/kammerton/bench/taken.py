"""Locks that are taken, and those that cannot be made: a disk that is full keeps no output on."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from kammerton.bench import machine
from kammerton.lab import InstrumentEntry, Lab
from kammerton.model import InstrumentInUse

log = logging.getLogger(__name__)

Wanted = Iterable[tuple[InstrumentEntry, str]]
"""Instruments, each with the key of its address or its box."""


class Locks:
    """Locks of one lab, held until a stack closes; everybody: against other users, too.

    A file that cannot be made, on a disk that is full or read-only, is no reason to leave an output
    on: whoever else has the instrument has made that file, and holds it. But to drive takes a lock.
    """

    def __init__(
        self, lab: Lab, folder: Path, wanted: Wanted, stack: ExitStack, *, everybody: bool
    ) -> None:
        self._lab, self._folder, self._everybody = lab, folder, everybody
        self._left, self._stack = list(wanted), stack
        self._by_name = ""

    def missing(self) -> list[str]:
        """Try what is not locked yet; return a line for each that cannot be, and why.

        Raises
        ------
        InstrumentInUse
            Names every instrument that another process holds.
        """
        others, why, left = list[str](), list[str](), list[tuple[InstrumentEntry, str]]()
        for entry, key in self._left:
            name = f"{entry.name} ({entry.address})"
            try:
                self._take(key)
            except machine.TakenError as other:
                others.append(f"{name} is in use by {other}")
            except OSError as problem:
                left.append((entry, key))
                why.append(f"{name} cannot be locked: {problem}")
        self._left = left
        if others:
            raise InstrumentInUse("\n".join(others))
        return why

    def say(self) -> None:
        """Say in the log where only the machine-wide name keeps others away."""
        if self._by_name:
            words = "no lock file can be made (%s); its name on this machine keeps others away"
            log.warning(words, self._by_name)

    def _take(self, key: str) -> None:
        """Lock one address or box by its key; raise OSError where there is no way to."""
        stem = hashlib.sha256(key.encode()).hexdigest()[:24]
        owner = self._folder / f"{stem}.owner"  # apart from the lock: Windows lets nobody read that
        with ExitStack() as mine:
            problem = _locked(self._folder / f"{stem}.lock", owner, mine)
            named = self._everybody and machine.take(stem, mine)
            if problem is not None and not named:
                raise problem
            if problem is None:
                _sign(owner, self._lab, mine)
            else:
                self._by_name = str(problem)
            self._stack.push(mine.pop_all())


@contextmanager
def taken(lab: Lab, folder: Path | None, wanted: Wanted) -> Iterator[Locks]:
    """Hold locks in a folder; None: in that of this user, and against all others of this machine.

    Raises
    ------
    InstrumentInUse
        Names every instrument that another process holds.
    """
    with ExitStack() as stack:
        locks = Locks(lab, folder or _usual(), wanted, stack, everybody=folder is None)
        locks.missing()
        locks.say()
        yield locks


def _usual() -> Path:
    return user_state_path("kammerton", appauthor=False) / "locks"


def _locked(path: Path, owner: Path, stack: ExitStack) -> OSError | None:
    """Lock a file; return what stood in the way, if not another process."""
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path, timeout=0, thread_local=False))
        except Timeout:
            raise
        except OSError as problem:
            return None if _locked_to_read(path, stack) else problem
    except Timeout:
        raise machine.TakenError(_read(owner)) from None
    return None


def _locked_to_read(path: Path, stack: ExitStack) -> bool:
    """Lock a file that is there on a disk that takes no writes: for that, reading is enough."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Timeout(str(path)) from None
    except OSError:
        return False
    return True


def _sign(owner: Path, lab: Lab, stack: ExitStack) -> None:
    """Note who holds a lock: a courtesy to whoever is refused, and never a reason to stop."""
    who = f"process {os.getpid()}, started by process {os.getppid()},"
    stack.callback(_unsign, owner)
    with suppress(OSError):
        owner.write_text(f"{who} with {lab.path.resolve()}", encoding="utf-8")


def _unsign(owner: Path) -> None:
    with suppress(OSError):
        owner.unlink(missing_ok=True)


def _read(owner: Path) -> str:
    try:
        return owner.read_text(encoding="utf-8") or "another process"
    except (OSError, UnicodeError):
        return "another process that is just starting or ending"
