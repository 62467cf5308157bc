"""How the parts of lab.toml refer to each other: names, channels, roles, sizes that must agree.

Each check looks tolerantly at the data, so that it finds its mistakes beside those of others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from kammerton.lab.document import Document, Problem, shown
from kammerton.lab.lines import Path
from kammerton.lab.nearest import hint
from kammerton.lab.values import channel
from kammerton.lab.words import Channel
from kammerton.model.parameter import ELEMENT

NAMED = ("instruments", "feedlines", "qubits", "resonators")
ELEMENTS = ("feedlines", "qubits", "resonators")

BIAS = "bias source"
"""The role of what stays on when everything is made safe, and is limited at its own line."""


def check_wiring(document: Document, drivers: Collection[str]) -> Iterator[Problem]:
    """Yield what does not fit together."""
    yield from _names(document)
    yield from _drivers(document, drivers)
    yield from _addresses(document)
    yield from _instruments_exist(document)
    yield from _roles(document)
    yield from _channels_once(document)
    yield from _biases_once(document)
    yield from _rated_lines(document)
    yield from _sync(document)
    yield from _readout(document)
    yield from _digitizers(document)


def lines_in(document: Document) -> Iterator[Path]:
    """Yield the path of every pair of channels: drives, then feedlines."""
    for name in document.names("qubits"):
        yield ("qubits", name, "drive")
    for name in document.names("feedlines"):
        yield ("feedlines", name)


def channel_at(document: Document, path: Path) -> Channel | None:
    """Return the channel written at a path, or None when there is none."""
    try:
        return channel(document.value(*path))
    except ValueError:
        return None


def uses(document: Document) -> Iterator[tuple[str, str, Path]]:
    """Yield (instrument, role, path) for every place that names an instrument."""
    for path in _channel_paths(document):
        found = channel_at(document, path)
        if found is not None:
            yield found.instrument, "generator", path
    for path, role in _named_instruments(document):
        name = document.text(*path)
        if name is not None:
            yield name, role, path


def _channel_paths(document: Document) -> Iterator[Path]:
    for line in lines_in(document):
        yield (*line, "i")
        yield (*line, "q")
    for name in document.names("feedlines"):
        yield ("feedlines", name, "trigger")
    yield ("sync", "go")


def _named_instruments(document: Document) -> Iterator[tuple[Path, str]]:
    for line in lines_in(document):
        yield (*line, "source"), "source"
    for name in document.names("feedlines"):
        yield ("feedlines", name, "digitizer"), "digitizer"
    for name in document.names("qubits"):
        yield ("qubits", name, "bias"), BIAS
    yield ("interlock", "fridge"), "fridge"
    yield ("interlock", "second"), "fridge"
    yield ("sync", "master"), "generator"


def _names(document: Document) -> Iterator[Problem]:
    """Names are of one grammar, and an element's name is used once."""
    for section in NAMED:
        for name in document.names(section):
            if ELEMENT.fullmatch(name) is None:
                yield Problem(
                    (section, name), "is not a name: a-z, 0-9 and _, beginning with a letter"
                )
    for section in ("instruments", "qubits"):
        if isinstance(document.value(section), dict) and not document.names(section):
            yield Problem((section,), "has no entry")
    paths = ((section, name) for section in ELEMENTS for name in document.names(section))
    yield from _twice(paths, lambda path: path[1], "the name {key} is taken by {first}")


def _drivers(document: Document, drivers: Collection[str]) -> Iterator[Problem]:
    for name in document.names("instruments"):
        driver = document.text("instruments", name, "driver")
        if driver and driver not in drivers:
            path = ("instruments", name, "driver")
            yield Problem(path, f'unknown driver "{driver}"{hint(driver, drivers)}')


def _addresses(document: Document) -> Iterator[Problem]:
    paths = (("instruments", name, "address") for name in document.names("instruments"))
    yield from _twice(
        paths, lambda path: document.text(*path) or None, "{key} is already the address at {first}"
    )


def _instruments_exist(document: Document) -> Iterator[Problem]:
    known = document.names("instruments")
    for name, _, path in uses(document):
        if name not in known:
            yield Problem(path, f'there is no instrument "{name}"{hint(name, known)}')


