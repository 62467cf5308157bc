"""What a database tells whatever its schema: whose it is, and who holds what.

After an upgrade a person can hold something before anything is brought up to date, or driven.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Select, select

from kammerton.model import StoreError
from kammerton.store import clock, leases, schema
from kammerton.store.place import Place, demand_there, place_of
from kammerton.store.read import ReadStore
from kammerton.store.rows import micros


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
    return str(_told(place, select(schema.identity.c.computer)))


def lease_on(database: Path | str, scope: str) -> int | None:
    """Return the number of the lease that holds a scope now."""
    now = micros(clock.wall())
    held = leases.active(now).where(leases.table.c.scope == scope)
    found = _told(place_there(database), held.with_only_columns(leases.table.c.number))
    return None if found is None else int(found)


def _told(place: Place, query: Select[Any]) -> Any:
    """Return the first column of the first row, None where there is no row."""
    engine = place.reader()
    try:
        with place.errors("read"), engine.begin() as connection:
            return connection.execute(query).scalar()
    except StoreError:
        ReadStore(place).close()  # it says what is wrong, as that it is another program's
        raise
    finally:
        engine.dispose()
