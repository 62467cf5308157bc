"""What a database tells whatever its schema: whose it is, and who holds what.

After an upgrade a person can hold something before anything is brought up to date, or driven.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Executable, select, text

from kammerton.model import StoreError
from kammerton.store import clock, leases, schema
from kammerton.store.place import Place, demand_there, place_of
from kammerton.store.read import ReadStore

HELD = "SELECT * FROM lease WHERE released IS NULL AND scope = :scope"
"""There is one at most. Of an older schema it has fewer columns."""


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
    return str(_told(place, select(schema.identity.c.computer)).computer)


def lease_on(database: Path | str, scope: str) -> int | None:
    """Return the number of the lease that holds a scope now."""
    place, query = place_there(database), text(HELD).bindparams(scope=scope)
    held = _told(place, query)
    return int(held.number) if held is not None and leases.lasts(held, clock.instant()) else None


def _told(place: Place, query: Executable) -> Any:
    """Return the first row, None where there is none."""
    engine = place.reader()
    try:
        with place.errors("read"), engine.begin() as connection:
            return connection.execute(query).first()
    except StoreError:
        ReadStore(place).close()  # it says what is wrong, as that it is another program's
        raise
    finally:
        engine.dispose()
