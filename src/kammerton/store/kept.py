"""Holds that count before they are recorded: the database is locked, or has no room."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from kammerton.model import StoreError
from kammerton.model.said import flaw
from kammerton.store import clock, leases
from kammerton.store.leases import DAEMON
from kammerton.store.request import LASTING, Request, are, in_short, scopes
from kammerton.store.rows import Lease, moment
from kammerton.store.write import Store

if TYPE_CHECKING:  # it asks this
    from kammerton.store.inbox import Inbox

log = logging.getLogger(__name__)


def keep(store: Store, inbox: Inbox, request: Request, why: str) -> None:
    """Leave what lasts where it is until it can be recorded; refuse what is another person's."""
    if request.kept:
        return
    asked = request.who, in_short(request)
    if words := _another(store, inbox, request):
        inbox.answer(request.number, words, done=False)
        log.warning("%s asks to %s: %s", *asked, words)
    else:
        inbox.keep(request.number)
        log.warning("%s asks to %s: it counts, and is recorded later: %s", *asked, why)


def _another(store: Store, inbox: Inbox, request: Request) -> str:
    """Say who else holds which scope, recorded or not; "": nobody, as far as can be read."""
    wanted = scopes(request.arguments)
    earlier = [each for each in _waiting(inbox, request) if each.who != request.who and each.kept]
    found = {
        scope: (each.who, str(each.arguments.get("why", "")))
        for each in reversed(earlier)
        for scope in scopes(each.arguments)
    }
    with suppress(StoreError):  # a person wins: what cannot be read refuses nobody
        mine = (request.who, DAEMON)
        held = {e.scope: (e.owner, e.why) for e in store.leases() if e.owner not in mine}
        found = held | found
    theirs = [(scope, *found[scope]) for scope in wanted if scope in found]
    return leases.whose(theirs, wanted) if theirs else ""


def _waiting(inbox: Inbox, request: Request) -> list[Request]:
    """Return the holds of any of the same scopes that were asked for earlier and have no answer."""
    wanted = set(scopes(request.arguments))
    earlier = (each for each in inbox.waiting() if each.number < request.number)
    return [e for e in earlier if e.verb in LASTING and wanted.intersection(scopes(e.arguments))]


def withdrawn(store: Store, inbox: Inbox, request: Request) -> tuple[bool, str] | None:
    """Withdraw the holds that a release is about and that are not recorded yet.

    Return what came of it; None where a hold that is recorded is to be released.
    """
    if request.verb != "release" or not (earlier := _waiting(inbox, request)):
        return None
    wanted = scopes(request.arguments)
    forced = request.arguments.get("force") is True
    mine = [each for each in earlier if forced or each.who == request.who]
    held = {lease.scope for lease in store.leases()}.intersection(wanted)
    if words := _in_part(wanted, _named(mine), held, _named(earlier)):
        return False, words
    for each in mine:
        inbox.answer(each.number, f"released by {request.who} before it was recorded", done=False)
    if held:
        return None
    if not mine:
        other = earlier[0]
        theirs = next(each for each in wanted if each in scopes(other.arguments))
        words = f"{theirs} is held by {other.who}: {other.arguments.get('why', '')}"
        return False, f"{words}; `kammerton release --force` takes it"
    return True, f"{are(wanted)} released; the hold was not recorded yet, and never is"


def _named(holds: Iterable[Request]) -> set[str]:
    return {name for each in holds for name in scopes(each.arguments)}


def _in_part(
    wanted: Sequence[str], asked: Collection[str], held: Collection[str], waits: Collection[str]
) -> str:
    """Say why what is not recorded yet cannot be given back in part; "": nothing is in part.

    asked: what may be withdrawn of what waits to be recorded. held: what is recorded.
    """
    if beside := sorted(set(asked).difference(wanted)):
        words = f"held in one command with {', '.join(beside)}, which is not recorded yet"
        return f"{are(wanted)} {words}: release all of it, or wait until it is; nothing is released"
    rest = [each for each in wanted if each not in (held or asked)]
    if rest and (held or asked):
        late = [each for each in rest if each in waits]
        why = f"{are(late)} not recorded as held yet" if late else f"nobody holds {rest[0]}"
        return f"{why}: release the others on their own; nothing is released"
    return ""


def asked_leases(request: Request) -> tuple[Lease, ...]:
    """Return the hold that is asked for, one of each scope; none where no such hold can be.

    Its number is below zero: in the database each gets another.
    """
    why, until = (request.arguments.get(each) for each in ("why", "until"))
    try:
        end = None if until is None else datetime.fromisoformat(str(until))
        if flaw(str(request.arguments.get("why", "-"))):
            return ()
        if end is not None and end.timestamp() <= clock.wall().timestamp():
            return ()
        since = moment(request.asked)
    except (ValueError, OverflowError):  # it is refused, in words, when it is its turn
        return ()
    said = request.who, str(why or ""), since, end
    return tuple(Lease(-request.number, scope, *said) for scope in scopes(request.arguments))
