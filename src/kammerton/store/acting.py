"""What was asked for of the one process that writes: done, refused or begun, and answered."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from kammerton.model import StoreError, StoreLost, StoreUnavailable
from kammerton.store.errands import ERRANDS, UNKNOWN, Errands, nobody
from kammerton.store.inbox import Inbox
from kammerton.store.kept import keep, withdrawn
from kammerton.store.request import LASTING, Request, in_short, refusal, said
from kammerton.store.request import scopes as named
from kammerton.store.verbs import do
from kammerton.store.write import Store

log = logging.getLogger(__name__)

LASTS = timedelta(minutes=10)
"""After this a request that was not taken up is not done any more; `lasting` ones always are."""

BeforeHolds = Callable[[Sequence[Request]], object]


def _nothing(holds: Sequence[Request]) -> None:
    pass


def attend(
    store: Store,
    inbox: Inbox,
    scopes: Collection[str] | None = None,
    errands: Errands | None = None,
    first: BeforeHolds = _nothing,
) -> list[Request]:
    """Do what is asked for and answer it; return what was looked at.

    scopes: what can be held; None where that is not known. errands: takes what lasts, and answers
    it later; None where nobody calibrates. first: called with the holds among what will be done,
    if there are any, before any of them is.
    """
    store.demand_here()
    inbox.renew()
    if errands is not None:
        report(store, inbox, errands)
    requests = [each for each in inbox.waiting() if errands is None or each.number not in errands]
    if holds := [each for each in requests if each.verb in LASTING]:
        first(holds)
    for each in requests:
        if inbox.take(each.number) or each.verb in LASTING:
            if inbox.request(each.number).answer is not None:  # given up since we looked
                continue
            try:
                done, words = _done(store, inbox, each, scopes, errands)
            except StoreUnavailable as problem:
                keep(store, inbox, each, str(problem))
                continue
        elif (words := _unknown(store, each, errands)) is None:
            continue  # who measures says so: it knows what came of it
        else:
            done = False
        if words is None:
            words = "it is looked at next"
        else:
            inbox.answer(each.number, words, done=done)
            if not done:
                _note_refusal(store, each, words)
        log.info("%s asks to %s: %s", each.who, in_short(each), words)
    inbox.forget()
    return requests


def _note_refusal(store: Store, request: Request, words: str) -> None:
    """Write a refusal to the audit log; where it cannot be written the others are heard still."""
    line = refusal(request.who, request.verb, request.arguments, words)
    try:
        store.audit(*line)
    except StoreUnavailable as problem:
        log.warning("this refusal is not in the audit log, %s: %s", problem, " ".join(line))


def report(store: Store, inbox: Inbox, errands: Errands) -> None:
    """Answer what is finished; what came to nothing stands in the audit log, too.

    What cannot be written now is answered at the next look.
    """
    finished = deque(errands.answered())
    try:
        while finished:
            number, done, words = finished[0]
            told = inbox.answer(number, words, done=done)
            finished.popleft()
            if not told:
                log.warning("whoever asked for request %d cannot be told: %s", number, words)
            elif not done:
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
    if request.verb not in LASTING and request.age > LASTS.total_seconds():
        return False, f"too late: asked {request.age / 60:.0f} min ago"
    try:
        if request.verb == "hold" and (words := _not_there(named(request.arguments), scopes)):
            return False, words
        if request.verb in ERRANDS:
            return False, _begun(store, request, errands)
        early = withdrawn(store, inbox, request)
        return early or (True, do(store, request.verb, request.arguments, request.who))
    except StoreError as problem:
        stands = store.closed or isinstance(problem, StoreUnavailable | StoreLost)
        if request.verb in LASTING and stands:
            raise  # a person always wins: no lock, damage or end of the daemon refuses a hold
        return False, str(problem)
    except Exception as error:  # one bad request must not keep others from being heard
        log.exception("request %d", request.number)
        return False, f"failed: {type(error).__name__}: {error}"


def _not_there(names: Sequence[str], known: Collection[str] | None) -> str:
    """Say which of what is to be held there is not; "": there is all of it, or nobody knows."""
    strange = [repr(each) for each in names if known is not None and each not in known]
    if not strange:
        return ""
    nothing = "; nothing is held" if len(names) > 1 else ""
    return f"there is nothing called {' or '.join(strange)} to be held{nothing}"


def _unknown(store: Store, request: Request, errands: Errands | None) -> str | None:
    """Say that nobody knows what came of what a daemon had taken up that has ended since.

    None: whoever measures sees to it.
    """
    if errands is None or request.verb not in ERRANDS or request.age > LASTS.total_seconds():
        return UNKNOWN
    return errands.take(store, request, taken=True)


def _begun(store: Store, request: Request, errands: Errands | None) -> str | None:
    """Hand an errand over; return why it is refused, None: it is taken on.

    What cannot be recorded is not taken on: it would be done though it was refused.
    """
    if errands is None:
        return nobody(store)
    if objection := errands.objection(store, request):
        return objection
    store.audit(request.who, request.verb, "", "asked for", said(request.arguments))
    return errands.take(store, request)
