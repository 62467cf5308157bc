"""One writer per database file, by a lock of the operating system: it ends with its process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kammerton.model import StoreError, StoreInUse
from kammerton.store import sqlite


def lock_file(path: Path) -> Path:
    """Return the file of a database's lock."""
    return path.with_name(f"{path.name}.lock")


def lock(path: Path) -> FileLock:
    """Return the lock of a database, taken.

    Raises
    ------
    StoreInUse
        Another process has it; the message names that where the database can be read.
    """
    with sqlite.named_errors(path, "open"):
        path.parent.mkdir(parents=True, exist_ok=True)
        taken = FileLock(lock_file(path), thread_local=False)
        try:
            taken.acquire(timeout=0)
        except Timeout as problem:
            if not Path(taken.lock_file).exists():
                raise StoreError(f"cannot open {path}: nothing can be written there") from problem
            raise StoreInUse(f"{_holder(path)} has {path} open for writing") from problem
    return taken


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other process from opening a database for writing."""
    taken = lock(path)
    try:
        yield
    finally:
        taken.release()


def _holder(path: Path) -> str:
    """Return who has a database, as far as it says so itself."""
    query = "SELECT pid, what FROM activity WHERE what IS NOT NULL AND pid > 0"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            said = connection.execute(query).fetchone()
    except sqlite3.Error:
        said = None
    return f"process {said[0]} ({said[1]})" if said else "another process"
