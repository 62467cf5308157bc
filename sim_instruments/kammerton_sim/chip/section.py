"""Optional tables of chip.toml: a frozen dataclass is their declaration, reader and writer.

An effect's words live in a file of their own. Each field names its key and its rule:

    @dataclass(frozen=True)
    class Charge:
        parity_rate: float = number("parity_rate_per_s", POSITIVE)

A word that owns such tables lists them beside itself, by field: {"charge": Section(Charge)}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from kammerton_sim.chip.keys import Rule

Complaint = Callable[[str], None]
NumberReader = Callable[[object, str, Rule], float]


@dataclass(frozen=True)
class Section:
    """A table of kind `kind`; a list of them, or tables by name."""

    kind: type
    many: bool = False
    named: bool = False


def number(key: str, rule: Rule, default: Any = MISSING) -> Any:
    """Declare a number of a section: its key in chip.toml, what it may be."""
    return field(default=default, metadata={"key": key, "rule": rule})


def text(key: str, default: Any = MISSING, words: Collection[str] = ()) -> Any:
    """Declare a name of a section; one of `words` where some are given."""
    return field(default=default, metadata={"key": key, "rule": None, "words": words})


def keys_of(kind: type) -> tuple[list[str], list[str]]:
    """Keys that must be there, and keys that may."""
    needed = [f.metadata["key"] for f in fields(kind) if f.default is MISSING]
    return needed, [f.metadata["key"] for f in fields(kind) if f.default is not MISSING]


def read_section(
    kind: type, table: Mapping[str, Any], where: str, read: NumberReader, complain: Complaint
) -> Any:
    """Return a section from its table; what is missing keeps its default."""
    found: dict[str, Any] = {}
    for f in fields(kind):
        key = f.metadata["key"]
        if key in table:
            found[f.name] = _value(f, table[key], f"{where}.{key}", read, complain)
        elif f.default is MISSING:
            found[f.name] = "" if f.metadata["rule"] is None else float("nan")
    return kind(**found)


def _value(
    f: Field[Any], value: object, where: str, read: NumberReader, complain: Complaint
) -> str | float:
    if f.metadata["rule"] is not None:
        return read(value, where, f.metadata["rule"])
    if not isinstance(value, str):
        complain(f"{where}: must be a name")
        return ""
    words = f.metadata["words"]
    if words and value not in words:
        near = get_close_matches(value, words, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(words)}"
        complain(f"{where}: unknown {f.name} {value!r} ({hint})")
    return value


def section_lines(owner: object, sections: Mapping[str, Section]) -> Iterator[str]:
    """Yield the assignments of chip.toml for every section that `owner` has."""
    for name, section in sections.items():
        value = getattr(owner, name)
        if not value:
            continue
        if section.many:
            yield f"{name} = [{', '.join(map(_inline, value))}]"
        elif section.named:
            entries = ", ".join(f"{json.dumps(k)} = {_inline(v)}" for k, v in value.items())
            yield f"{name} = {{ {entries} }}"
        else:
            yield f"{name} = {_inline(value)}"


def _inline(value: Any) -> str:
    every = ((f, getattr(value, f.name)) for f in fields(value))
    entries = ((f, x) for f, x in every if x is not None)
    body = ", ".join(
        f"{f.metadata['key']} = {json.dumps(x) if isinstance(x, str) else repr(float(x))}"
        for f, x in entries
    )
    return f"{{ {body} }}"
