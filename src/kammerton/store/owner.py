"""Whose a file is that this user may not write."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def not_permitted(path: Path) -> str:
    """Say that this user may not write a file or make it, and whose it, or its folder, is."""
    there = next(each for each in (path, *path.parents) if _is_seen(each))
    what = f"{path}" if there == path else f"in {there}"
    words = f"this user may not write {what}"
    with suppress(OSError, KeyError, NotImplementedError):  # a number without a name; Windows
        owner = there.owner()
        return f"{words}, which belongs to {owner}"
    return words


def _is_seen(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # not even the folder may be looked into
        return False
