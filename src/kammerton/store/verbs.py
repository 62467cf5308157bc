"""What may be asked of a database from outside: hold, release, revert, approve, refuse."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from kammerton.model import StoreError
from kammerton.model.said import flaw
from kammerton.store import leases
from kammerton.store.caution import caution
from kammerton.store.questions import listed
from kammerton.store.request import are, scopes
from kammerton.store.set_back import set_back
from kammerton.store.write import Store


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
    said = arguments.get("why", "-")
    if wrong := flaw(str(said), blank=verb == "revert"):
        raise StoreError(f"what is given as the reason is not taken: {wrong}")
    try:
        inspect.signature(act).bind(store, who, **arguments)
    except TypeError as problem:
        raise StoreError(f"{verb}: {problem}") from problem
    if odd := [name for name, value in arguments.items() if not SHAPES[name](value)]:
        raise StoreError(f"{verb}: what is given as {' and '.join(odd)} cannot be read")
    return act(store, who, **arguments)


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _or_none(right: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or right(value)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _truth(value: object) -> bool:
    return isinstance(value, bool)


SHAPES: dict[str, Callable[[object], bool]] = {
    "why": _text,
    "scope": _or_none(_text),
    "targets": _or_none(_texts),
    "until": _or_none(_text),
    "now": _truth,
    "lease": _or_none(_number),
    "leases": lambda value: isinstance(value, list) and all(map(_or_none(_number), value)),
    "force": _truth,
    "to": _number,
    "names": _texts,
    "which": _or_none(_texts),
}
"""What each argument must be: a text in place of "false" must not mean yes."""


def _hold(
    store: Store,
    who: str,
    scope: str | None = None,
    why: str = "",
    until: str | None = None,
    now: bool = False,
    targets: list[str] | None = None,
) -> str:
    """Hold a scope, or all targets; `now` is for the daemon, which then waits for no safe point."""
    end, names = None if until is None else _time(until), _names("hold", scope, targets)
    replaced = store.take(names, who, why, end)
    released = "they are released" if len(names) > 1 else "it is released"
    how_long = f"until {released if end is None else leases.shown(end)}"
    instead = "".join(
        f"; this replaces the hold {f'of {name} ' * (len(names) > 1)}{leases.ends(before)}, "
        f'"{before.why}"'
        for name, before in replaced.items()
    )
    return f"{are(names)} held by {who} {how_long}{instead}{_caution(store)}"


def _names(verb: str, scope: str | None, targets: list[str] | None) -> tuple[str, ...]:
    """Return the names of a hold or a release, which says them in one way or the other."""
    if (scope is None) == (targets is None) or targets == []:
        raise StoreError(f"{verb}: needs a scope, or targets")
    return scopes({"scope": scope} if targets is None else {"targets": targets})


def _caution(store: Store) -> str:
    """Warn whoever is about to reach in, where the last process ended without switching off."""
    left = store.left  # once: another thread forgets it as soon as outputs are verified off
    if left is None:
        return ""
    return f"; {caution(store, left)}"


def _time(said: str) -> datetime:
    try:
        return datetime.fromisoformat(said)
    except ValueError as problem:
        raise StoreError(f"{said!r} is no time") from problem


def _release(
    store: Store,
    who: str,
    scope: str | None = None,
    lease: int | None = None,
    force: bool = False,
    targets: list[str] | None = None,
    leases: list[int | None] | None = None,
) -> str:
    """Release a scope, or all targets.

    lease, leases: those that were seen, in the order of the targets. force: although another
    holds one.
    """
    names = _names("release", scope, targets)
    seen = dict.fromkeys(names, lease) | dict(zip(targets or (), leases or (), strict=False))
    store.give_back(seen, who, force=force)
    return f"{are(names)} released{_measured_again(names)}"


def _measured_again(names: tuple[str, ...]) -> str:
    """Say what the daemon does then: whoever had it may have turned anything."""
    rested_on = [name for name in names if name != "maintenance"]  # which mutes alarms alone
    what = "it" if len(rested_on) == 1 else "them"
    return f"; the daemon measures again what rests on {what}" if rested_on else ""


def _revert(
    store: Store, who: str, to: int, names: list[str], why: str = "", force: bool = False
) -> str:
    """Set back; force: although another holds what is to change."""
    made = store.revert(to, names, who=who, why=why, force=force)
    return set_back(store, made, to, names)


def _approve(store: Store, who: str, which: list[str] | None = None, why: str = "-") -> str:
    """Approve what waits for a person; without a name say what does."""
    if not which:
        return listed(store.questions.waiting())
    return store.questions.answer(store, who, which, yes=True, why=why.strip("-"))


def _refuse(store: Store, who: str, which: list[str], why: str = "-") -> str:
    return store.questions.answer(store, who, which, yes=False, why=why.strip("-"))


VERBS: dict[str, Callable[..., str]] = {
    "hold": _hold,
    "release": _release,
    "revert": _revert,
    "approve": _approve,
    "refuse": _refuse,
}
