"""What other processes ask of the one that writes: hold, release, revert, measure.

SQLite has one writer, the daemon. A command that wants something changed while it runs leaves a
request in a small database of its own beside the big one, and waits for the answer (asking.py).
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

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

from kammerton.model import StoreError, StoreUnavailable
from kammerton.store import checks, clock
from kammerton.store.closing import Closing
from kammerton.store.errands import ERRANDS, Errands, nobody
from kammerton.store.kept import keep, withdrawn
from kammerton.store.place import Place, place_of
from kammerton.store.request import LASTING, Request, in_short, refusal, said
from kammerton.store.reserve import Reserve
from kammerton.store.rows import micros
from kammerton.store.schema import Moment
from kammerton.store.sqlite import lacks_room
from kammerton.store.verbs import do
from kammerton.store.write import Store

log = logging.getLogger(__name__)

LASTS = timedelta(minutes=10)
"""After this a request that was not taken up is not done any more; `lasting` ones always are."""

LARGEST = 10_000

SET_ASIDE = 256 * 2**10
"""Bytes kept free for requests: a person's hold must be heard on a full disk, too."""

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

KEPT = 2
"""Of a request that has no answer yet: it counts, and waits for a database that can be written."""
UNKNOWN = "it was under way when the daemon ended: whether it was done is not known"


class Inbox(Closing):
    """The requests to the daemon of one database."""

    def __init__(self, database: Path | str | Place) -> None:
        self._place = place_of(database) if isinstance(database, Path | str) else database
        file, size = self._place.request_file, SET_ASIDE
        self._reserve = Reserve(file, size, 8 * size) if file else None
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
        if self._reserve:
            self._reserve.take()

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
            It is too large, or a request with the same `word` was left before, by any process.
        """
        said = written(arguments)
        row = {"verb": verb, "arguments": said, "who": checks.plain(who), "asked": _wall()}
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
            made = connection.execute(insert(table).values(row)).inserted_primary_key
            return int(made[0]) if made else 0

    def request(self, number: int) -> Request:
        """Return a request with its answer."""
        with self._place.request_errors("read"), self._engine.begin() as connection:
            row = connection.execute(select(table).where(table.c.number == number)).one()
        return _request(row)

    def waiting(self) -> list[Request]:
        """Return what nobody has answered yet, oldest first."""
        query = select(table).where(table.c.answer.is_(None)).order_by(table.c.number)
        with self._place.request_errors("read"), self._engine.begin() as connection:
            return [_request(row) for row in connection.execute(query)]

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

    def answer(self, number: int, words: str, *, done: bool) -> None:
        """Say what came of a request; the first answer stays."""
        said = {"done": int(done), "answer": checks.plain(words)}
        mine = table.c.number == number, table.c.answer.is_(None)
        with self._place.request_errors("leave"), self._engine.begin() as connection:
            connection.execute(update(table).where(*mine).values(said))


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


def attend(
    store: Store,
    inbox: Inbox,
    scopes: Collection[str] | None = None,
    errands: Errands | None = None,
) -> list[Request]:
    """Do what is asked for and answer it; return what was looked at.

    scopes: what can be held; None where that is not known. errands: takes what lasts, and answers
    it later; None where nobody calibrates.
    """
    store.demand_here()
    inbox.renew()
    if errands is not None:
        report(store, inbox, errands)
    requests = [each for each in inbox.waiting() if errands is None or each.number not in errands]
    for each in requests:
        if inbox.take(each.number) or each.verb in LASTING:
            if inbox.request(each.number).answer is not None:  # given up since we looked
                continue
            try:
                done, words = _done(store, inbox, each, scopes, errands)
            except StoreUnavailable as problem:
                keep(store, inbox, each, str(problem))
                continue
        else:
            done, words = False, UNKNOWN
        if words is None:
            words = "it is done next"
        else:
            inbox.answer(each.number, words, done=done)
            if not done:
                _note_refusal(store, each, words)
        log.info("%s asks to %s: %s", each.who, in_short(each), words)
    return requests


def _note_refusal(store: Store, request: Request, words: str) -> None:
    """Write a refusal to the audit log; where it cannot be written the others are heard still."""
    line = refusal(request.who, request.verb, request.arguments, words)
    try:
        store.audit(*line)
    except StoreUnavailable as problem:
        log.warning("this refusal is not in the audit log, %s: %s", problem, " ".join(line))


def _remember(connection: Connection, word: str) -> None:
    if connection.execute(select(once.c.number).where(once.c.word == word)).first():
        raise StoreError("seen before")
    connection.execute(insert(once).values(word=word))
    newest = select(func.max(once.c.number)).scalar_subquery()
    connection.execute(delete(once).where(once.c.number <= newest - REMEMBERED))


def report(store: Store, inbox: Inbox, errands: Errands) -> None:
    """Answer what is finished; what came to nothing stands in the audit log, too.

    What cannot be written now is answered at the next look.
    """
    finished = deque(errands.answered())
    try:
        while finished:
            number, done, words = finished[0]
            inbox.answer(number, words, done=done)
            finished.popleft()
            if not done:
                request = inbox.request(number)
                log.info("%s, asked for by %s: %s", in_short(request), request.who, words)
                store.audit(*refusal(request.who, request.verb, request.arguments, words))
    finally:
        errands.answer_later(finished)


def _done(
    store: Store,
    inbox: Inbox,
    request: Request,
    scopes: Collection[str] | None,
    errands: Errands | None,
) -> tuple[bool, str | None]:
    """Do what is asked for; return whether it was done, and words: None while it lasts."""
    age = _wall() - request.asked
    if request.verb not in LASTING and age > LASTS.total_seconds() * 1e6:
        return False, f"too late: asked {age / 6e7:.0f} min ago"
    scope = request.arguments.get("scope")
    try:
        if request.verb == "hold" and scopes is not None and scope not in scopes:
            return False, f"there is nothing called {scope!r} to be held"
        if request.verb in ERRANDS:
            return False, _begun(store, request, errands)
        early = withdrawn(store, inbox, request)
        return early or (True, do(store, request.verb, request.arguments, request.who))
    except StoreError as problem:
        if request.verb in LASTING and isinstance(problem, StoreUnavailable):
            raise  # a person always wins: a lock that passes refuses nobody
        return False, str(problem)
    except Exception as error:  # one bad request must not keep others from being heard
        log.exception("request %d", request.number)
        return False, f"failed: {type(error).__name__}: {error}"


def _begun(store: Store, request: Request, errands: Errands | None) -> str | None:
    """Hand an errand over; return why it is refused, None: it is under way."""
    objection = nobody(store) if errands is None else errands.take(store, request)
    if objection is None:
        store.audit(request.who, request.verb, "", "asked for", said(request.arguments))
    return objection


def _request(row: Any) -> Request:
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
    return Request(row.number, row.verb, arguments, row.who, row.asked, done, row.answer, kept)


def _wall() -> int:
    return micros(clock.wall())
