"""Whether the groups of lab.toml name what can be held, by names of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kammerton.lab.document import Document, Problem
from kammerton.lab.holdable import ALONE
from kammerton.lab.nearest import hint
from kammerton.model.parameter import ELEMENT

HELD = ("qubits", "resonators", "instruments")
NAMED = (*HELD, "feedlines")


def check_groups(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with [groups]: names that mean something else, or nothing."""
    known = {*ALONE, *(name for section in HELD for name in document.names(section))}
    for group in document.names("groups"):
        path = ("groups", group)
        if ELEMENT.fullmatch(group) is None:
            words = "is not a name: a-z, 0-9 and _, beginning with a letter"
            yield Problem(path, words)
        if taken := _taken(document, group):
            yield Problem(path, f"the name {group} is taken by {taken}")
        inside = document.value(*path)
        if isinstance(inside, list):
            yield from _members(group, inside, known)


def _taken(document: Document, group: str) -> str:
    if group in ALONE:
        return "what can be held without lab.toml"
    sections = [section for section in NAMED if group in document.names(section)]
    return f"{sections[0]}.{group}" if sections else ""


def _members(group: str, inside: Sequence[object], known: Iterable[str]) -> Iterator[Problem]:
    path = ("groups", group)
    if not inside:
        yield Problem(path, "names nothing that could be held")
    for number, name in enumerate(inside):
        if not isinstance(name, str):
            continue  # its shape is reported
        if name in inside[:number]:
            yield Problem(path, f"names {name} twice")
        elif name not in known:
            yield Problem(path, f'there is nothing called "{name}" to be held{hint(name, known)}')
