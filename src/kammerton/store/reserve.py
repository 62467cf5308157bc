"""Room for small rows on a full disk: leases and the audit log must go on when nothing else can."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kammerton.model import StoreUnavailable
from kammerton.store import sqlite
from kammerton.store.disk import to_disk

T = TypeVar("T")

SIZE = 4 * 2**20
"""Bytes set aside in a file; given up when the disk is full: some ten thousand small rows."""

ROOM = 64 * 2**20
"""Free bytes below which no measurement is begun."""


class Reserve:
    """A file of zeros beside the database that keeps a little of the disk for it.

    database: None where neither it nor its data are files. size: bytes; `SIZE` when not given.
    room: what must be free before they are set aside.
    """

    def __init__(
        self, database: Path | None, size: int | None = None, room: int | None = None
    ) -> None:
        self._file = database and database.with_name(f"{database.name}.reserve")
        self._asked, self._room = size, room

    @property
    def _size(self) -> int:
        return SIZE if self._asked is None else self._asked

    def _there(self) -> bool:
        """Whether the space is set aside: a crash may have left the file, and no space in it."""
        try:
            return self._file is not None and self._file.stat().st_size >= self._size
        except OSError:
            return False

    def take(self) -> None:
        """Set the space aside where there is enough; without it everything works, only not full."""
        room = ROOM if self._room is None else self._room
        if self._file is None or self._there() or _free(self._file.parent) < room:
            return
        part = self._file.with_name(f"{self._file.name}.part")
        try:
            part.write_bytes(bytes(self._size))
            to_disk(part)
            part.replace(self._file)
        except OSError:
            part.unlink(missing_ok=True)

    def for_want_of_room(self, write: Callable[[], T]) -> T:
        """Return what `write` returns; where the disk is full it is called again, into the space.

        Raises
        ------
        StoreError
            That of the first attempt where there is no such space, else that of the second.
        """
        try:
            return write()
        except StoreUnavailable as problem:
            if not sqlite.lacks_room(problem) or not self.give_up():
                raise
        return write()

    def give_up(self) -> bool:
        """Free the space; return whether there was any left to free."""
        if self._file is None or not self._there():
            return False
        try:
            os.truncate(self._file, 0)  # frees space also where removing a name needs some
            self._file.unlink()
        except OSError:
            return False
        return True


def demand_room(folder: Path) -> None:
    """Refuse to begin what cannot be stored.

    Raises
    ------
    StoreUnavailable
        Says how little is left, and where.
    """
    free = _free(folder)
    if free < ROOM:
        raise StoreUnavailable(
            f"only {free / 2**20:.0f} MiB are free at {folder}: nothing is measured "
            f"until there are {ROOM / 2**20:.0f}"
        )


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
