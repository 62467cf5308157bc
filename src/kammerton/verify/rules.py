"""What must hold between the rows of a sound database. Each rule yields what it finds broken."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from kammerton.verify.report import Query, Tell, silent
from kammerton.verify.seals import content_is_as_stored

PAGE = 10_000
"""Lines of the audit log that are in memory at once."""

SAID_EVERY = 100_000

CLOCK = "the clock"
"""Who made a revision that moves times, since the computer's clock was set back."""

FRIDGE = "the refrigerator"
"""Who made a revision that ends what held, since it was warm."""

ESTIMATE = "name, value, stderr, unit, time, valid_until, run"


def revisions_have_no_gaps(query: Query) -> Iterator[str]:
    """Numbers are 1, 2, 3 ...; each changes something; a run changes what it measured.

    What an earlier run found may have waited for it, once, and never for a newer value.
    """
    numbers = [n for (n,) in query("SELECT number FROM revision ORDER BY number")]
    for missing in sorted(set(range(1, len(numbers) + 1)) - set(numbers))[:10]:
        yield f"revision {missing} is missing"
    changing = {n for (n,) in query("SELECT DISTINCT revision FROM change")}
    for number in numbers:
        if number not in changing:
            yield f"revision {number} changes nothing"
    wrong = query(
        "SELECT change.revision, change.name, change.run, revision.run FROM change "
        "JOIN revision ON revision.number = change.revision "
        "WHERE revision.run IS NOT NULL AND (change.run > revision.run OR "
        "change.run < revision.run AND EXISTS (SELECT 1 FROM change AS before "
        "WHERE before.name = change.name AND before.run >= change.run "
        "AND before.revision < change.revision))"
    )
    for number, name, run, maker in wrong:
        yield f"revision {number} was made by run {maker}, but its {name} says run {run}"


def head_is_the_replay(query: Query) -> Iterator[str]:
    """Replaying all changes gives exactly the table of present values."""
    replayed = {}
    for number, name, *rest in query(f"SELECT revision, {ESTIMATE} FROM change ORDER BY revision"):
        replayed[name] = (number, *rest)
    head = {
        name: (number, *rest)
        for number, name, *rest in query(f"SELECT revision, {ESTIMATE} FROM parameter")
    }
    for name in sorted(replayed.keys() | head.keys()):
        if name not in head:
            yield f"{name} is missing from the present values"
        elif name not in replayed:
            yield f"{name} is a present value that no revision made"
        elif head[name] != replayed[name]:
            number, value, *_ = replayed[name]
            yield f"{name} is {head[name][1]!r}, but revision {number} left {value!r}"


def reverts_bring_back(query: Query) -> Iterator[str]:
    """A revert gives each value as the revision had it that it goes back to.

    One that the clock made moves times back, one that the refrigerator made does not; by neither
    a value is good for longer than it was.
    """
    rows = query("SELECT number, reverts, who FROM revision WHERE reverts IS NOT NULL")
    reverts = {number: (to, who) for number, to, who in rows}
    if not reverts:
        return
    history: dict[str, list[tuple[int, tuple[Any, ...]]]] = {}
    for number, name, *rest in query(f"SELECT revision, {ESTIMATE} FROM change ORDER BY revision"):
        if number in reverts:
            to, who = reverts[number]
            then = [old for at, old in history.get(name, []) if at <= to]
            if to >= number or not then or not _brought_back(then[-1], tuple(rest), who):
                yield f"revision {number} goes back to {to}, but its {name} is not as it was then"
        history.setdefault(name, []).append((number, tuple(rest)))


def _brought_back(old: tuple[Any, ...], new: tuple[Any, ...], who: str) -> bool:
    if who not in (CLOCK, FRIDGE):
        return old == new
    (*was, time, until, run), (*now, moved_to, ends, same) = old, new
    if (until is None) is not (ends is None) or was != now or run != same:
        return False
    ended = until is None or ends <= until
    return bool((moved_to == time or (who == CLOCK and moved_to < time)) and ended)


def runs_are_whole(query: Query) -> Iterator[str]:
    """Each run says something about a target; what ended with a run names one that is there."""
    silent = query(
        "SELECT number FROM run WHERE NOT EXISTS "
        "(SELECT 1 FROM fit WHERE fit.run = run.number) ORDER BY number"
    )
    for (number,) in silent:
        yield f"run {number} has no fit of any target"
    known = {f"r{number:06d}" for (number,) in query("SELECT number FROM run")}
    for number, outcome in query("SELECT number, outcome FROM attempt WHERE outcome LIKE 'r0%'"):
        if outcome not in known:
            yield f"attempt {number} ended with {outcome}, which is not there"


