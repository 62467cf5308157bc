"""A store in one SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from kammerton.keeping import beside
from kammerton.model import StoreError, StoreInUse
from kammerton.store import aside, backup, schema, sqlite
from kammerton.store.lock import lock, lock_file
from kammerton.store.migrate import migrate


@dataclass(frozen=True)
class FilePlace:
    """A database file, and how long to wait for a lock that another program holds, s."""

    file: Path
    busy: float = sqlite.BUSY_SECONDS

    def __str__(self) -> str:
        return str(self.file)

    @property
    def folder(self) -> Path:
        """Return where relative paths of data files start."""
        return self.file.parent

    @property
    def open_files(self) -> tuple[Path, ...]:
        """Return the database and its lock, which others look for under these names."""
        return self.file, lock_file(self.file)

    def lock(self) -> Callable[[], object]:
        """Become the one writer; return how to stop being that."""
        return lock(self.file).release

    def writer_there(self) -> str | None:
        """Say who has it open for writing; None where nobody has. StoreError: one cannot know.

        Nothing is made where there is no lock: its file may come back to whoever has it open.
        """
        if not lock_file(self.file).exists():
            return None
        try:
            self.lock()()
        except StoreInUse as in_use:
            return str(in_use)
        return None

    @property
    def keeping(self) -> Path:
        """Return the note of the daemon that keeps the computer up, beside the file."""
        return beside(self.file)

    def hurry(self) -> None:
        """Do nothing: a file is waited for a moment only, ever."""

    def prepare(self) -> None:
        """Bring an older schema up to date; refuse what is damaged."""
        sqlite.demand_local(self.file)
        with self.errors("open"):
            self._demand_that_it_may_begin()
        sqlite.demand_sound(self.file)
        with self.errors("open"):
            migrate(self.file, self.busy)

    def writer(self) -> Engine:
        """Return the engine of the one connection that writes; each commit is on the disk."""
        return sqlite.writer(self.file, self.busy)

    def reader(self) -> Engine:
        """Return an engine whose transactions see one state and cannot write."""
        return sqlite.reader(self.file)

    @property
    def request_file(self) -> Path:
        """Return the file of the requests of other processes."""
        return self.file.with_name(f"{self.file.name}.requests")

    def requests(self) -> Engine:
        """Return an engine for the requests of other processes, in a file of their own."""
        return sqlite.plain(self.request_file)

    def known(self, connection: Connection) -> bool:
        """Return whether the tables are there; refuse foreign ones and other schemas."""
        return sqlite.check_version(connection, self.file)

    def create(self, connection: Connection) -> None:
        """Create the tables, with what keeps history from being changed."""
        schema.create(connection)

    def objection(self) -> str | None:
        """Say why no new database shall begin here, where there once was one."""
        left = aside.unfinished(self.file)
        if not left and not backup.backups(self.file):
            return None
        cut = f" A restore was cut off; the next one goes on with {left[0]}." if left else ""
        return f"{self.file} is empty or gone.{cut} {backup.advice(self.file)}"

    def _demand_that_it_may_begin(self) -> None:
        """Refuse before SQLite makes a file, and deletes a log that lies beside it."""
        there = self.file.is_file() and self.file.stat().st_size > 0
        if not there and (objection := self.objection()):
            raise StoreError(objection)

    def errors(self, doing: str) -> AbstractContextManager[None]:
        """Turn what driver and disk may raise into a StoreError that names the file."""
        return sqlite.named_errors(self.file, doing, backup.way_out)

    def request_errors(self, doing: str) -> AbstractContextManager[None]:
        """Do so for the requests, and name their file: nobody shall mend the wrong one."""
        return sqlite.named_errors(self.request_file, f"{doing} requests in")
