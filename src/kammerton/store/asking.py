"""Having the process that writes do something: ask the daemon, or, where none runs, do it here."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kammerton.keeping import there
from kammerton.model import OutcomeUnknown, StoreError, StoreInUse, StoreUnavailable
from kammerton.store.acting import attend
from kammerton.store.caution import caution
from kammerton.store.errands import ERRANDS
from kammerton.store.inbox import Inbox, written
from kammerton.store.interrupted import end_if, kept_back, no_longer, nothing_yet
from kammerton.store.older import computer_of, place_there
from kammerton.store.place import Place, place_of
from kammerton.store.read import ReadStore
from kammerton.store.request import LASTING, Request, are, not_left, refusal, scopes
from kammerton.store.verbs import do
from kammerton.store.write import Store

log = logging.getLogger(__name__)

WAIT = 10.0
"""Seconds that a command waits for the daemon's answer."""

PATIENCE = 900.0
"""Seconds that a command waits for what the daemon has taken up and takes its time."""

PERIOD = 0.1
LOOK = 2.0  # s between two looks whether who took something up is still there


def change(
    database: Path | str, verb: str, arguments: Mapping[str, Any], who: str | None = None
) -> str:
    """Have something done to a database, by its daemon if one runs; return what was done.

    Without a daemon what others asked for earlier comes first; a hold is done where that cannot be
    read, too.

    Raises
    ------
    StoreError
        It was refused, or the daemon did not answer: the message says which.
    KeyboardInterrupt
        With words that say what is so now.
    """
    person = who or somebody()
    written(arguments)  # what is too large for a daemon is too large without one
    with nothing_yet(verb):
        return _changed(database, verb, arguments, person)


def _changed(database: Path | str, verb: str, arguments: Mapping[str, Any], person: str) -> str:
    place = place_there(database)
    try:
        place.lock()()  # a daemon of an older schema is asked, too
        opened = Store.open(database, computer_of(place))
        with kept_back() as came, opened as store:  # until it is closed: then it is said
            _done_before(store, verb)
            end_if(came)
            return _here(store, verb, arguments, person)  # Ctrl-C is too late: it says what is done
    except StoreInUse:
        return _asked(database, verb, arguments, person)
    except StoreUnavailable as problem:
        raise _not_left(verb, problem) from problem


def _done_before(store: Store, verb: str) -> None:
    """Do what was asked for earlier; a hold waits for nobody to mend what is damaged there."""
    try:
        with Inbox(store.place) as inbox:
            attend(store, inbox)
    except StoreUnavailable:
        raise
    except StoreError as problem:
        words = f"what was asked for earlier is not done: {problem}{_cure(store)}"
        if verb not in LASTING:
            raise StoreError(words) from problem
        log.warning("%s", words)


def _cure(store: Store) -> str:
    file = store.place.request_file
    if file is None:
        return ""
    return f"; see {file}: beyond repair, delete it, and whoever asked for a hold asks again"


def _here(store: Store, verb: str, arguments: Mapping[str, Any], who: str) -> str:
    """Do it in this process; a refusal is in the audit log, as one of the daemon is."""
    try:
        return do(store, verb, arguments, who)
    except StoreError as problem:
        store.audit(*refusal(who, verb, arguments, str(problem)))
        raise


def somebody() -> str:
    """Return who runs this process, and where, for the audit log."""
    import socket

    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    """Return the user of this process, whatever its environment says, where the system tells."""
    if sys.platform == "win32":
        import getpass

        try:
            return getpass.getuser()
        except (OSError, KeyError, ImportError):
            return "somebody"
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name, as in some containers
        return f"user {os.getuid()}"


