"""Which entries `kammerton log` lists: of qubits, of a run, of a revision, or the last of all."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kammerton.client.timeline import Entry
    from kammerton.store import ReadStore


def numbers_in(store: ReadStore, names: list[str], place: Path | None) -> list[str]:
    """Return which of these are a run, r000041, or a revision, r41: elements come first."""
    from kammerton.client.locate import named
    from kammerton.store.rows import run_number

    known = {name.partition(".")[0] for name in store.parameters()} | store.targets()
    known |= named(place, "qubits") | named(place, "resonators")
    return [name for name in names if name not in known and run_number(name) is not None]


def entries_of(store: ReadStore, numbers: list[str]) -> list[Entry]:
    """Return what runs and revisions of these names are; leave with code 2 where one is not."""
    from kammerton.client.numbered import numbered, pointed

    found = {name: numbered(store, name) for name in numbers}
    if missing := [name for name, entries in found.items() if not entries]:
        _refuse([pointed(store, name) or name for name in missing])
    return list({_named(each): each for entries in found.values() for each in entries}.values())


def _named(entry: Entry) -> str | int:
    """Return what tells an entry from others, by whatever name it was asked for."""
    from kammerton.store import StoredRun

    return entry.id if isinstance(entry, StoredRun) else entry.number


def latest(store: ReadStore, names: list[str], place: Path | None, count: int) -> list[Entry]:
    """Return the last entries about these qubits, or those that these resonators read; or all.

    Leave with code 2 where one of them is none that was measured, or of which that was tried.
    """
    from kammerton.client.locate import resonators
    from kammerton.client.timeline import timeline

    read_by = {resonator: qubit for qubit, resonator in resonators(place).items()}
    targets = store.targets() if names else frozenset()
    meant = {name: read_by.get(name, name) for name in names}
    if unknown := [name for name, qubit in meant.items() if qubit not in targets]:
        _refuse([_unknown(name, targets, read_by) for name in unknown])
    return timeline(store, count, frozenset({*meant, *meant.values()}))


def _unknown(name: str, targets: Collection[str], read_by: Collection[str]) -> str:
    """Say that nothing was measured by that name; of a parameter of one, what tells its history."""
    from kammerton.lab.nearest import hint

    element, _, kind = name.partition(".")
    if kind and element in {*targets, *read_by}:
        return f'"{name}" is a parameter; its history: kammerton why {name}'
    return f'"{name}" is no qubit that was measured{hint(name, targets)}'


def _refuse(words: list[str]) -> None:
    from kammerton.cli.loading import BAD_INPUT, refuse

    refuse(words)
    raise typer.Exit(BAD_INPUT)
