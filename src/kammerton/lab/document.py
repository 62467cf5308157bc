"""The text of a lab.toml as data with line numbers, and what is wrong with it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from kammerton.lab.lines import Path, lines_of
from kammerton.lab.syntax import syntax_error
from kammerton.model.errors import LabError
from kammerton.model.quantity import parse

LARGEST = 4 * 2**20
OTHERS = {
    b"SQLite format 3\0": "a database",
    b"\x89HDF": "a file of raw traces",
    b"\x89PNG": "a picture",
}
"""What stands beside a lab.toml, by how it begins."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Problem:
    """One mistake, or one piece of advice, at one place."""

    path: Path
    text: str


@dataclass(frozen=True, eq=False)
class Document:
    """A lab.toml as tomllib reads it. Every look-up is tolerant: what is not there is None.

    Quantities at `flawed` paths are not there either, so that one mistake is reported once.
    """

    file: FilePath
    data: Mapping[str, Any]
    lines: Mapping[Path, int]
    flawed: frozenset[Path] = frozenset()

    def value(self, *path: str | int) -> Any:
        """Return what stands at a path, or None."""
        value: Any = self.data
        for key in path:
            if not isinstance(value, dict) or key not in value:
                return None
            value = value[key]
        return value

    def text(self, *path: str | int) -> str | None:
        """Return the text at a path, or None when there is none."""
        value = self.value(*path)
        return value if isinstance(value, str) else None

    def names(self, *path: str | int) -> tuple[str, ...]:
        """Return the keys of the table at a path; none when it is no table."""
        value = self.value(*path)
        return tuple(value) if isinstance(value, dict) else ()

    def si(self, unit: str, *path: str | int) -> float | None:
        """Return the quantity at a path in SI units, or None when there is none."""
        text = None if path in self.flawed else self.text(*path)
        try:
            return None if text is None else parse(text, unit)
        except ValueError:
            return None

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest table above it; 1 for the whole file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def said(self, problems: Iterable[Problem]) -> list[str]:
        """Return the problems as a person reads them, in the order of the file."""
        placed = {(self.line(p.path), shown(p.path), p.text): None for p in problems}
        return [
            f"{self.file.name}:{line}: {path + ': ' if path else ''}{text}"
            for line, path, text in sorted(placed, key=lambda place: place[0])
        ]


def shown(path: Path) -> str:
    """Return a path as it would be written in TOML."""
    return ".".join(
        key if isinstance(key, str) and _BARE.fullmatch(key) else json.dumps(key) for key in path
    )


def open_document(file: FilePath, text: str | None = None) -> Document:
    """Read a lab.toml; `text` is what it held, where that is known.

    Raises
    ------
    LabError
        There is no such file, or it is no TOML in UTF-8.
    """
    text = _text(file) if text is None else text
    try:
        return Document(file, tomllib.loads(text), lines_of(text))
    except tomllib.TOMLDecodeError as error:
        raise LabError([syntax_error(file.name, text, str(error))]) from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise LabError([f"{file.name}: holds a number that is too long to read"]) from None
    except RecursionError:
        raise LabError([f"{file.name}: nested too deeply"]) from None


def _text(file: FilePath) -> str:
    content = _bytes(file)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LabError(
            [f"{file.name}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; "
             "save the file as UTF-8"]
        ) from None  # fmt: skip


def _bytes(file: FilePath) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise LabError([f"{file}: there is no such file"]) from None
    except IsADirectoryError:
        raise LabError([f"{file}: is a folder; name the lab.toml in it"]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LabError([f"{file}: cannot be read: {reason}"]) from None
    for sign, what in OTHERS.items():
        if content.startswith(sign):
            raise LabError([f"{file}: is {what}, no lab.toml{_beside(file)}"])
    if len(content) > LARGEST:
        raise LabError([f"{file}: is larger than {LARGEST // 2**20} MiB; is it a lab.toml?"])
    return content


def _beside(file: FilePath) -> str:
    """Return the end of a message that names the lab.toml in a folder, or in the one above."""
    near = (folder / "lab.toml" for folder in (file.parent, file.parent.parent))
    found = next((each for each in near if each.is_file()), None)
    return f"; did you mean {found}?" if found else "; name the lab.toml of this computer"
