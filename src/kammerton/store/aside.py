"""A database makes room for another one: whole, under one name, at whatever moment it is cut off.

SQLite reads a file and its write-ahead log as one, and the log's newest commits may lie there only.
So a file goes first: a log without its file waits, a file without its log is an older database. And
the log has gone before another file comes, or SQLite would replay it there. A note says meanwhile
which name the rest belongs to; the next restore puts back what it finds half moved.
"""

from __future__ import annotations

import os
from pathlib import Path

from kammerton.store import clock
from kammerton.store.disk import to_disk

COMPANIONS = ("-wal", "-shm", "-journal")
"""The endings of what SQLite keeps beside a file in use."""

NOTE = ".unfinished"


def set_aside(target: Path) -> Path | None:
    """Move a database out of its name; return where it goes, None where there is nothing.

    Until `settle` it counts as under way: that puts it back where nothing has taken its place.
    """
    if not target.exists():
        return move(target)  # a log alone belongs to no file that comes back
    aside = _name(target)
    _note(aside).touch()
    return _moved(target, aside)


def move(target: Path) -> Path | None:
    """Move a file out of its name for good, with its logs; return as `set_aside` does."""
    there = any(_with(target, end).exists() for end in ("", *COMPANIONS))
    return _moved(target, _name(target)) if there else None


def _moved(target: Path, aside: Path) -> Path:
    for end in COMPANIONS:
        _link(_with(target, end), _with(aside, end))
    to_disk(target.parent)
    if target.exists():
        target.rename(aside)
        to_disk(target.parent)
    for end in COMPANIONS:
        _pass(_with(target, end), _with(aside, end))
    to_disk(target.parent)
    return aside


def _link(path: Path, other: Path) -> None:
    """Give a log its second name already; the file itself never has two: both could be written."""
    try:
        os.link(path, other)
    except OSError:  # it is not there, or the file system knows no links: it is renamed later
        return


def _pass(path: Path, other: Path) -> None:
    """Take a log's first name away, or rename it where it has only that one."""
    if not path.exists():
        return
    if other.exists():
        path.unlink()
    else:
        path.rename(other)


def settle(target: Path) -> None:
    """End what was begun with a database: put it back where nothing is in its place."""
    for aside in unfinished(target):
        if target.exists() and not aside.exists():  # it never left: its logs have a second name
            _forget(aside)
        elif aside.exists() and not target.exists():
            _put_back(target, aside)
        to_disk(target.parent)
        _note(aside).unlink()


def _put_back(target: Path, aside: Path) -> None:
    for end in COMPANIONS:
        _pass(_with(aside, end), _with(target, end))
    to_disk(target.parent)
    aside.rename(target)


def _forget(aside: Path) -> None:
    for end in COMPANIONS:
        _with(aside, end).unlink(missing_ok=True)


def unfinished(target: Path) -> list[Path]:
    """Return the names under which a database was being set aside when that was cut off."""
    begin = f"{target.name}.set-aside-"
    there = sorted(each.name for each in target.parent.glob(f"*{NOTE}"))
    return [target.with_name(name.removesuffix(NOTE)) for name in there if name.startswith(begin)]


def _name(target: Path) -> Path:
    return _with(target, f".set-aside-{clock.wall():%Y%m%dT%H%M%S%fZ}")


def _note(aside: Path) -> Path:
    return _with(aside, NOTE)


def _with(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)
