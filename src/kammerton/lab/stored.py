"""Where the results of a lab.toml lie that cannot be used otherwise, as while it is edited."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from kammerton.lab import values
from kammerton.lab._forms import StoreForm
from kammerton.lab.convert import database_of

_HEADER = re.compile(r"^\s*\[", re.MULTILINE)


def stored(path: Path) -> tuple[Path | str, str] | None:
    """Return the database and the computer's name; None where not even these can be read.

    Only [computer] and [store] count, each of which has to stand there once.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        name = values.computer(_table(text, "computer")["name"])
        said = values.database(_table(text, "store").get("database", StoreForm().database))
    except (OSError, ValueError, KeyError):  # a broken table is a ValueError
        return None
    return database_of(path.resolve(), said), name


def _table(text: str, name: str) -> dict[str, Any]:
    """Return one table of a document whose others may be broken; empty where there is none."""
    found = list(re.finditer(rf"^\s*\[\s*{name}\s*\]", text, re.MULTILINE))
    if len(found) > 1:
        raise ValueError(f"there are {len(found)} tables [{name}]")
    if not found and re.search(rf"""^\s*\[?\s*["']?{name}["']?\s*[].=]""", text, re.MULTILINE):
        raise ValueError(f"{name} is written otherwise, which needs the whole file")
    if not found:
        return {}
    end = _HEADER.search(text, found[0].end())
    block = text[found[0].start() : end.start() if end else len(text)]
    return dict(tomllib.loads(block)[name])
