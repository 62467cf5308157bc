"""What other processes ask of the one that writes: hold, release, revert, measure, approve.

SQLite has one writer, the daemon. A command that wants something changed while it runs leaves a
request in a small database of its own beside the big one, and waits for the answer (asking.py).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from kammerton.model import StoreError, StoreUnavailable
from kammerton.store import checks, clock
from kammerton.store.as_meant import AsMeant
from kammerton.store.closing import Closing
from kammerton.store.place import Place, place_of
from kammerton.store.request import Request
from kammerton.store.reserve import Reserve
from kammerton.store.rows import micros
from kammerton.store.schema import Moment
from kammerton.store.sqlite import lacks_room

log = logging.getLogger(__name__)

LARGEST = 10_000

SET_ASIDE = 256 * 2**10
"""Bytes kept free for requests: a person's hold must be heard on a full disk, too."""

FORGOTTEN = timedelta(days=30)
"""When an answered request is deleted. Those without an answer, and the words, are not."""

NEWEST = 1000
"""The last requests, which stay: no number comes twice, and whoever asked reads the answer."""

BATCH = 500
"""How many are deleted at a look."""

AGAIN = 3600.0
"""s until the next look at what is old, once nothing is left of it."""

MICROSECOND = timedelta(microseconds=1)

metadata = MetaData()
table = Table(
    "request",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON object
    Column("who", Text, nullable=False),
    Column("asked", Moment, nullable=False),
    Column("done", Integer),  # 1: yes, 0: refused, KEPT
    Column("answer", Text),
)
_open = table.c.answer.is_(None)
waits = Index("request_waits", table.c.answer, sqlite_where=_open, postgresql_where=_open)
"""What has no answer: a look, twice a second, costs what waits, not what was ever asked."""

taken = Table("taken", metadata, Column("number", Integer, primary_key=True, autoincrement=False))
"""Requests that somebody has taken up: to do them, or to give them up. Only the first one has."""
once = Table(
    "once",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("word", Text, nullable=False, unique=True),
)
"""The words of requests that must not come twice, the latest `REMEMBERED`."""

REMEMBERED = 10_000

SERVER_TIME = "SELECT (1e6 * extract(epoch FROM clock_timestamp()))::bigint"

KEPT = 2
"""Of a request that has no answer yet: it counts, and waits for a database that can be written."""


class SeenBefore(StoreError):
    """A request with the same word was left before."""


