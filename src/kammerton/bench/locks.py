"""One daemon per set of instruments: an operating-system lock for each address."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from kammerton.lab import InstrumentEntry, Lab
from kammerton.model import InstrumentError


@contextmanager
def held_locks(lab: Lab, folder: Path | None = None) -> Iterator[None]:
    """Hold the locks of all instruments of a lab; they end with the process, however it ends.

    The folder does not hang on the session (as XDG_RUNTIME_DIR does): a service and a shell of the
    same user must meet there.

    Raises
    ------
    InstrumentError
        Names every instrument that another process holds, its pid and its lab file.
    """
    folder = folder or user_state_path("kammerton", appauthor=False) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        taken = [_take(entry, lab, folder, stack) for entry in lab.instruments.values()]
        if any(taken):
            raise InstrumentError("\n".join(text for text in taken if text))
        yield


def _take(entry: InstrumentEntry, lab: Lab, folder: Path, stack: ExitStack) -> str | None:
    """Lock one address; return who holds it if somebody else does."""
    stem = hashlib.sha256(entry.address.strip().lower().encode()).hexdigest()[:24]
    owner = folder / f"{stem}.owner"  # apart from the lock itself, which cannot be read on Windows
    try:
        stack.enter_context(FileLock(folder / f"{stem}.lock", timeout=0, thread_local=False))
    except Timeout:
        return f"{entry.name} ({entry.address}) is in use by {_read(owner)}"
    owner.write_text(f"process {os.getpid()} with {lab.path.resolve()}", encoding="utf-8")
    stack.callback(owner.unlink, missing_ok=True)
    return None


def _read(owner: Path) -> str:
    try:
        return owner.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "another process that is just starting or ending"
