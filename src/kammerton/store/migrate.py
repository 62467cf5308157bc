"""From an older schema to this one, in one transaction, after a verified backup.

The statements of a step are text, frozen with its schema: what the tables become later must not
change what an old database becomes first.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from kammerton.model import StoreError
from kammerton.store import backup, schema
from kammerton.store.chain import link
from kammerton.store.seals import seal_rest
from kammerton.store.set_up import for_good

log = logging.getLogger(__name__)


def migrate(path: Path, busy: float) -> Path | None:
    """Bring an older database to this program's schema; return the backup made before.

    None when there was nothing to do. Whatever fails leaves the database as it was.

    Raises
    ------
    StoreError
        The backup is not sound, or what came out breaks a reference between tables.
    """
    version = version_of(path, busy)
    if version is None or version >= schema.VERSION:
        return None
    try:
        saved = backup.keep(path, why=f"schema{version}")
    except backup.NotSound as problem:  # what is damaged must not be sealed as if it were right
        words = f"{path} stays at schema {version}: {problem}. {backup.advice(path)}"
        raise StoreError(words) from problem
    log.info("schema %d becomes %d; the old one is kept in %s", version, schema.VERSION, saved)
    upgrade(path, version, busy)
    return saved


def upgrade(path: Path, version: int, busy: float = 5.0) -> None:
    """Bring a database from a schema to this program's, in one transaction.

    Raises
    ------
    StoreError
        What came out breaks a reference between tables.
    """
    # Foreign keys are off here: a table that is rebuilt is gone for a moment.
    with closing(for_good(sqlite3.connect(path, timeout=busy, isolation_level=None))) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        for step in STEPS[version - 1 :]:
            step(connection)
        if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
            raise StoreError(f"{path} was left at schema {version}: broken references {broken[:3]}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        connection.execute("COMMIT")


def version_of(path: Path, busy: float = 5.0) -> int | None:
    """Return the schema of a database of ours, None for what is empty, absent or foreign."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    with closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy)
    ) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version if application == schema.APPLICATION else None


def _to_2(connection: sqlite3.Connection) -> None:
    """Revisions without a run, a chained audit log, leases and attempts."""
    for statement in TO_2_TABLES:
        connection.execute(statement)
    _chain(connection)
    for statement in (*TO_2_RENAMED, *TO_2_TRIGGERS):
        connection.execute(statement)


