"""What other processes ask of the one that writes: hold, release, revert.

SQLite has one writer, the daemon. A command that wants something changed while it runs leaves a
request in a small database of its own beside the big one, and waits for the answer; where no
daemon runs, the command does it itself.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from kammerton.model import StoreError, StoreInUse
from kammerton.store import checks, clock
from kammerton.store.place import Place, place_of
from kammerton.store.rows import micros
from kammerton.store.schema import Moment
from kammerton.store.verbs import do
from kammerton.store.write import Store

log = logging.getLogger(__name__)

WAIT = 10.0
"""Seconds that a command waits for the daemon's answer."""

LASTS = timedelta(minutes=10)
"""After this a request that was not taken up is not done any more; `lasting` ones always are."""

LASTING = frozenset({"hold"})
LARGEST = 10_000

metadata = MetaData()
table = Table(
    "request",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON object
    Column("who", Text, nullable=False),
    Column("asked", Moment, nullable=False),
    Column("done", Integer),  # 1: yes, 0: refused
    Column("answer", Text),
)
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
UNKNOWN = "it was under way when the daemon ended: whether it was done is not known"


@dataclass(frozen=True)
class Request:
    """Something asked for; `answer` says what came of it, None when nobody has looked yet."""

    number: int
    verb: str
    arguments: Mapping[str, Any]
    who: str
    asked: int
    done: bool
    answer: str | None


class Inbox:
    """The requests to the daemon of one database."""

    def __init__(self, database: Path | str | Place) -> None:
        self._place = place_of(database) if isinstance(database, Path | str) else database
        self._engine = self._place.requests()
        with self._place.errors("open requests to"), self._engine.begin() as connection:
            metadata.create_all(connection)

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(
        self, verb: str, arguments: Mapping[str, Any], who: str, word: str | None = None
    ) -> int:
        """Leave a request; return its number.

        Raises
        ------
        StoreError
            It is too large, or a request with the same `word` was left before, by any process.
        """
        said = json.dumps(dict(arguments))
        if len(said) > LARGEST:
            raise StoreError(f"a request of {len(said)} bytes is more than {LARGEST}")
        row = {"verb": verb, "arguments": said, "who": checks.plain(who), "asked": _wall()}
        with self._place.errors("leave a request to"), self._engine.begin() as connection:
            if word is not None:
                _remember(connection, word)
            done = connection.execute(insert(table).values(row))
            return int(done.inserted_primary_key[0]) if done.inserted_primary_key else 0

    def request(self, number: int) -> Request:
        """Return a request with its answer."""
        with self._place.errors("read the requests to"), self._engine.begin() as connection:
            row = connection.execute(select(table).where(table.c.number == number)).one()
        return _request(row)

    def waiting(self) -> list[Request]:
        """Return what nobody has answered yet, oldest first."""
        query = select(table).where(table.c.answer.is_(None)).order_by(table.c.number)
        with self._place.errors("read the requests to"), self._engine.begin() as connection:
            return [_request(row) for row in connection.execute(query)]

    def take(self, number: int) -> bool:
        """Take a request up; False when somebody has already, or has given it up."""
        with self._place.errors("leave a request to"):
            return self._first(number)

    def give_up(self, number: int, words: str) -> bool:
        """Answer a request that nobody has taken up; False when somebody has."""
        said = {"done": 0, "answer": checks.plain(words)}
        with self._place.errors("leave a request to"):
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

    def answer(self, number: int, words: str, *, done: bool) -> None:
        """Say what came of a request; the first answer stays."""
        said = {"done": int(done), "answer": checks.plain(words)}
        mine = table.c.number == number, table.c.answer.is_(None)
        with self._place.errors("leave a request to"), self._engine.begin() as connection:
            connection.execute(update(table).where(*mine).values(said))


