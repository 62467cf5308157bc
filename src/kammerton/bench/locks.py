"""One daemon per set of instruments: an operating-system lock for each address."""

from __future__ import annotations

import hashlib
import os
import re
import socket
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InstrumentError(f"the folder of locks cannot be made: {problem}") from problem
    with ExitStack() as stack:
        taken = [_take(entry, lab, folder, stack) for entry in lab.instruments.values()]
        if any(taken):
            raise InstrumentError("\n".join(text for text in taken if text))
        yield


def canonical(address: str) -> str:
    """Return one spelling for addresses that lead to the same box.

    Lower case, VISA board number 0 left out, host names as numbers where they can be resolved.
    """
    text = re.sub(r"^tcpip0?::", "tcpip::", address.strip().lower())
    match = re.match(r"(tcpip::|[a-z][a-z0-9+.-]*://)([^:/\s]+)", text)
    if match is None:
        return text
    try:
        host = socket.gethostbyname(match[2])
    except OSError:
        return text
    return f"{match[1]}{host}{text[match.end() :]}"


def _take(entry: InstrumentEntry, lab: Lab, folder: Path, stack: ExitStack) -> str | None:
    """Lock one address; return who holds it if somebody else does."""
    stem = hashlib.sha256(canonical(entry.address).encode()).hexdigest()[:24]
    owner = folder / f"{stem}.owner"  # apart from the lock itself, which cannot be read on Windows
    try:
        stack.enter_context(FileLock(folder / f"{stem}.lock", timeout=0, thread_local=False))
    except Timeout:
        return f"{entry.name} ({entry.address}) is in use by {_read(owner)}"
    who = f"process {os.getpid()}, started by process {os.getppid()},"
    owner.write_text(f"{who} with {lab.path.resolve()}", encoding="utf-8")
    stack.callback(owner.unlink, missing_ok=True)
    return None


def _read(owner: Path) -> str:
    try:
        return owner.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "another process that is just starting or ending"
