"""A store on a PostgreSQL server: one schema of its database for each computer.

The password belongs into the server's own place for it (`~/.pgpass`, PGPASSFILE, a service file);
one that stands in the URL works too, and is shown nowhere.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from kammerton.keeping import of_server
from kammerton.model import StoreError, StoreInUse, StoreUnavailable
from kammerton.store import schema
from kammerton.store.durable import keep_durable
from kammerton.store.server_tables import STEPS, triggers

if TYPE_CHECKING:
    from kammerton.store.bounded import Haste

log = logging.getLogger(__name__)

STATEMENT = 60.0
"""s that a statement may take: a commit takes milliseconds, a backup of a long history seconds."""

ALIVE = {
    "connect_timeout": 5,  # s
    "keepalives_idle": 10,  # s
    "keepalives_interval": 5,  # s
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # ms
}
"""What tells libpq that the way to a server is dead, instead of a quarter of an hour of TCP."""

LAST_CONNECT = 2
"""s to connect in from when the process is about to end; libpq knows no less."""

PASSING = ("08", "53", "57", "40", "55")
"""Classes of SQLSTATE that may pass: no connection, no space, shutdown, conflict, lock."""


def _haste() -> Haste:
    from kammerton.store.bounded import Haste  # its driver is an extra

    return Haste()


@dataclass(frozen=True)
class ServerPlace:
    """A computer's schema in a database of a server."""

    url: URL = field(repr=False)
    computer: str
    busy: float
    haste: Haste = field(default_factory=_haste, repr=False, compare=False)

    @staticmethod
    def of(said: str, busy: float) -> ServerPlace:
        """Return the place of a URL whose fragment names the computer, or may leave it out.

        Raises
        ------
        StoreError
            There is no driver, the URL is none, or the database holds several computers, or none.
        """
        where, _, computer = said.partition("#")
        if not _driver_is_there():
            raise StoreError("PostgreSQL needs its driver: pip install 'kammerton[postgresql]'")
        try:
            url = make_url(where)
        except SQLAlchemyError:
            raise StoreError("the URL of the database cannot be read") from None  # may hold secrets
        return ServerPlace(url, computer or _only(url, busy), busy)

    def __str__(self) -> str:
        shown = self.url.render_as_string(hide_password=True)
        return f"{shown}#{self.computer}"

    @property
    def schema(self) -> str:
        """Return the name of the computer's schema."""
        return f"kammerton_{self.computer}"

    @property
    def open_files(self) -> tuple[Path, ...]:
        """Return none: a server keeps its own."""
        return ()

    @property
    def file(self) -> Path | None:
        """Return None: a server keeps its own files."""
        return None

    @property
    def folder(self) -> Path | None:
        """Return None: data files are named in full."""
        return None

    def lock(self) -> Callable[[], object]:
        """Return at once: the writing connection itself holds the lock, as long as it lives."""
        return lambda: None

    def writer_there(self) -> str | None:
        """Say who has it open for writing; None where nobody has."""
        engine = self._engine(NullPool)
        with (
            self.errors("ask who writes"),
            engine.connect() as connection,
            closing(connection.connection.cursor()) as cursor,
        ):
            there = self._holders(cursor)
        return f"{_at(there)} has {self} open for writing" if there else None

    @property
    def keeping(self) -> Path:
        """Return the note of the daemon that keeps the computer up: of this user, this machine."""
        _, said = self.url.get_dialect()().create_connect_args(self.url)  # ?host= has its say too
        return of_server(
            said.get("host"), said.get("port"), f"{said.get('dbname')}#{self.computer}"
        )

    def hurry(self) -> None:
        """Wait no longer than a moment from now on: the process is about to end."""
        self.haste.ending = True

    def prepare(self) -> None:
        """Bring an older schema up to date in one transaction, unless somebody writes it.

        A step adds and takes nothing away: backups are the server's.
        """
        with self.errors("bring up to date"), self.requests().begin() as connection:
            version = _version(connection, self.schema)
            if version is None or not 1 < version < schema.VERSION:
                return
            lock = text("SELECT pg_try_advisory_xact_lock(:key)")
            if not connection.execute(lock, {"key": self._key()}).scalar_one():
                raise StoreInUse(f"another process has {self} open for writing")
            for step in STEPS[version - 2 :]:
                step(connection)
            connection.exec_driver_sql(self._comment())
            log.info("%s: schema %d became %d", self, version, schema.VERSION)

    def writer(self) -> Engine:
        """Return the engine of the one connection that writes, and that nobody else can have."""
        engine = self._engine(QueuePool, pool_size=1, max_overflow=0, pool_pre_ping=True)
        keep_durable(engine)
        became = False

        @event.listens_for(engine, "connect")
        def _become_writer(connection: Any, record: object) -> None:
            nonlocal became
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._key()])
                if not cursor.fetchone()[0]:
                    holder = f"{_at(self._holders(cursor))} has {self} open for writing"
                    if became:  # most likely our own session that was given up, not yet ended
                        raise StoreUnavailable(f"after the connection was lost, {holder}")
                    raise StoreInUse(holder)
            connection.commit()
            became = True

        @event.listens_for(engine, "close")
        def _be_writer_no_more(connection: Any, record: object) -> None:
            # The server would see the end of the session only a moment later.
            with suppress(connection.Error), connection.cursor() as cursor:
                connection.rollback()
                cursor.execute("SELECT pg_advisory_unlock(%s)", [self._key()])

        return engine

    def reader(self) -> Engine:
        """Return an engine whose transactions see one state and cannot write."""
        engine = self._engine(QueuePool, pool_size=4, max_overflow=0, pool_pre_ping=True)
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @property
    def request_file(self) -> None:
        """Return that requests lie on the server, too."""

    def requests(self) -> Engine:
        """Return an engine for the requests of other processes, one transaction at a time.

        Two processes that create the same tables at once fail otherwise, IF NOT EXISTS or not.
        """
        engine = self._engine(NullPool)
        keep_durable(engine)

        @event.listens_for(engine, "begin")
        def _take_turns(connection: Connection) -> None:
            turn = text("SELECT pg_advisory_xact_lock(hashtext(:schema), hashtext('requests'))")
            connection.execute(turn, {"schema": self.schema})

        return engine

    def known(self, connection: Connection) -> bool:
        """Return whether the tables are there; refuse other schemas."""
        version = _version(connection, self.schema)
        if version is not None and version != schema.VERSION:
            older = "`kammerton run` brings it up to date; back it up before (pg_dump)."
            then = "Use the Kammerton that wrote it." if version > schema.VERSION else older
            raise StoreError(
                f"{self} has schema {version}; this program's is {schema.VERSION}. {then}"
            )
        return version is not None

    def create(self, connection: Connection) -> None:
        """Create the tables, with what keeps history from being changed."""
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {self._quoted()}"))
        schema.metadata.create_all(connection)
        for statement in triggers():
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(self._comment())

    def objection(self) -> str | None:
        """Return None: what is gone from a server, its keeper has restored or not."""
        return None

    def request_errors(self, doing: str) -> AbstractContextManager[None]:
        """Do so for the requests, which lie on the server, too."""
        return self.errors(f"{doing} requests to")

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Turn what the driver may raise into a StoreError that names the place."""
        try:
            yield
        except (SQLAlchemyError, OSError) as problem:
            kind = StoreUnavailable if _passes(problem) else StoreError
            cause = problem.orig if isinstance(problem, DBAPIError) else problem
            raise kind(f"cannot {doing} {self}: {_clean(str(cause), self.url)}") from None

    def _engine(self, pool: type[Any], **more: Any) -> Engine:
        settings = {
            "search_path": self._quoted(),
            "lock_timeout": int(self.busy * 1000),
            "statement_timeout": int(STATEMENT * 1000),
        }
        connecting = {
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "application_name": f"kammerton {self.computer}",
            **ALIVE,
        }
        engine = create_engine(self.url, poolclass=pool, connect_args=connecting, **more)

        @event.listens_for(engine, "do_connect")
        def _bounded(dialect: object, record: object, args: Any, settings: Any) -> Any:
            return self._connect(args, settings)

        return engine

    def _connect(self, args: Any, settings: Any) -> Any:
        from kammerton.store.bounded import Bounded

        self.haste.demand()
        if self.haste.ending:
            settings = {**settings, "connect_timeout": LAST_CONNECT}
        try:
            connection = Bounded.connect(*args, **settings)
        except Bounded.OperationalError:
            self.haste.lost = self.haste.ending
            raise
        connection.haste = self.haste
        return connection

    def _key(self) -> int:
        digest = hashlib.sha256(self.schema.encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    def _holders(self, cursor: Any) -> list[Any]:
        """Return the address of whoever has the lock; None where it is the server's."""
        cursor.execute(
            "SELECT client_addr FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND objsubid = 1 AND granted "  # of one number: a writer's
            "AND classid::bigint = %s AND objid::bigint = %s",
            [self._key() >> 32 & 0xFFFFFFFF, self._key() & 0xFFFFFFFF],
        )
        return [row[0] for row in cursor.fetchall()]

    def _comment(self) -> str:
        return f"COMMENT ON SCHEMA {self._quoted()} IS 'kammerton {schema.VERSION}'"

    def _quoted(self) -> str:
        if '"' in self.schema or "\\" in self.schema or " " in self.schema:
            raise StoreError(f"{self.computer!r} is no name for a schema")
        return f'"{self.schema}"'