def outbox_is_in_order(query: Query) -> Iterator[str]:
    """Every run and revision waits or was sent, once, in order; nothing was sent out of turn."""
    rows = query("SELECT number, run, revision, sent FROM outbox ORDER BY number")
    for kind, place in (("run", 1), ("revision", 2)):
        named = [row[place] for row in rows if row[place] is not None]
        kept = {n for (n,) in query(f"SELECT number FROM {kind}")}
        for missing in sorted(kept - set(named))[:10]:
            yield f"{kind} {missing} is not in the outbox: it was never to be published"
        for twice in sorted(n for n, times in Counter(named).items() if times > 1):
            yield f"{kind} {twice} is in the outbox twice"
        if sorted(named) != named:
            yield f"the outbox has its {kind}s out of order"
    unsent = next((row[0] for row in rows if row[3] is None), None)
    if unsent is not None and any(row[3] is not None and row[0] > unsent for row in rows):
        yield f"row {unsent} of the outbox waits, though later ones were sent"


def audit_is_unbroken(query: Query, tell: Tell = silent) -> Iterator[str]:
    """Each line carries the hash of itself and of the line before; the first starts an epoch."""
    ((epoch,),) = query("SELECT epoch FROM identity")
    now = before = None
    for place, row in enumerate(_audited(query, tell), 1):
        number, time, who, what, old, new, why, previous, made = row
        if before is None:
            now = before = previous
        said = json.dumps([number, time, who, what, old, new, why, previous], separators=(",", ":"))
        if number != place:
            yield f"line {place} of the audit log is missing"
            return
        if previous != before:
            yield f"line {number} of the audit log does not follow the line before it"
        if hashlib.sha256(said.encode("ascii")).hexdigest() != made:
            yield f"line {number} of the audit log was changed"
        if what == "epoch" and old == now:
            now = new
        before = made
    if now not in (None, epoch):
        yield f"the audit log leads to epoch {now}, but this is epoch {epoch}"


def what_is_audited_has_its_line(query: Query) -> Iterator[str]:
    """A revert, and a lease before any restore, was written together with a line of the log."""
    reverts = query(
        "SELECT number FROM revision WHERE reverts IS NOT NULL AND CAST(number AS TEXT) NOT IN "
        "(SELECT new FROM audit WHERE what LIKE 'revision of %') ORDER BY number"
    )
    for (number,) in reverts[:10]:
        yield f"revision {number} is a revert without its line in the audit log"
    if query("SELECT number FROM audit WHERE what = 'epoch' LIMIT 1"):
        return
    lines = Counter(
        what
        for (what,) in query(
            "SELECT what FROM audit WHERE what LIKE 'lease of %' AND new LIKE 'held%'"
        )
    )
    leases = Counter[str]()
    for number, scope in query("SELECT number, scope FROM lease ORDER BY number"):
        leases[scope] += 1
        if leases[scope] > lines[f"lease of {scope}"]:
            yield f"lease {number} of {scope} has no line in the audit log"


def tip_is_there(query: Query, tip: str | None) -> Iterator[str]:
    """Say where the audit log does not hold a line that it once ended in."""
    if tip is None:
        return
    if not re.fullmatch("[0-9a-f]{64}", tip):
        yield f"{tip!r} is no end of an audit log: that is 64 hexadecimal digits"
    elif not query(f"SELECT number FROM audit WHERE hash = '{tip}'"):
        yield f"the audit log does not hold the line {tip} any more: it was cut off or rewritten"


def _audited(query: Query, tell: Tell) -> Iterator[Any]:
    """Yield the audit log, a page at a time: it may be longer than what memory holds."""
    page, seen, where = PAGE, 0, ""
    while page == PAGE:
        rows = query(
            "SELECT number, time, who, what, old, new, why, previous, hash FROM audit "
            f"{where} ORDER BY number LIMIT {PAGE}"
        )
        yield from rows
        page, seen = len(rows), seen + len(rows)
        if rows:
            where = f"WHERE number > {int(rows[-1][0])}"
        if page == PAGE and seen % SAID_EVERY == 0:
            tell(f"{seen:,} lines of the audit log were looked at")


def leases_are_single(query: Query) -> Iterator[str]:
    """A scope has one holder at most."""
    twice = query(
        "SELECT scope FROM lease WHERE released IS NULL GROUP BY scope HAVING count(*) > 1"
    )
    for (scope,) in twice:
        yield f"{scope} is held twice"


RULES: tuple[Callable[..., Iterator[str]], ...] = (
    revisions_have_no_gaps,
    head_is_the_replay,
    reverts_bring_back,
    runs_are_whole,
    outbox_is_in_order,
    audit_is_unbroken,
    leases_are_single,
    what_is_audited_has_its_line,
    content_is_as_stored,
)

LONG = (audit_is_unbroken, content_is_as_stored)
"""Rules that take a while on a long history, and say how far they are."""


def broken(
    query: Query, errors: type[Exception], tell: Tell = silent, *, sealed: bool = True
) -> Iterator[str]:
    """Yield what every rule finds; a table that cannot be read is a finding, not an end.

    errors: what the database's driver raises. tell: hears how far it has come. sealed: False for an
    older schema, which has no seals.
    """
    for rule in RULES if sealed else RULES[:-1]:
        try:
            yield from rule(query, tell) if rule in LONG else rule(query)
        except (errors, TypeError, ValueError, LookupError) as problem:  # damage may be of any type
            yield f"{rule.__name__.replace('_', ' ')}: cannot be told: {problem}"