def attend(store: Store, inbox: Inbox, scopes: Collection[str] | None = None) -> list[Request]:
    """Do what is asked for and answer it; return what was looked at.

    scopes: what can be held; None where that is not known.
    """
    requests = inbox.waiting()
    for each in requests:
        if inbox.take(each.number) or each.verb in LASTING:
            if inbox.request(each.number).answer is not None:  # given up since we looked
                continue
            done, words = _done(store, each, scopes)
        else:
            done, words = False, UNKNOWN
        log.info("%s asks to %s: %s", each.who, each.verb, words)
        inbox.answer(each.number, words, done=done)
    return requests


def change(
    database: Path | str, verb: str, arguments: Mapping[str, Any], who: str | None = None
) -> str:
    """Have something done to a database, by its daemon if one runs; return what was done.

    Without a daemon what others asked for earlier comes first.

    Raises
    ------
    StoreError
        It was refused, or the daemon did not answer: the message says which.
    """
    person = who or somebody()
    with Store.read(database) as known:
        computer = known.computer
    try:
        with Store.open(database, computer) as store, Inbox(store.place) as inbox:
            attend(store, inbox)
            return do(store, verb, arguments, person)
    except StoreInUse as in_use:
        return _asked(database, verb, arguments, person, str(in_use))


def somebody() -> str:
    """Return who runs this process, and where, for the audit log."""
    import getpass
    import socket

    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        name = f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"
    return f"{name}@{socket.gethostname()}"


def _asked(
    database: Path | str, verb: str, arguments: Mapping[str, Any], who: str, in_use: str
) -> str:
    with Inbox(database) as inbox:
        number = inbox.ask(verb, arguments, who)
        end = time.monotonic() + WAIT
        while (found := inbox.request(number)).answer is None:
            if time.monotonic() > end:
                return _unanswered(inbox, found, in_use)
            time.sleep(0.1)
    if not found.done:
        raise StoreError(found.answer or "refused")
    return found.answer or "done"


def _unanswered(inbox: Inbox, request: Request, in_use: str) -> str:
    if request.verb in LASTING:
        raise StoreError(
            f"{in_use}, and did not answer within {WAIT:.0f} s. The request stays: it is done "
            "before anything else as soon as the daemon turns again, or when it is started."
        )
    if inbox.give_up(request.number, "given up by the one who asked"):
        raise StoreError(f"{in_use}, and did not answer within {WAIT:.0f} s; nothing was changed")
    late = inbox.request(request.number)
    if late.answer is None:
        raise StoreError(
            f"{in_use}, and has not said within {WAIT:.0f} s what came of it: {request.verb} is "
            "under way, outcome unknown (see `kammerton log --audit`)"
        )
    if not late.done:
        raise StoreError(late.answer)
    return late.answer


def _remember(connection: Connection, word: str) -> None:
    if connection.execute(select(once.c.number).where(once.c.word == word)).first():
        raise StoreError("seen before")
    connection.execute(insert(once).values(word=word))
    newest = select(func.max(once.c.number)).scalar_subquery()
    connection.execute(delete(once).where(once.c.number <= newest - REMEMBERED))


def _done(store: Store, request: Request, scopes: Collection[str] | None) -> tuple[bool, str]:
    age = _wall() - request.asked
    if request.verb not in LASTING and age > LASTS.total_seconds() * 1e6:
        return False, f"too late: asked {age / 6e7:.0f} min ago"
    scope = request.arguments.get("scope")
    if request.verb == "hold" and scopes is not None and scope not in scopes:
        return False, f"there is nothing called {scope!r} to be held"
    try:
        return True, do(store, request.verb, request.arguments, request.who)
    except StoreError as refusal:
        return False, str(refusal)
    except Exception as error:  # one bad request must not keep others from being heard
        log.exception("request %d", request.number)
        return False, f"failed: {type(error).__name__}: {error}"


def _request(row: Any) -> Request:
    arguments = json.loads(row.arguments)
    return Request(row.number, row.verb, arguments, row.who, row.asked, bool(row.done), row.answer)


def _wall() -> int:
    return micros(clock.wall())
