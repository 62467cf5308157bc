"""The tables of a new database, and whose an old one is."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, Engine, insert, select

from kammerton.model import StoreError
from kammerton.store import checks, clock, schema
from kammerton.store.place import Place
from kammerton.store.rows import micros


def create(engine: Engine, place: Place, computer: str) -> None:
    """Make the tables where there are none; refuse the database of another computer."""
    with place.errors("open"), engine.begin() as connection:
        if place.known(connection):
            return _check_computer(connection, place, computer)
        if objection := place.objection():
            raise StoreError(objection)
        place.create(connection)
        identity = {"computer": checks.plain(computer), "epoch": secrets.token_hex(8)}
        connection.execute(
            insert(schema.identity).values(id=1, created=micros(clock.wall()), **identity)
        )


def _check_computer(connection: Connection, place: Place, computer: str) -> None:
    stored = connection.execute(select(schema.identity.c.computer)).scalar_one()
    if stored != computer:
        raise StoreError(f"{place} belongs to computer {stored!r}, not {computer!r}")
