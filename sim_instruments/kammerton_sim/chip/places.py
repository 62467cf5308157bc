"""Where in chip.toml a problem lies: tomllib tells no lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"\s*([\w.\"' -]+?)\s*=")
_NAMED = re.compile(r"[\w.-]+")
_STRANGE = re.compile(r"unknown key '([^']+)'")


def placed(problems: Iterable[str], text: str) -> Iterator[str]:
    """Yield the problems, each with the line of the key that it begins with, if there is one."""
    lines = _lines(text)
    for problem in problems:
        name = _NAMED.match(problem)
        strange = _STRANGE.search(problem)
        path = name[0].rstrip(".") if name else ""
        path = f"{path}.{strange[1]}" if strange else path
        while path and path not in lines:
            path = path.rpartition(".")[0]
        yield f"line {lines[path]}: {problem}" if path else problem


def _lines(text: str) -> dict[str, int]:
    """Return the line of every table and key, by dotted path; the first where there are more."""
    found, table = dict[str, int](), ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _bare(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{table}.{_bare(key[1])}".lstrip("."), number)
    return found


def _bare(path: str) -> str:
    return re.sub(r"[\"' ]", "", path)
