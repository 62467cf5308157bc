"""Holds of one name or of several in one transaction: all of them or none.

Each has a row and a line of the audit log of its own, so that whoever asks for one finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from kammerton.model import StoreError
from kammerton.store import leases
from kammerton.store.clock import instant
from kammerton.store.rows import Lease

Note = Callable[[Connection, str, str, object, object, str], None]
"""Writes a line of the audit log: who, what, old, new, why."""


def take(
    note: Note,
    connection: Connection,
    scopes: Sequence[str],
    owner: str,
    why: str,
    until: datetime | None,
) -> dict[str, Lease]:
    """Hold all scopes since one moment; return the leases that these replace, by scope.

    Raises
    ------
    StoreError
        Another person holds one, or the end makes no sense: nothing is held.
    """
    now, replaced = instant(), dict[str, Lease]()
    leases.demand_own(connection, scopes, owner, now)
    for scope in scopes:
        before = leases.insert_lease(connection, scope, owner, why, now, until)
        note(connection, owner, f"lease of {scope}", *leases.change(before, until), why)
        if before is not None:
            replaced[scope] = before
    return replaced


def give_back(
    note: Note, connection: Connection, seen: Mapping[str, int | None], who: str, *, force: bool
) -> None:
    """Release all scopes. seen: the lease of each that is meant; None: whichever holds.

    Raises
    ------
    StoreError
        One cannot be released; the message says of each why: nothing is.
    """
    now = instant()
    found = [
        leases.objection(connection, scope, who, now, number, force=force)
        for scope, number in seen.items()
    ]
    if wrong := [words for words in found if words]:
        raise StoreError("; ".join(wrong) + "; nothing is released" * (len(seen) > 1))
    for scope in seen:
        leases.close(connection, scope, who, now.wall)
        note(connection, who, f"lease of {scope}", "held", "released", "")
