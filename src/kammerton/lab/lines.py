"""Where each key of a TOML text stands, because tomllib does not say.

The text has already been accepted by tomllib, so this only has to find keys, never to judge them.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^=\]"'\n])+""")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]+")


def lines_of(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table, key and array item of a valid TOML text."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


@dataclass
class _Scan:
    text: str
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    _items: dict[Path, int] = field(default_factory=dict)
    _counted: tuple[int, int] = (0, 1)

    def document(self) -> None:
        table: Path = ()
        self._blank()
        while self.at < len(self.text):
            table = self._header() if self.text[self.at] == "[" else self._pair(table)
            self._blank()

    def _header(self) -> Path:
        """Read "[a.b]" or "[[a.b]]" and return the path of the table it opens."""
        many = self.text.startswith("[[", self.at)
        line = self._line()
        self.at += 2 if many else 1
        keys = self._keys()
        self.at += 2 if many else 1
        path = self._below((), keys[:-1], line)
        return self._below(path, keys[-1:], line, new_item=many)

    def _below(
        self, path: Path, keys: tuple[str, ...], line: int, *, new_item: bool = False
    ) -> Path:
        """Walk down from a path, entering the last item of each array of tables."""
        for key in keys:
            path = (*path, key)
            self._note(path, line)
            if new_item:
                self._items[path] = self._items.get(path, -1) + 1
            if path in self._items:
                path = (*path, self._items[path])
                self._note(path, line)
        return path

    def _pair(self, table: Path) -> Path:
        """Read "key = value"; returns the table it stands in."""
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path, line)
        self.at += 1
        self._value(path)
        return table

    def _keys(self) -> tuple[str, ...]:
        """Read a dotted key; tomllib itself undoes its quotes and escapes."""
        match = _KEY.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        value = tomllib.loads(f"{match[0]} = 0")
        keys = []
        while isinstance(value, dict):
            key, value = next(iter(value.items()))
            keys.append(key)
        return tuple(keys)

    def _value(self, path: Path) -> None:
        self._blank()
        start = self.text[self.at]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline_table(path)
        else:
            match = (_STRING if start in "\"'" else _PLAIN).match(self.text, self.at)
            assert match is not None
            self.at = match.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while not self._closes("]"):
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while not self._closes("}"):
            self._pair(path)

    def _closes(self, bracket: str) -> bool:
        """Pass blanks and a comma; say whether the closing bracket was there, and pass it."""
        self._blank()
        if self.text[self.at] == ",":
            self.at += 1
            self._blank()
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def _blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _line(self) -> int:
        """Return the line of the present place, counting on from where we last counted."""
        place, line = self._counted
        line += self.text.count("\n", place, self.at)
        self._counted = (self.at, line)
        return line

    def _note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)