def _at(addresses: list[Any]) -> str:
    return f"another process at {addresses[0] or 'the server'}" if addresses else "another process"


def _driver_is_there() -> bool:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return False
    return True


def _only(url: URL, busy: float) -> str:
    place = ServerPlace(url, "", busy)
    query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'kammerton\\_%' ORDER BY 1"
    engine = place.reader()
    try:
        with place.errors("read"), engine.begin() as connection:
            found = [
                str(name).removeprefix("kammerton_") for (name,) in connection.execute(text(query))
            ]
    finally:
        engine.dispose()
    if len(found) == 1:
        return found[0]
    shown = url.render_as_string(hide_password=True)
    those = f"holds {', '.join(found)}: add one as #{found[0]}" if found else "holds no computer"
    raise StoreError(f"{shown} {those}")


def _version(connection: Connection, name: str) -> int | None:
    query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :name"
    said = connection.execute(text(query), {"name": name}).scalar_one_or_none()
    return int(said.split()[1]) if said and said.startswith("kammerton ") else None


def _passes(problem: Exception) -> bool:
    if not isinstance(problem, DBAPIError):
        return False
    state = getattr(problem.orig, "sqlstate", None)
    return problem.connection_invalidated or state is None or str(state)[:2] in PASSING


def _clean(words: str, url: URL) -> str:
    """Return a driver's message on one line, without the password."""
    secret = str(url.password) if url.password else ""
    shown = words.replace(secret, "***") if secret else words
    return "; ".join(line.strip() for line in shown.splitlines() if line.strip())
