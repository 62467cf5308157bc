"""What a PostgreSQL server must say of itself, so that a commit survives a power cut."""

from __future__ import annotations

from typing import Any

from kammerton.model import StoreError

DURABLE = {"fsync": ("on",), "synchronous_commit": ("on", "local", "remote_write", "remote_apply")}


def demand_durable(cursor: Any) -> None:
    """Refuse a connection on which nobody waits for the disk.

    Raises
    ------
    StoreError
        Names the setting, which may be the server's, the database's or the role's.
    """
    cursor.execute("SELECT " + ", ".join(f"current_setting('{each}')" for each in DURABLE))
    for (setting, wanted), said in zip(DURABLE.items(), cursor.fetchone(), strict=True):
        if said not in wanted:
            raise StoreError(f"the server says {setting} = {said}: a commit could be lost")