class Inbox(Closing):
    """The requests to the daemon of one database."""

    def __init__(self, database: Path | str | Place) -> None:
        self._place = place_of(database) if isinstance(database, Path | str) else database
        file, size = self._place.request_file, SET_ASIDE
        self._reserve = Reserve(file, size, 8 * size) if file else None
        self._due = 0.0  # by the monotonic clock
        self._as_meant = AsMeant()
        self._open()

    def _open(self) -> None:
        self._engine = self._place.requests()
        try:
            with self._place.request_errors("open"), self._engine.begin() as connection:
                metadata.create_all(connection)
                self._file = self._identity()
        except BaseException:
            self._engine.dispose()
            raise
        self._index()
        if self._reserve:
            self._reserve.take()

    def _index(self) -> None:
        """Make the index where an older version made the table; all works without it, too."""
        try:
            with self._place.request_errors("index"), self._engine.begin() as connection:
                waits.create(connection, checkfirst=True)
        except StoreError as problem:  # no room, say: no reason not to hear a hold
            log.info("%s", problem)

    def _identity(self) -> tuple[int, int] | None:
        """Return which file the requests lie in now; None where there is none."""
        file = self._place.request_file
        try:
            found = None if file is None else file.stat()
        except FileNotFoundError:
            return None
        return None if found is None else (found.st_dev, found.st_ino)

    def renew(self) -> None:
        """Open the file anew where somebody deleted it: others would write into another one."""
        with self._place.request_errors("look for"):
            now = self._identity()
        if now != self._file:
            log.warning("the file of requests was deleted or replaced; it is opened anew")
            self._engine.dispose()
            self._open()
        elif self._reserve:
            self._reserve.take()

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def ask(
        self, verb: str, arguments: Mapping[str, Any], who: str, word: str | None = None
    ) -> int:
        """Leave a request; return its number.

        Raises
        ------
        StoreError
            It is too large, or cannot be left; `SeenBefore`: it was, by any process, with the
            same `word`.
        """
        said = written(arguments)
        row = {"verb": verb, "arguments": said, "who": checks.plain(who)}
        try:
            return self._leave(row, word)
        except StoreUnavailable as problem:
            if not (self._reserve and lacks_room(problem) and self._reserve.give_up()):
                raise
        return self._leave(row, word)

    def _leave(self, row: dict[str, Any], word: str | None) -> int:
        with self._place.request_errors("leave"), self._engine.begin() as connection:
            if word is not None:
                _remember(connection, word)
            row = {**row, "asked": self._now(connection)}
            if self._place.request_file and not connection.execute(select(table.c.number)).first():
                row = {**row, "number": row["asked"]}  # a file that was deleted had others
            made = connection.execute(insert(table).values(row)).inserted_primary_key
            return int(made[0]) if made else 0

    def request(self, number: int) -> Request:
        """Return a request with its answer."""
        with self._place.request_errors("read"), self._engine.begin() as connection:
            row = connection.execute(select(table).where(table.c.number == number)).one()
            return _request(row, self._now(connection))

    def waiting(self) -> list[Request]:
        """Return what nobody has answered yet, oldest first."""
        query = select(table).where(table.c.answer.is_(None)).order_by(table.c.number)
        with self._place.request_errors("read"), self._engine.begin() as connection:
            now = self._now(connection)
            return self._as_meant(_request(row, now) for row in connection.execute(query))

    def _now(self, connection: Connection) -> int:
        """Return us since 1970 by the one clock of all who ask: a server's, where there is one."""
        if self._place.request_file:
            return micros(clock.wall())
        return int(connection.execute(text(SERVER_TIME)).scalar_one())

    def take(self, number: int) -> bool:
        """Take a request up; False when somebody has already, or has given it up."""
        with self._place.request_errors("leave"):
            return self._first(number)

    def taken_up(self, number: int) -> bool:
        """Say whether somebody has taken a request up."""
        query = select(taken.c.number).where(taken.c.number == number)
        with self._place.request_errors("read"), self._engine.begin() as connection:
            return connection.execute(query).first() is not None

    def give_up(self, number: int, words: str) -> bool:
        """Answer a request that nobody has taken up; False when somebody has."""
        said = {"done": 0, "answer": checks.plain(words)}
        with self._place.request_errors("leave"):
            return self._first(number, said)

    def _first(self, number: int, said: Mapping[str, Any] | None = None) -> bool:
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(taken).values(number=number))
                if said is not None:
                    mine = table.c.number == number, table.c.answer.is_(None)
                    connection.execute(update(table).where(*mine).values(said))
        except IntegrityError:
            return False
        return True

    def keep(self, number: int) -> None:
        """Note that a request counts, though it cannot be recorded yet."""
        mine = table.c.number == number, table.c.answer.is_(None)
        with self._place.request_errors("leave"), self._engine.begin() as connection:
            connection.execute(update(table).where(*mine).values(done=KEPT))

    def answer(self, number: int, words: str, *, done: bool) -> bool:
        """Say what came of a request; the first answer stays.

        False where it has one, or is there no more: somebody deleted the file.
        """
        said = {"done": int(done), "answer": checks.plain(words)}
        mine = table.c.number == number, table.c.answer.is_(None)
        with self._place.request_errors("leave"), self._engine.begin() as connection:
            return connection.execute(update(table).where(*mine).values(said)).rowcount > 0

    def forget(self) -> None:
        """Delete a few of the answered requests that are old, and nothing for an hour after."""
        if time.monotonic() < self._due:
            return
        more = 0
        try:
            with self._place.request_errors("forget"), self._engine.begin() as connection:
                more = _forget(connection, self._now(connection) - FORGOTTEN // MICROSECOND)
        except StoreError as problem:  # nothing that waits depends on it
            log.warning("%s", problem)
        if more < BATCH:
            self._due = time.monotonic() + AGAIN


def _forget(connection: Connection, before: int) -> int:
    """Delete what was asked before a time, us since 1970, and answered; return how much."""
    number, newest = table.c.number, select(func.max(table.c.number)).scalar_subquery()
    old = table.c.asked < before, table.c.answer.is_not(None), number <= newest - NEWEST
    query = select(number).where(*old).order_by(number).limit(BATCH)
    found = connection.execute(query).scalars().all()
    for each in (taken, table):
        connection.execute(delete(each).where(each.c.number.in_(found)))
    return len(found)


def written(arguments: Mapping[str, Any]) -> str:
    """Return arguments as they are kept.

    Raises
    ------
    StoreError
        They are too large.
    """
    said = json.dumps(dict(arguments))
    if len(said) > LARGEST:
        raise StoreError(f"a request of {len(said)} bytes is more than {LARGEST}")
    return said


def _remember(connection: Connection, word: str) -> None:
    if connection.execute(select(once.c.number).where(once.c.word == word)).first():
        raise SeenBefore("seen before")
    connection.execute(insert(once).values(word=word))
    newest = select(func.max(once.c.number)).scalar_subquery()
    connection.execute(delete(once).where(once.c.number <= newest - REMEMBERED))


def _request(row: Any, now: int) -> Request:
    """Return a row as a request: the one place where what a damaged file holds comes in."""
    try:
        arguments = json.loads(row.arguments)
        named = isinstance(row.verb, str) and isinstance(row.who, str)
        sound = named and isinstance(arguments, dict) and isinstance(row.asked, int)
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        said = (row.verb, row.arguments, row.who, row.asked)
        raise StoreError(f"request {row.number} is damaged: {str(said)[:80]}")
    kept = row.done == KEPT and row.answer is None
    done = row.done == 1
    age = max(0.0, (now - row.asked) / 1e6)
    asked = row.number, row.verb, arguments, row.who, row.asked
    return Request(*asked, done, row.answer, kept, age)
