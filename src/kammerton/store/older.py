"""What a database tells whatever its schema: whose it is, and who holds what.

After an upgrade a person can hold something before anything is brought up to date, or driven.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, select, text

from kammerton.model import StoreError
from kammerton.store import clock, leases, schema
from kammerton.store.place import Place, demand_there, place_of
from kammerton.store.read import ReadStore

HELD = "SELECT * FROM lease WHERE released IS NULL ORDER BY number"
"""Oldest first; there is one of a scope at most. Of an older schema it has fewer columns."""


def place_there(database: Path | str) -> Place:
    """Return the place of a database; refuse a file that does not exist."""
    place = place_of(database)
    demand_there(place)
    return place


def computer_of(place: Place) -> str:
    """Return the computer that a database is for.

    Raises
    ------
    StoreError
        It is no database of ours, or it cannot be read.
    """
    return str(_told(place, select(schema.identity.c.computer))[0].computer)


def leases_now(database: Path | str) -> dict[str, int]:
    """Return the numbers of the leases that hold now, by scope."""
    return {str(row.scope): int(row.number) for row in _held(database)}


def owners_now(database: Path | str) -> dict[str, str]:
    """Return who holds each scope now."""
    return {str(row.scope): str(row.owner) for row in _held(database)}


def _held(database: Path | str) -> list[Any]:
    now = clock.instant()
    return [row for row in _told(place_there(database), text(HELD)) if leases.lasts(row, now)]


def _told(place: Place, query: Executable) -> Sequence[Any]:
    """Return the rows."""
    engine = place.reader()
    try:
        with place.errors("read"), engine.begin() as connection:
            return connection.execute(query).all()
    except StoreError:
        ReadStore(place).close()  # it says what is wrong, as that it is another program's
        raise
    finally:
        engine.dispose()
