"""Connections to SQLite: one that writes, a few that can only read."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from kammerton.model import StoreError, StoreUnavailable
from kammerton.store import backup, schema, shares
from kammerton.store.holder import holder
from kammerton.store.owner import not_permitted
from kammerton.store.set_up import for_good, set_up

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a quota, a limit on the size of files: a person makes room, and the same works."""

PROBE = 2**20
"""Bytes that tell a want of room from a broken disk: more than a commit adds."""

PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

DISTURBED = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)
"""What a shortage of descriptors or a slow disk also brings: it may be over at the next look."""

CACHE = 256
"""KiB of pages that a connection keeps: the system has them all anyhow.

SQLite's own 2 MiB fill with every page that was ever read, of each connection, for weeks.
"""

BUSY_SECONDS = 5.0
"""How long to wait for another program that holds the database locked."""


def writer(path: Path, busy: float = BUSY_SECONDS) -> Engine:
    """Return the engine of the one connection that writes: WAL, each commit on the disk.

    The pool holds one connection, so a second thread waits for its turn.
    """

    def connect() -> sqlite3.Connection:
        wanted = {
            "journal_mode": ("wal", "wal"),
            "synchronous": ("FULL", 2),
            "foreign_keys": ("ON", 1),
        }
        return set_up(_connect(path, "rwc", busy), wanted)

    return _engine(connect, "BEGIN IMMEDIATE", 1, busy)


def reader(path: Path, busy: float = BUSY_SECONDS) -> Engine:
    """Return an engine whose connections cannot write; it works while another program writes."""
    return _engine(lambda: _connect(path, "ro", busy), "BEGIN", 4, busy)


def plain(path: Path, busy: float = BUSY_SECONDS) -> Engine:
    """Return an engine for a small file that several processes write: no write-ahead log."""

    def connect() -> sqlite3.Connection:
        return for_good(_connect(path, "rwc", busy))

    return _engine(connect, "BEGIN IMMEDIATE", 1, busy)


def _engine(
    connect: Callable[[], sqlite3.Connection], begin: str, connections: int, busy: float
) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: set_up(connect(), {"cache_size": (f"{-CACHE}", -CACHE)}),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=busy + 1,
    )

    # The driver would begin transactions by its own rules; ours begin where they are written.
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _connect(path: Path, mode: str, busy: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False
    )


def demand_local(path: Path) -> None:
    """Refuse a network share: the log's shared memory and locks do not hold across computers.

    Raises
    ------
    StoreError
        Names the kind of share, and what to use instead.
    """
    kind = shares.share_of(path)
    if kind is not None:
        raise StoreError(
            f"{path} lies on a network share ({kind}), where SQLite cannot keep it whole: put it "
            "on a local disk, or use a PostgreSQL server for several computers"
        )


def demand_sound(path: Path) -> None:
    """Refuse a damaged database before anything is written to it.

    Raises
    ------
    StoreError
        Says what SQLite finds, and which backup may take the database's place.
    """
    if said := damage(path):
        words = f"{path} is damaged, and nothing is written to it: {said}"
        raise StoreError(f"{words}. {backup.advice(path)}")


