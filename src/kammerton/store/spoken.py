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
from kammerton.store import checks, schema
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
    return Activity(row.what, abs(row.pid), moment(row.time), past=row.pid < 0)


def mark_past(said: Activity | None, writing: Callable[[], AbstractContextManager[Any]]) -> None:
    """Note that another process than the one that spoke last has the database now.

    Where nothing can be written just now, its first words show that.
    """
    if said is not None and said.what is not None and not said.past:
        with suppress(StoreUnavailable), writing() as connection:
            connection.execute(update(table).where(table.c.pid > 0).values(pid=-table.c.pid))
