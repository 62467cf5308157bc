"""A request to the one process that writes, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kammerton.store import checks
from kammerton.store.questions import WAITS

LASTING = frozenset({"hold"})
"""The verbs that are done however late, and wait for a database that cannot be written."""

BY_HAND = "switch off at the instruments' own front panels before you reach in"


@dataclass(frozen=True)
class Request:
    """Something asked for; `answer` says what came of it, None when nobody has looked yet.

    kept: it was looked at, counts, and is recorded as soon as the database can be written.
    age: s since it was asked for, by one clock, as it was read; 0 where that was set back.
    """

    number: int
    verb: str
    arguments: Mapping[str, Any]
    who: str
    asked: int
    done: bool
    answer: str | None
    kept: bool = False
    age: float = 0.0


def scopes(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a hold or a release is of: `scope`, or each of `targets` once."""
    several = arguments.get("targets")
    if isinstance(several, list):
        return tuple(dict.fromkeys(map(str, several)))
    return (str(arguments.get("scope")),)


def of(names: Sequence[str]) -> dict[str, object]:
    """Return names as a request has them: one as it always was, for a daemon of before."""
    return {"scope": names[0]} if len(names) == 1 else {"targets": list(names)}


def are(names: Sequence[str]) -> str:
    """Return "q0 is", or "q0, q1 and lo are"."""
    *first, last = names
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"


def not_left(verb: str, words: str) -> str:
    """Return what is said where nothing could be asked for: who wants to reach in must know."""
    return f"{words}; nothing is held: {BY_HAND}" if verb in LASTING else words


def refusal(
    who: str, verb: str, arguments: Mapping[str, Any], words: str
) -> tuple[str, str, str, str, str]:
    """Return the line of the audit log that says what was refused: who, what, old, new, why."""
    why = words.partition(f"\n{WAITS}")[0]
    return who, verb, "", "refused", f"{said(arguments)}: {why}"


def in_short(request: Request) -> str:
    """Return what was asked for, in a few words: "measure q3 t1"."""
    given = request.arguments
    what = [str(given[key]) for key in ("target", "calibration") if key in given]
    return checks.plain(" ".join([request.verb, *what])[:80])


def said(arguments: Mapping[str, Any]) -> str:
    """Return what was asked for, as the audit log has it; what was left open is not in it."""
    left_open = ("null", '""', "[]", "false")
    given = {n: value for n, value in arguments.items() if json.dumps(value) not in left_open}
    return " ".join(f"{name}={_plainly(value)}" for name, value in given.items())[:200]


def _plainly(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
