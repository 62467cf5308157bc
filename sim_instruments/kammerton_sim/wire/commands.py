"""Headers in SCPI's own notation, `[SOURce#]:VOLTage[:LEVel]`, and the table that finds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import parts

_NODE = re.compile(r"(?P<open>\[?):?(?P<name>[*A-Za-z]+)(?P<number>#?):?\]?")
_CACHE = 65536
_LONGEST = 255
"""Characters of a header; a megabyte of colons is none, and need not be taken apart."""


@dataclass(frozen=True)
class Call:
    """A command as it reaches its handler: suffixes of the numbered nodes, parameters, block."""

    suffixes: tuple[int, ...]
    text: str = ""
    block: memoryview | None = None

    def parts(self, least: int, most: int) -> list[str]:
        """Return the parameters, at least and at most so many (the block does not count)."""
        found = parts(self.text, most + 2)  # a megabyte of commas is one error
        if self.block is not None and found and found[-1] == "":
            found.pop()
        if len(found) < least:
            raise ScpiError(-109)
        if len(found) > most:
            raise ScpiError(-108)
        return found


Answer = str | bytes
Handler = Callable[[Call], Answer | None]


@dataclass(frozen=True)
class Command:
    """What a header does when written and when asked; None where it cannot.

    harmless: written to the wrong box, it does no more than what the ledger has of it anyway.
    """

    write: Handler | None = None
    ask: Handler | None = None
    harmless: bool = False


@dataclass(frozen=True)
class _Entry:
    command: Command
    numbered: tuple[int | None, ...]
    """Node index of each suffix; None where the node was left out and the suffix is 1."""


_Numbered = tuple[int | None, ...]


@cache
def _spellings(pattern: str) -> tuple[dict[str, str], list[tuple[str, _Numbered]]]:
    """Short form of every name in a header, and all ways to write it, with their numbers."""
    nodes = [m.groupdict() for m in _NODE.finditer(pattern)]
    shorts: dict[str, str] = {}
    for node in nodes:
        short = "".join(c for c in node["name"] if not c.islower())
        shorts[short] = shorts[node["name"].upper()] = short
    kept = product(*((False, True) if n["open"] else (True,) for n in nodes))
    return shorts, [_spelling(nodes, each, shorts) for each in kept]


def _spelling(
    nodes: Sequence[Mapping[str, str]], kept: Sequence[bool], shorts: Mapping[str, str]
) -> tuple[str, _Numbered]:
    names: list[str] = []
    numbered: list[int | None] = []
    for node, keep in zip(nodes, kept, strict=True):
        if node["number"]:
            numbered.append(len(names) if keep else None)
        if keep:
            names.append(shorts[node["name"].upper()] + node["number"])
    return ":".join(names), tuple(numbered)


class CommandTable:
    """Finds a command by any allowed spelling of its header."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._short: dict[str, str] = {}
        self._entries: dict[str, _Entry] = {}
        self._found: dict[str, tuple[Command, tuple[int, ...]]] = {}
        for pattern, command in commands.items():
            shorts, spellings = _spellings(pattern)
            self._short.update(shorts)
            for key, numbered in spellings:
                self._entries[key] = _Entry(command, numbered)
        self._alike: dict[str, list[str]] = {}
        for key in sorted(self._entries, key=_numbers):
            self._alike.setdefault(key.replace("#", ""), []).append(key)

    def find(self, header: str) -> tuple[Command, tuple[int, ...]]:
        """Return the command and its suffixes; raises ScpiError -113 when there is none."""
        known = self._found.get(header)
        if len(header) > _LONGEST:
            raise ScpiError(-113, header[:80])
        if known is None:
            known = self._parse(header)
            if len(self._found) < _CACHE:
                self._found[header] = known
        return known

    def _parse(self, header: str) -> tuple[Command, tuple[int, ...]]:
        names, digits = [], []
        for node in header.upper().removeprefix(":").split(":"):
            name = node.rstrip("0123456789")
            names.append(self._short.get(name, ""))
            digits.append(node[len(name) :])
        entry = self._entry(names, digits, header)
        chosen = (digits[at] if at is not None else "" for at in entry.numbered)
        return entry.command, tuple(int(text[:9]) if text else 1 for text in chosen)

    def _entry(self, names: list[str], digits: list[str], header: str) -> _Entry:
        """A numbered node may be written without its number, which then is 1."""
        spelt = [n + "#" if d else n for n, d in zip(names, digits, strict=True)]
        for key in self._alike.get(":".join(names), ()):
            if all(k in (s, f"{s}#") for k, s in zip(key.split(":"), spelt, strict=True)):
                return self._entries[key]
        raise ScpiError(-113, header[:80])


def _numbers(key: str) -> list[bool]:
    """Which nodes have a number: what has none there stands first."""
    return [node.endswith("#") for node in key.split(":")]
