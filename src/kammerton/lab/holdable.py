"""What a person can take out of the daemon's hands, and names for several of it together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kammerton.lab.words import Lab

ALONE = ("computer", "maintenance")
"""Scopes of a hold that no section of lab.toml names."""


def holdable(lab: Lab) -> frozenset[str]:
    """Return every scope of a hold: elements, instruments, "computer", and "maintenance"."""
    return frozenset({*ALONE, *lab.qubits, *lab.resonators, *lab.instruments})


def keepers(lab: Lab, instrument: str) -> list[str]:
    """Return the qubits a hold of which keeps an instrument, too: it belongs to that one alone.

    So does a bias source, and a microwave source that no other line has.
    """
    lines = [*(q.drive for q in lab.qubits.values()), *(f.line for f in lab.feedlines.values())]
    alone = sum(line.source == instrument for line in lines) == 1
    mine = ((q.name, {q.bias, q.drive.source if alone else None}) for q in lab.qubits.values())
    return [name for name, its in mine if instrument in its]


def members(groups: Mapping[str, Sequence[str]], names: Iterable[str]) -> list[str]:
    """Return names, each once, with its members in place of a group of lab.toml.

    It is the members that are held: whoever asks for one of them finds that it is.
    """
    return list(dict.fromkeys(each for name in names for each in groups.get(name, (name,))))