def _roles(document: Document) -> Iterator[Problem]:
    """One instrument plays one role."""
    first: dict[str, tuple[str, Path]] = {}
    for name, role, path in uses(document):
        other, where = first.setdefault(name, (role, path))
        if other != role and name in document.names("instruments"):
            yield Problem(path, f"{name} cannot be a {role}: it is the {other} of {shown(where)}")


def _channels_once(document: Document) -> Iterator[Problem]:
    paths = ((*line, part) for line in lines_in(document) for part in ("i", "q"))
    yield from _twice(
        paths, lambda path: channel_at(document, path), "channel {key} already feeds {first}"
    )


def _biases_once(document: Document) -> Iterator[Problem]:
    """A bias that moves several qubits belongs to none of them: who holds one would hold all."""
    paths = (("qubits", name, "bias") for name in document.names("qubits"))
    yield from _twice(paths, lambda path: document.text(*path) or None, "{key} already is {first}")


def _rated_lines(document: Document) -> Iterator[Problem]:
    """A limit at the device is checked playlist by playlist: both channels must be in one."""
    known = document.names("instruments")
    for line in lines_in(document):
        i, q = channel_at(document, (*line, "i")), channel_at(document, (*line, "q"))
        if "max_at_device" not in document.names(*line) or i is None or q is None:
            continue
        if i.instrument != q.instrument and {i.instrument, q.instrument} <= set(known):
            yield Problem(
                (*line, "q"),
                f"{q} and {i} lie on two generators: max_at_device cannot be kept to, "
                "it needs I and Q on one",
            )


def _twice(paths: Any, key_of: Any, message: str) -> Iterator[Problem]:
    """Yield a problem for each path whose key was seen at a path before it."""
    seen: dict[Any, Path] = {}
    for path in paths:
        key = key_of(path)
        if key is None:
            continue
        if key in seen:
            yield Problem(path, message.format(key=key, first=shown(seen[key])))
        seen.setdefault(key, path)


def _sync(document: Document) -> Iterator[Problem]:
    """The go marker belongs to the master, and is not the trigger of a digitizer too."""
    go, master = channel_at(document, ("sync", "go")), document.text("sync", "master")
    if go is None:
        return
    if master and go.instrument != master:
        yield Problem(("sync", "go"), f'{go} is not a channel of the master "{master}"')
    for name in document.names("feedlines"):
        if channel_at(document, ("feedlines", name, "trigger")) == go:
            path = ("feedlines", name, "trigger")
            yield Problem(path, f"marker 1 of {go} already starts the generators (sync.go)")


def _readout(document: Document) -> Iterator[Problem]:
    """Each qubit has a resonator of its own, on a feedline that exists."""
    owner: dict[str, str] = {}
    resonators, feedlines = document.names("resonators"), document.names("feedlines")
    for qubit in document.names("qubits"):
        name, path = document.text("qubits", qubit, "resonator"), ("qubits", qubit, "resonator")
        if name and name not in resonators:
            yield Problem(path, f'there is no resonator "{name}"{hint(name, resonators)}')
        elif name and owner.setdefault(name, qubit) != qubit:
            yield Problem(path, f"{name} already reads out {owner[name]}")
    for resonator in resonators:
        name, place = document.text("resonators", resonator, "feedline"), ("resonators", resonator)
        if name and name not in feedlines:
            where = (*place, "feedline")
            yield Problem(where, f'there is no feedline "{name}"{hint(name, feedlines)}')


def _digitizers(document: Document) -> Iterator[Problem]:
    """A two-channel digitizer records I and Q of one feedline."""
    users: dict[str, list[str]] = defaultdict(list)
    for feedline in document.names("feedlines"):
        name = document.text("feedlines", feedline, "digitizer")
        if name:
            users[name].append(feedline)
    for name, feedlines in users.items():
        for feedline in feedlines[1:]:
            path = ("feedlines", feedline, "digitizer")
            yield Problem(path, f"{name} already records {feedlines[0]}")