def errand(
    database: Path | str,
    verb: str,
    arguments: Mapping[str, Any],
    who: str | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> str:
    """Have the running daemon do what takes its time; return what came of it.

    meanwhile: called again and again while it lasts.

    Raises
    ------
    StoreError
        No daemon runs, it refused, or it did not answer: the message says which. One whose process
        is not up is asked all the same: it may come up in time.
    KeyboardInterrupt
        With words that say what is so now.
    """
    with nothing_yet(verb):
        if _there(place_of(database)) is not None:
            return _asked(database, verb, arguments, who or somebody(), meanwhile)
    raise StoreError(
        "no daemon runs here that could do it; start one: kammerton run lab.toml; after a "
        "demonstration: kammerton demo"
    )


def runs(database: Path | str) -> bool:
    """Say whether a daemon runs, or is kept up and will again."""
    return _there(place_of(database)) is not None


def _there(place: Place) -> str | None:
    """Say who could answer, now or once its process is up; None: no daemon runs."""
    keeps = None if (writes := place.writer_there()) else there(place.keeping)
    return str(keeps) if keeps else writes


def _asked(
    database: Path | str,
    verb: str,
    arguments: Mapping[str, Any],
    who: str,
    meanwhile: Callable[[], object] | None = None,
) -> str:
    """Leave a request and wait for its answer: for what lasts (`meanwhile`), longer once begun.

    Raises
    ------
    OutcomeUnknown
        It may be done, or be done yet.
    KeyboardInterrupt
        With words once it was left: it is withdrawn, or goes on.
    """
    with ExitStack() as stack:
        number = None
        try:
            inbox = stack.enter_context(Inbox(database))
            with kept_back() as came:
                number = inbox.ask(verb, arguments, who)
            end_if(came)
            found = _awaited(_Waiting(database, inbox, number, verb, meanwhile))
        except KeyboardInterrupt:
            if number is None:
                raise
            gone = partial(_gone, database, verb)
            raise KeyboardInterrupt(no_longer(inbox, number, verb, arguments, gone)) from None
        except StoreError as problem:
            if number is None:
                raise _not_left(verb, problem) from problem
            if isinstance(problem, StoreUnavailable):
                raise OutcomeUnknown(_unread(problem, verb)) from problem
            raise
    if found.kept:
        return _kept(found)
    if not found.done:
        raise StoreError(found.answer or "refused")
    return found.answer or "done"


def _not_left(verb: str, problem: StoreError) -> StoreError:
    return type(problem)(not_left(verb, str(problem)))


@dataclass
class _Waiting:
    """A request that was left, and who waits for its answer. begun, seen: monotonic times, s."""

    database: Path | str
    inbox: Inbox
    number: int
    verb: str
    meanwhile: Callable[[], object] | None
    lasts: bool = False
    begun: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)

    def look(self) -> Request | None:
        """Return the request once it needs no more waiting for."""
        found = self.inbox.request(self.number)
        if found.kept or found.answer is not None:
            return found
        now = time.monotonic()
        self.lasts = self.meanwhile is not None and self.inbox.taken_up(self.number)
        if self.lasts and now - self.looked > LOOK:
            self.looked = now
            self.seen = now if _there(place_of(self.database)) is not None else self.seen
        if self.looked - self.seen > WAIT:
            back = f"and none has come back within {WAIT:.0f} s: "
            raise OutcomeUnknown(_ended(self.database, found.verb, back))
        if self.late:
            there = _there(place_of(self.database)) or "the daemon has ended"
            return _unanswered(self.inbox, found, there)
        if self.meanwhile is not None:
            self.meanwhile()
        return None

    @property
    def late(self) -> bool:
        """Whether nobody waits any longer."""
        return time.monotonic() - self.begun > (PATIENCE if self.lasts else WAIT)


def _awaited(waiting: _Waiting) -> Request:
    """Ask until there is an answer, also while the requests cannot be read: they may be again.

    Raises
    ------
    StoreUnavailable
        They cannot be read, and the time is over.
    """
    while True:
        # Ctrl-C in the middle of a look would keep its connection, the only one, from who withdraws
        with kept_back() as came:
            try:
                if (found := waiting.look()) is not None:
                    return found
            except StoreUnavailable:
                if waiting.late:
                    raise
        end_if(came)
        time.sleep(PERIOD)


def _unread(problem: StoreUnavailable, verb: str) -> str:
    """Say what is known of a request whose answer cannot be read."""
    stays = "it stays and is done" if verb in LASTING else "it is there, and may be done"
    return (
        f"{problem}; the outcome of {verb} is unknown: {stays} as soon as the daemon can read it "
        "(see `kammerton log --audit`)"
    )


def _gone(database: Path | str, verb: str) -> str:
    """Say that no daemon runs any more that took something up; "": one does, or nobody knows."""
    with suppress(StoreError):
        if _there(place_of(database)) is None:
            return _ended(database, verb)
    return ""


def _ended(database: Path | str, verb: str, back: str = "") -> str:
    """Say that the daemon that took something up is there no more, and what that may have left."""
    with ReadStore(place_of(database)) as store:
        said = store.current_activity()
        left = caution(store, said) if said is not None and said.doubtful else ""
    words = (
        f"no daemon runs any more, {back}{verb} was taken up, and what came of it is not known "
        "(see `kammerton log`)"
    )
    return f"{words}; {left}" if left else words


def _kept(request: Request) -> str:
    """Say that a hold counts which is not in the database yet."""
    return (
        f"{are(scopes(request.arguments))} held by {request.who}; that is recorded as soon as the "
        "database can be written: until then the request stays, over a restart of the daemon too"
    )


def _unanswered(inbox: Inbox, request: Request, in_use: str) -> Request:
    if request.verb in LASTING:
        raise OutcomeUnknown(
            f"{in_use}, and did not answer within {WAIT:.0f} s. The request stays: it is done "
            "before anything else as soon as the daemon turns again, or when it is started."
        )
    if inbox.give_up(request.number, "given up by the one who asked"):
        raise StoreError(f"{in_use}, and did not answer within {WAIT:.0f} s; nothing was changed")
    lasts = request.verb in ERRANDS
    limit, state = (PATIENCE, "was taken up") if lasts else (WAIT, "is under way")
    late = inbox.request(request.number)
    if late.answer is None:
        raise OutcomeUnknown(
            f"{in_use}, and has not said within {limit:.0f} s what came of it: {request.verb} "
            f"{state}, outcome unknown (see `kammerton log --audit`)"
        )
    return late