def damage(path: Path) -> str:
    """Return the first that SQLite finds wrong with a database; "" where that is nothing.

    Raises
    ------
    StoreError
        It cannot be read now, as while another program holds it locked.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return ""
    with named_errors(path, "open"), closing(_connect(path, "ro", BUSY_SECONDS)) as connection:
        try:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
            if getattr(problem, "sqlite_errorcode", DAMAGED[0]) & 0xFF not in DAMAGED:
                raise
            said = str(problem)
    return "" if said == "ok" else said.splitlines()[-1]  # the first says in which database


def check_version(connection: Connection, path: Path) -> bool:
    """Return whether the tables are there; False for a database that is still empty.

    Raises
    ------
    StoreError
        The file is another program's, or its schema is not this program's.
    """
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    if application == schema.APPLICATION and version > schema.VERSION:
        raise StoreError(
            f"{path} has schema {version}; this program knows up to {schema.VERSION}. "
            "A newer Kammerton wrote it: use that one."
        )
    if application == schema.APPLICATION and version < schema.VERSION:
        raise StoreError(
            f"{path} has schema {version}, this program's is {schema.VERSION}: "
            "`kammerton run` brings it up to date, after a backup"
        )
    if application == schema.APPLICATION:
        return True
    if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
        raise StoreError(f"{path} is a database of another program, not of Kammerton")
    return False


@contextmanager
def named_errors(
    path: Path, doing: str, way_out: Callable[[Path], str] = lambda path: ""
) -> Iterator[None]:
    """Turn what SQLite and the disk may raise into a StoreError that names the file.

    way_out: says what to do where the file is damaged.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeDecodeError) as problem:
        kind = StoreUnavailable if _passes(problem, path) else StoreError
        words = f"cannot {doing} {path}: {_cause(problem, path)}"
        said = way_out(path) if _code(problem) & 0xFF in DAMAGED else ""
        raise kind(f"{words}. {said}" if said else words) from problem


def _passes(problem: Exception, path: Path) -> bool:
    """Return whether the same call may succeed later: no space, or somebody's lock."""
    if isinstance(problem, PoolTimeout):  # another thread of ours waits for somebody's lock
        return True
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(cause, OSError):
        return cause.errno in NO_SPACE
    said = _code(problem)
    # SQLite calls only a full disk FULL; of a quota, or a limit on a file, it says that it cannot
    # write, as of a broken disk. The lowest byte is the kind, the rest tells apart why.
    if said == sqlite3.SQLITE_IOERR_WRITE:
        return _no_room(path)
    return said & 0xFF in PASSING


def lacks_room(problem: StoreUnavailable) -> bool:
    """Return whether what may pass is want of room, not somebody's lock."""
    cause = problem.__cause__
    if isinstance(cause, DBAPIError):
        cause = cause.orig
    if isinstance(cause, OSError):
        return cause.errno in NO_SPACE
    said = getattr(cause, "sqlite_errorcode", 0)
    return said & 0xFF == sqlite3.SQLITE_FULL or said == sqlite3.SQLITE_IOERR_WRITE


def disturbed(problem: StoreError) -> bool:
    """Return whether an error may be one of this moment: all but damage and another's refusal."""
    cause = problem.__cause__
    if isinstance(cause, DBAPIError):
        cause = cause.orig
    if isinstance(cause, OSError):
        return True
    said = getattr(cause, "sqlite_errorcode", 0)
    return said & 0xFF in DISTURBED or said == sqlite3.SQLITE_READONLY_DBMOVED


def met(problem: StoreError) -> str:
    """Return the damage that SQLite met; "" where it is none."""
    cause = problem.__cause__
    if not isinstance(cause, Exception) or _code(cause) & 0xFF not in DAMAGED:
        return ""
    return str(cause.orig if isinstance(cause, DBAPIError) else cause)


def _no_room(path: Path) -> bool:
    """Return whether a file that grows as this database would is refused for want of room."""
    logs = (path.with_name(path.name + end) for end in ("", "-wal", "-journal"))
    try:
        end = max((each.stat().st_size for each in logs if each.is_file()), default=0)
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.seek(end)
            probe.write(bytes(PROBE))
            probe.flush()
    except OSError as problem:
        return problem.errno in NO_SPACE
    return False


def _cause(problem: Exception, path: Path) -> str:
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    refused = _code(problem) & 0xFF == sqlite3.SQLITE_READONLY
    if isinstance(cause, PermissionError) or (refused and not os.access(path, os.W_OK)):
        return not_permitted(Path(getattr(cause, "filename", None) or path))
    if "locked" in str(cause):
        return f"another program holds the database locked{holder(path)}"
    return str(cause)


def _code(problem: Exception) -> int:
    """Return the number that SQLite gives what went wrong; 0: it is none of SQLite's."""
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    return getattr(cause, "sqlite_errorcode", 0)