def _chain(connection: sqlite3.Connection) -> None:
    (previous,) = connection.execute("SELECT epoch FROM identity").fetchone()
    rows = connection.execute("SELECT number, time, who, what, old, new, why FROM audit ORDER BY 1")
    for number, time, *texts in rows.fetchall():
        made = link(number, time, texts, previous)
        row = (number, time, *texts, previous, made)
        connection.execute("INSERT INTO audit_2 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        previous = made


def _to_3(connection: sqlite3.Connection) -> None:
    """What is doubted of a present value."""
    for statement in TO_3:
        connection.execute(statement)


def _to_4(connection: sqlite3.Connection) -> None:
    """What was stored carries a hash; what an advice speaks of is kept whole."""
    for statement in TO_4:
        connection.execute(statement)
    seal_rest_of_a_file(connection)


def _to_5(connection: sqlite3.Connection) -> None:
    """A hold that ends by itself ends by a clock that nobody sets."""
    for statement in TO_5:
        connection.execute(statement)


def seal_rest_of_a_file(connection: sqlite3.Connection) -> None:
    """Seal what has no seal in an SQLite file."""
    put = "INSERT INTO seal VALUES (?, ?, ?, ?, ?, ?)"
    seal_rest(
        lambda query: connection.execute(query).fetchall(), lambda row: connection.execute(put, row)
    )


TO_2_TABLES = (
    """CREATE TABLE revision_2 (
        number INTEGER NOT NULL, run INTEGER, reverts INTEGER, committed INTEGER NOT NULL,
        who TEXT, why TEXT,
        PRIMARY KEY (number), CHECK ((run IS NULL) <> (reverts IS NULL)), UNIQUE (run),
        FOREIGN KEY(run) REFERENCES run (number),
        FOREIGN KEY(reverts) REFERENCES revision (number))""",
    """INSERT INTO revision_2 SELECT revision.number, revision.run, NULL, run.committed, NULL, NULL
        FROM revision JOIN run ON run.number = revision.run""",
    """CREATE TABLE outbox_2 (
        number INTEGER NOT NULL, run INTEGER, revision INTEGER, sent INTEGER,
        PRIMARY KEY (number), CHECK (run IS NOT NULL OR revision IS NOT NULL),
        FOREIGN KEY(run) REFERENCES run (number),
        FOREIGN KEY(revision) REFERENCES revision (number))""",
    "INSERT INTO outbox_2 SELECT number, run, revision, sent FROM outbox",
    """CREATE TABLE audit_2 (
        number INTEGER NOT NULL, time INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
        old TEXT NOT NULL, new TEXT NOT NULL, why TEXT NOT NULL, previous TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (number))""",
    """CREATE TABLE lease (
        number INTEGER NOT NULL, scope TEXT NOT NULL, owner TEXT NOT NULL, why TEXT NOT NULL,
        since INTEGER NOT NULL, until INTEGER, released INTEGER, released_by TEXT,
        PRIMARY KEY (number))""",
    "CREATE UNIQUE INDEX lease_held ON lease (scope) WHERE released IS NULL",
    """CREATE TABLE attempt (
        number INTEGER NOT NULL, calibration TEXT NOT NULL, targets TEXT NOT NULL, again INTEGER,
        started INTEGER NOT NULL, ended INTEGER, outcome TEXT,
        PRIMARY KEY (number), FOREIGN KEY(again) REFERENCES attempt (number))""",
    "CREATE INDEX attempt_open ON attempt (number) WHERE outcome IS NULL",
)

TO_2_RENAMED = (
    *(f"DROP TABLE {table}" for table in ("revision", "outbox", "audit")),
    *(f"ALTER TABLE {table}_2 RENAME TO {table}" for table in ("revision", "outbox", "audit")),
    "CREATE INDEX outbox_waiting ON outbox (number) WHERE sent IS NULL",
)

TO_2_TRIGGERS = (
    *(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in ("revision", "audit")
        for verb in ("UPDATE", "DELETE")
    ),
    *(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in ("lease", "attempt")
    ),
    *(
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN OLD.{column} IS NOT NULL "
        f"BEGIN SELECT RAISE(ABORT, 'a closed {table} is history'); END"
        for table, column in (("lease", "released"), ("attempt", "outcome"))
    ),
)

TO_3 = (
    """CREATE TABLE doubt (
        number INTEGER NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
        sigma FLOAT NOT NULL, time INTEGER NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY (number), CHECK (sigma > 0),
        FOREIGN KEY(revision) REFERENCES revision (number))""",
    "CREATE INDEX doubt_by_name ON doubt (name, revision)",
    *(
        f"CREATE TRIGGER doubt_no_{verb.lower()} BEFORE {verb} ON doubt "
        "BEGIN SELECT RAISE(ABORT, 'doubt is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)

TO_4 = (
    "ALTER TABLE fit ADD COLUMN extend_window_to FLOAT",
    "ALTER TABLE fit ADD COLUMN axis INTEGER",
    """CREATE TABLE seal (
        number INTEGER NOT NULL, run INTEGER, revision INTEGER, doubt INTEGER,
        previous TEXT NOT NULL, hash TEXT NOT NULL,
        PRIMARY KEY (number), UNIQUE (run), UNIQUE (revision), UNIQUE (doubt),
        CHECK (run IS NOT NULL OR revision IS NOT NULL OR doubt IS NOT NULL),
        FOREIGN KEY(run) REFERENCES run (number),
        FOREIGN KEY(revision) REFERENCES revision (number),
        FOREIGN KEY(doubt) REFERENCES doubt (number))""",
    *(
        f"CREATE TRIGGER seal_no_{verb.lower()} BEFORE {verb} ON seal "
        "BEGIN SELECT RAISE(ABORT, 'seal is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)

TO_5 = ("ALTER TABLE lease ADD COLUMN boot TEXT", "ALTER TABLE lease ADD COLUMN ends INTEGER")

STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_to_2, _to_3, _to_4, _to_5)
"""What leads from schema 1 to 2, from 2 to 3, and so on."""
