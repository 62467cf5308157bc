"""Ctrl-C of who waits for what was asked for: what is taken back, and what is said of the rest."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kammerton.model import StoreUnavailable
from kammerton.store.request import LASTING, Request, are, not_left, scopes

if TYPE_CHECKING:
    from kammerton.store.inbox import Inbox

AFTERWARDS = {
    "measure": "the daemon measures it all the same (kammerton log); kammerton hold {target} stops "
    "it, and release lets the daemon go on",
    "release": "it is under way, and {are} released all the same; kammerton hold {names} "
    "holds {it} again",
    "revert": "it is under way, and is done all the same (kammerton log); another kammerton revert "
    "goes back from it",
}
"""What goes on after somebody had taken it up, and how to stop it, by verb."""


@contextmanager
def kept_back() -> Iterator[list[int]]:
    """Keep Ctrl-C while something runs that nobody could tell of if it ended halfway.

    Yields the signals that came. Nothing changes where Ctrl-C is no exception anyway.
    """
    came: list[int] = []
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield came
        return
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_if(came: Collection[int]) -> None:
    """Act on a Ctrl-C that was kept back."""
    if came:
        raise KeyboardInterrupt


@contextmanager
def nothing_yet(verb: str) -> Iterator[None]:
    """Say of a Ctrl-C without words that nothing was left or done."""
    try:
        yield
    except KeyboardInterrupt as end:
        if end.args:
            raise
        raise KeyboardInterrupt(not_left(verb, "nothing was asked for, and nothing done")) from None


def no_longer(
    inbox: Inbox, number: int, verb: str, arguments: Mapping[str, Any], gone: Callable[[], str]
) -> str:
    """Take a request back where nobody has taken it up; return what is so then.

    A hold is never taken back: who asked for it may believe that it holds. gone: says that no
    daemon runs any more, and what that left; "" where one does, or nobody knows.
    """
    try:
        if verb not in LASTING and inbox.give_up(number, "given up by the one who asked"):
            return "the request is withdrawn; nothing is done"
        found = inbox.request(number)
    except (StoreUnavailable, KeyboardInterrupt) as problem:
        why = f": {problem}" if str(problem) else ""
        stays = _stays(arguments) if verb in LASTING else f"{verb} may be done yet"
        return f"no longer waiting; what came of it cannot be read now{why}; {stays}"
    return f"no longer waiting; {_goes_on(found, gone)}"


def _goes_on(found: Request, gone: Callable[[], str]) -> str:
    if found.answer is not None:
        return f"{found.answer}{_look(found) if found.done else ''}"
    if found.kept:
        words = f"{are(scopes(found.arguments))} held, which is recorded later"
        return f"{words}{_look(found)}"
    if found.verb in LASTING:
        return _stays(found.arguments)
    if over := gone():
        return over
    words = AFTERWARDS.get(found.verb, "it is under way, and is done all the same")
    return words.format_map({"target": "it", **_named(found.arguments), **found.arguments})


def _named(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return how the names of a hold or a release stand in words, and in a command."""
    names = scopes(arguments)
    it = "it" if len(names) == 1 else "them"
    return {"are": are(names), "names": " ".join(names), "it": it}


def _stays(arguments: Mapping[str, Any]) -> str:
    return (
        "the hold is not withdrawn: it stays asked for, and {are} held as soon as the daemon "
        "turns again, or is started; until it is (kammerton status), nothing is held. "
        "kammerton release {names} ends it"
    ).format_map(_named(arguments))


def _look(found: Request) -> str:
    """Warn who held, and did not wait for what became of the outputs."""
    return "; look at the front panels before you reach in" if found.verb in LASTING else ""
