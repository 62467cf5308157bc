"""One writer per database, by a lock of the operating system: it ends with its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kammerton.model import StoreError, StoreInUse
from kammerton.store import sqlite
from kammerton.store.read import ReadStore


def lock(path: Path) -> FileLock:
    """Return the lock of a database, taken.

    Raises
    ------
    StoreInUse
        Another process has it; the message names that where the database can be read.
    """
    with sqlite.named_errors(path, "open"):
        path.parent.mkdir(parents=True, exist_ok=True)
        taken = FileLock(f"{path}.lock", thread_local=False)
        try:
            taken.acquire(timeout=0)
        except Timeout as problem:
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
    try:
        with ReadStore(path) as store:
            said = store.current_activity()
    except StoreError:
        said = None
    return f"process {said.pid} ({said.what})" if said and said.what else "another process"
