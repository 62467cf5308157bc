"""A new epoch: revisions count anew, and what was published of the old one counts no more."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, select, update

from kammerton.store import checks, clock, records, schema
from kammerton.store.rows import micros


def begin(connection: Connection, who: str, why: str) -> str:
    """Begin a new epoch, with a line in the audit log; return it."""
    old = connection.execute(select(schema.identity.c.epoch)).scalar_one()
    new = secrets.token_hex(8)
    texts = tuple(checks.plain(text) for text in (who, "epoch", old, new, why))
    records.insert_audit(connection, texts, micros(clock.wall()), old)
    connection.execute(update(schema.identity).values(epoch=new))
    return new
