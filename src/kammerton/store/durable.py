"""What a PostgreSQL server must say of itself, so that a commit survives a power cut."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import Connection, Engine, event

from kammerton.model import StoreError

DURABLE = {"fsync": ("on",), "synchronous_commit": ("on", "local", "remote_write", "remote_apply")}


def keep_durable(engine: Engine) -> None:
    """Refuse each transaction whose commit nobody would wait for.

    Not each connection only: those last for weeks, and a server may be told otherwise meanwhile.
    The StoreError names the setting, which may be the server's, the database's or the role's.
    """

    @event.listens_for(engine, "begin")
    def _demand(connection: Connection) -> None:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute("SELECT " + ", ".join(f"current_setting('{each}')" for each in DURABLE))
            said = cursor.fetchone() or ()
        for (setting, wanted), now in zip(DURABLE.items(), said, strict=True):
            if now not in wanted:
                raise StoreError(f"the server says {setting} = {now}: a commit could be lost")
