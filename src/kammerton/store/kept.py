"""Holds that count before they are recorded: the database is locked, or has no room."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from kammerton.model import StoreError
from kammerton.model.said import flaw
from kammerton.store import clock
from kammerton.store.leases import DAEMON
from kammerton.store.request import LASTING, Request, in_short
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
    """Say who else holds a scope, recorded or not; "": nobody, as far as can be read."""
    scope = request.arguments.get("scope")
    earlier = [each for each in _waiting(inbox, request) if each.who != request.who]
    found = [(each.who, each.arguments.get("why", "")) for each in earlier if each.kept]
    with suppress(StoreError):  # a person wins: what cannot be read refuses nobody
        mine = (request.who, DAEMON)
        held = [each for each in store.leases() if each.scope == scope and each.owner not in mine]
        found += [(each.owner, each.why) for each in held]
    return f"{scope} is held by {found[0][0]}: {found[0][1]}" if found else ""


def _waiting(inbox: Inbox, request: Request) -> list[Request]:
    """Return the holds of the same scope that were asked for earlier and have no answer yet."""
    scope = request.arguments.get("scope")
    earlier = (each for each in inbox.waiting() if each.number < request.number)
    return [e for e in earlier if e.verb in LASTING and e.arguments.get("scope") == scope]


def withdrawn(store: Store, inbox: Inbox, request: Request) -> tuple[bool, str] | None:
    """Withdraw the holds that a release is about and that are not recorded yet.

    Return what came of it; None where a hold that is recorded is to be released.
    """
    if request.verb != "release":
        return None
    scope = request.arguments.get("scope")
    earlier = _waiting(inbox, request)
    forced = request.arguments.get("force") is True
    mine = [each for each in earlier if forced or each.who == request.who]
    for each in mine:
        inbox.answer(each.number, f"released by {request.who} before it was recorded", done=False)
    if not earlier or any(lease.scope == scope for lease in store.leases()):
        return None
    if not mine:
        other = earlier[0]
        words = f"{scope} is held by {other.who}: {other.arguments.get('why', '')}"
        return False, f"{words}; `kammerton release --force` takes it"
    return True, f"{scope} is released; the hold was not recorded yet, and never is"


def asked_lease(request: Request) -> Lease | None:
    """Return the hold that is asked for; None where no such hold can be.

    Its number is below zero: in the database it gets another.
    """
    scope, why, until = (request.arguments.get(each) for each in ("scope", "why", "until"))
    try:
        end = None if until is None else datetime.fromisoformat(str(until))
        if flaw(str(request.arguments.get("why", "-"))):
            return None
        if end is not None and end.timestamp() <= clock.wall().timestamp():
            return None
        since = moment(request.asked)
    except (ValueError, OverflowError):  # it is refused, in words, when it is its turn
        return None
    return Lease(-request.number, str(scope), request.who, str(why or ""), since, end)
