"""What other processes ask of the one that writes: hold, release, revert.

SQLite has one writer, the daemon. A command that wants something changed while it runs leaves a
request in a small database of its own beside the big one, and waits for the answer; where no
daemon runs, the command does it itself.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, update

from kammerton.model import StoreError, StoreInUse
from kammerton.store import checks, clock
from kammerton.store.place import Place, place_of
from kammerton.store.rows import micros
from kammerton.store.schema import Moment
from kammerton.store.set_back import set_back
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

    def ask(self, verb: str, arguments: Mapping[str, Any], who: str) -> int:
        """Leave a request; return its number."""
        said = json.dumps(dict(arguments))
        if len(said) > LARGEST:
            raise StoreError(f"a request of {len(said)} bytes is more than {LARGEST}")
        row = {"verb": verb, "arguments": said, "who": checks.plain(who), "asked": _wall()}
        with self._place.errors("leave a request to"), self._engine.begin() as connection:
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

    def answer(self, number: int, words: str, *, done: bool) -> None:
        """Say what came of a request; the first answer stays."""
        said = {"done": int(done), "answer": checks.plain(words)}
        mine = table.c.number == number, table.c.answer.is_(None)
        with self._place.errors("leave a request to"), self._engine.begin() as connection:
            connection.execute(update(table).where(*mine).values(said))


def attend(store: Store, inbox: Inbox) -> list[Request]:
    """Do what is asked for and answer it; return what was looked at."""
    requests = inbox.waiting()
    for each in requests:
        done, words = _done(store, each)
        log.info("%s asks to %s: %s", each.who, each.verb, words)
        inbox.answer(each.number, words, done=done)
    return requests


def change(
    database: Path | str, verb: str, arguments: Mapping[str, Any], who: str | None = None
) -> str:
    """Have something done to a database, by its daemon if one runs; return what was done.

    Raises
    ------
    StoreError
        It was refused, or the daemon did not answer: the message says which.
    """
    person = who or somebody()
    with Store.read(database) as known:
        computer = known.computer
    try:
        with Store.open(database, computer) as store:
            return do(store, verb, arguments, person)
    except StoreInUse as in_use:
        return _asked(database, verb, arguments, person, str(in_use))


def do(store: Store, verb: str, arguments: Mapping[str, Any], who: str) -> str:
    """Do one thing to an open store; return what was done, in words.

    Raises
    ------
    StoreError
        It cannot be done, or nobody knows how.
    """
    if verb not in VERBS:
        raise StoreError(f"nobody knows how to {verb}; there are {', '.join(sorted(VERBS))}")
    act = VERBS[verb]
    try:
        inspect.signature(act).bind(store, who, **arguments)
    except TypeError as problem:
        raise StoreError(f"{verb}: {problem}") from problem
    return act(store, who, **arguments)


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
    inbox.answer(request.number, "given up by the one who asked", done=False)
    if (late := inbox.request(request.number)).done:  # it was answered just now
        return late.answer or "done"
    raise StoreError(f"{in_use}, and did not answer within {WAIT:.0f} s; nothing was changed")


def _done(store: Store, request: Request) -> tuple[bool, str]:
    age = _wall() - request.asked
    if request.verb not in LASTING and age > LASTS.total_seconds() * 1e6:
        return False, f"too late: asked {age / 6e7:.0f} min ago"
    try:
        return True, do(store, request.verb, request.arguments, request.who)
    except StoreError as refusal:
        return False, str(refusal)
    except Exception as error:  # one bad request must not keep others from being heard
        log.exception("request %d", request.number)
        return False, f"failed: {type(error).__name__}: {error}"


def _hold(
    store: Store,
    who: str,
    scope: str,
    why: str = "",
    until: str | None = None,
    now: bool = False,
) -> str:
    """Hold a scope; `now` is for the daemon, which then waits for no safe point."""
    end = None if until is None else _time(until)
    store.hold(scope, who, why, end)
    shown = f" until {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if end else ""
    return f"{scope} is held by {who}{shown}"


def _time(said: str) -> datetime:
    try:
        return datetime.fromisoformat(said)
    except ValueError as problem:
        raise StoreError(f"{said!r} is no time") from problem


def _release(store: Store, who: str, scope: str) -> str:
    store.release(scope, who)
    return f"{scope} is released"


def _revert(store: Store, who: str, to: int, names: list[str], why: str = "") -> str:
    made = store.revert(to, names, who=who, why=why)
    return set_back(store, made, to)


VERBS: dict[str, Callable[..., str]] = {"hold": _hold, "release": _release, "revert": _revert}


def _request(row: Any) -> Request:
    arguments = json.loads(row.arguments)
    return Request(row.number, row.verb, arguments, row.who, row.asked, bool(row.done), row.answer)


def _wall() -> int:
    return micros(clock.wall())
