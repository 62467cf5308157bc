"""Where the tables of a store lie: a file, or a schema of a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from kammerton.model import StoreError


class Place(Protocol):
    """What a store needs to know of its database. `str` names it, never with a password.

    file: None on a server. folder: where relative paths of data files start; None on a server.
    """

    @property
    def file(self) -> Path | None:
        """Return the database's file."""

    @property
    def folder(self) -> Path | None:
        """Return where relative paths of data files start."""

    @property
    def open_files(self) -> tuple[Path, ...]:
        """Return the files that must stay under their names while it is open for writing."""

    def lock(self) -> Callable[[], object]:
        """Become the one writer; return how to stop being that. StoreInUse: another one is."""

    def writer_there(self) -> str | None:
        """Say who has it open for writing; None where nobody has."""

    @property
    def keeping(self) -> Path:
        """Return the note of the daemon that keeps the computer up; see `kammerton.keeping`."""

    def hurry(self) -> None:
        """Wait no longer than a moment for a server from now on: the process is about to end."""

    def prepare(self) -> None:
        """Bring an older schema up to date; refuse what is damaged."""

    def writer(self) -> Engine:
        """Return the engine of the one connection that writes; each commit is on the disk."""

    def reader(self) -> Engine:
        """Return an engine whose transactions see one state and cannot write."""

    @property
    def request_file(self) -> Path | None:
        """Return the file of those requests; None on a server."""

    def requests(self) -> Engine:
        """Return an engine for the requests of other processes."""

    def known(self, connection: Connection) -> bool:
        """Return whether the tables are there; refuse foreign ones and other schemas."""

    def create(self, connection: Connection) -> None:
        """Create the tables, with what keeps history from being changed."""

    def objection(self) -> str | None:
        """Say why no new database shall begin here, where there once was one."""

    def errors(self, doing: str) -> AbstractContextManager[None]:
        """Turn what driver and disk may raise into a StoreError that names the place."""

    def request_errors(self, doing: str) -> AbstractContextManager[None]:
        """Do so for the requests: where they lie in a file of their own, that one is named."""


def named(database: Path | str, computer: str) -> Path | str:
    """Return a database with the computer it is for, where one place may hold several."""
    if isinstance(database, str) and database.startswith("postgresql") and "#" not in database:
        return f"{database}#{computer}"
    return database


def demand_there(place: Place) -> None:
    """Refuse a file that is not there: SQLite would make one.

    Raises
    ------
    StoreError
        Says how it comes, or, where it was there once, how it comes back.
    """
    if place.file is not None and not place.file.is_file():
        first = f"there is no database at {place}; the first `kammerton run` makes it"
        raise StoreError(place.objection() or first)


def in_real_folder(path: Path) -> Path:
    """Return a path whose folder is no link; it may be one itself, as to a larger disk."""
    whole = path.absolute()
    return whole.parent.resolve() / whole.name


def within(place: Place, file: Path | None) -> str | None:
    """Return how a file is called in the database: from its folder where it lies below that."""
    if file is None:
        return None
    root = place.folder
    return (file.relative_to(root) if root and file.is_relative_to(root) else file).as_posix()


def place_of(said: Path | str, busy: float | None = None) -> Place:
    """Return the place that a path or a URL names.

    A server is "postgresql+psycopg://user@host/database#computer"; the computer may be left out
    where the database holds only one.
    """
    from kammerton.store.file import FilePlace
    from kammerton.store.sqlite import BUSY_SECONDS

    patience = BUSY_SECONDS if busy is None else busy
    if isinstance(said, str) and said.startswith("postgresql"):
        from kammerton.store.postgres import ServerPlace  # its driver is an extra

        return ServerPlace.of(said, patience)
    return FilePlace(Path(said).resolve(), patience)  # its lock and requests lie beside it
