"""Copies of the database: made while it is in use, looked at before they count, a few kept.

A backup is `<database>.backup-<number>-<UTC time>-<why>` in the folder "backups" beside the
database. It has been read whole before it gets this name; a file with this name is a good one.
The number tells which is the newest: a clock may jump.
"""

from __future__ import annotations

import math
import shlex
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from kammerton.model import StoreError
from kammerton.model.span import duration
from kammerton.store import clock
from kammerton.store.disk import to_disk
from kammerton.store.owner import not_permitted
from kammerton.store.set_up import for_good
from kammerton.verify import verify


class NotSound(StoreError):
    """What was copied holds something that is wrong."""


PART = ".part"
"""The end of the name of what is still being copied, or was when its process was killed."""

ASIDE = ("-journal", "-wal", "-shm")
"""And what SQLite keeps beside a file while it is written or read."""

HOURLY = "hourly"
KEPT, DAYS = 12, 7
"""Hourly backups kept: the newest of all, and of those before the last of each of so many days.

Each is a whole copy, 1 GB after a year. Those made before a migration or a restore stay.
"""


def beside(database: Path) -> Path:
    """Return the folder of a database's backups."""
    return database.parent / "backups"


def backups(database: Path, folder: Path | None = None) -> list[Path]:
    """Return the backups of a database, oldest first."""
    place = beside(database) if folder is None else folder
    names = place.glob(f"{_escaped(database.name)}.backup-*")
    return sorted(path for path in names if not path.name.endswith((PART, *ASIDE)))


def keep(database: Path, folder: Path | None = None, why: str = HOURLY) -> Path:
    """Copy a database, verify the copy, and give it its name; return that.

    Raises
    ------
    StoreError
        The disk refuses, or the copy is not sound; then no backup has the name of one.
    """
    folder = beside(database) if folder is None else folder
    final = folder / _next_name(database, folder, why)
    part = final.with_name(f"{final.name}{PART}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        copy(database, part)
        if wrong := verify(part, data=False, guards=False).findings:
            raise NotSound(f"the backup of {database} is not sound: {'; '.join(wrong[:3])}")
        part.replace(final)
        to_disk(folder)
    except PermissionError as problem:
        why = not_permitted(Path(problem.filename or folder))
        raise StoreError(f"cannot back up {database} to {folder}: {why}") from problem
    except (sqlite3.Error, OSError) as problem:
        raise StoreError(f"cannot back up {database} to {folder}: {problem}") from problem
    finally:
        for left in ("", *ASIDE):
            part.with_name(f"{part.name}{left}").unlink(missing_ok=True)
    return final


def _next_name(database: Path, folder: Path, why: str) -> str:
    taken = [
        path.name.removeprefix(f"{database.name}.backup-") for path in backups(database, folder)
    ]
    last = max((int(name[:6]) for name in taken if name[:6].isdigit()), default=0)
    return f"{database.name}.backup-{last + 1:06d}-{clock.wall():%Y%m%dT%H%M%SZ}-{why}"


def thin(database: Path, kept: int = KEPT, days: int = DAYS) -> None:
    """Delete hourly backups of a database, but the newest, and of older ones the last of a day."""
    hourly = [path for path in backups(database) if path.name.endswith(f"-{HOURLY}")]
    older, of_days = hourly[: max(0, len(hourly) - kept)], dict[str, Path]()
    for path in reversed(older):
        if len(of_days) < days:
            of_days.setdefault(_day(path), path)
    for path in older:
        if path not in of_days.values():
            path.unlink(missing_ok=True)


def _day(saved: Path) -> str:
    """Return the day in the name of a backup, as the clock then had it."""
    return saved.name.rsplit(".backup-", 1)[1].split("-")[1][:8]


def age(database: Path) -> float:
    """Return the age of the newest backup, s; infinite where there is none, or a clock jumped."""
    saved = backups(database)
    if not saved:
        return math.inf
    seconds = clock.wall().timestamp() - saved[-1].stat().st_mtime
    return seconds if seconds >= 0 else math.inf


def database_of(saved: Path) -> Path:
    """Return the database that a backup was made of, by where it lies and what it is called.

    Where that is a link it is the file it leads to, whose lock a daemon holds; the folder of the
    backups may be one, too, as to a larger disk.

    Raises
    ------
    StoreError
        It does not lie where backups do, or is not called as one: nobody knows what it is of.
    """
    there = saved.absolute()
    name, said, _ = there.name.partition(".backup-")
    if not said or there.parent != beside(there.parent.parent / name):
        raise StoreError(
            f"{saved} lies in no folder of backups beside its database, or is called otherwise: "
            f"name the lab.toml or database to put it in ({_restore(saved)} lab.toml)"
        )
    return (there.parent.parent / name).resolve()


def advice(database: Path) -> str:
    """Return what a person may do whose database is damaged or gone."""
    saved = backups(database)
    if not saved:
        return f"There is no backup in {beside(database)}"
    old = age(database)
    said = f"{duration(timedelta(seconds=old))} old" if math.isfinite(old) else "of unknown age"
    return (
        f"The newest verified backup is {said} and holds {content(saved[-1])}: "
        f"`{_restore(saved[-1])}` puts it in place, in a new epoch, and keeps the old file"
    )


def way_out(database: Path) -> str:
    """Return the command by which a person puts a backup in place; "" where there is none.

    The same for as long as the newest is the newest: what says it is told once.
    """
    try:
        saved = backups(database)
    except OSError:
        return ""
    return f"`{_restore(saved[-1])}` puts the newest verified backup in its place" if saved else ""


def _restore(saved: Path) -> str:
    """Return the command as it can be pasted into a shell: folders may have blanks."""
    return f"kammerton restore {shlex.quote(str(saved))}"


def content(saved: Path) -> str:
    """Return what a backup holds, e.g. "revision 12, 34 runs"."""
    query = "SELECT (SELECT coalesce(max(number), 0) FROM revision), (SELECT count(*) FROM run)"
    try:
        with closing(sqlite3.connect(f"{saved.absolute().as_uri()}?mode=ro", uri=True)) as there:
            revision, runs = there.execute(query).fetchone()
    except sqlite3.Error as problem:
        return f"what cannot be read ({problem})"
    return f"revision {revision}, {runs} run{'' if runs == 1 else 's'}"


def copy(database: Path, target: Path) -> None:
    """Copy a database as one consistent file, while others may write it."""
    source = f"{database.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(source, uri=True)) as old,
        closing(for_good(sqlite3.connect(target))) as new,
    ):
        old.backup(new)  # in one step: writers go on in the write-ahead log
        # A backup is one file: nothing of it may be left in a write-ahead log.
        new.execute("PRAGMA journal_mode = DELETE")
    to_disk(target)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
