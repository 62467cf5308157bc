"""What the daemon says of its work, and whether who said it has the database still.

Numbers of processes do not tell that: each container counts its own, and they come again. So who
opens the database for writing marks what it finds there as another one's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from kammerton.model import StoreUnavailable
from kammerton.store import checks, clock, leases, schema
from kammerton.store.rows import Activity, moment

table = schema.activity


def insert_words(connection: Connection, what: str | None, now: int) -> None:
    """Say what runs now, None: nothing, in place of what was said before."""
    said = checks.plain(what) if what else None
    connection.execute(delete(table))
    connection.execute(insert(table).values(id=1, what=said, pid=os.getpid(), time=now))


def last_words(connection: Connection) -> Activity | None:
    """Return what was said last; None: nothing ever was."""
    row = connection.execute(select(table)).one_or_none()
    if row is None:
        return None
    held = row.what is not None and _held_since(connection, row.time)
    return Activity(row.what, abs(row.pid), moment(row.time), past=row.pid < 0, held=held)


def _held_since(connection: Connection, time: int) -> bool:
    """Say whether a person's hold of the whole computer has stood from a wall time to now."""
    held = leases.active(connection, clock.instant())
    return any(
        (each.scope, each.owner == leases.DAEMON) == ("computer", False) and each.since <= time
        for each in held
    )


def left_by(said: Activity | None) -> tuple[Activity | None, str]:
    """Return what a process left in doubt, and what is known of outputs that it let go of."""
    if said is None:
        return None, ""
    return said if said.doubtful else None, said.let_go


def mark_past(said: Activity | None, writing: Callable[[], AbstractContextManager[Any]]) -> None:
    """Note that another process than the one that spoke last has the database now.

    Where nothing can be written just now, its first words show that.
    """
    if said is not None and said.what is not None and not said.past:
        with suppress(StoreUnavailable), writing() as connection:
            connection.execute(update(table).where(table.c.pid > 0).values(pid=-table.c.pid))
