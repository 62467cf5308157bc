"""Names of a table's qubits and of their resonators, as a lab.toml can have them.

A name of the daemon is of small letters, digits and _, 32 at most, and begins with a letter; no
qubit, resonator and feedline have the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FEEDLINE = re.compile(r"feed[0-9]+")


def named(label: str) -> str:
    """Return what a qubit is called: 3 is q3, A1 is a1."""
    return f"q{label}" if label.isdigit() else label.lower()


def is_name(name: str) -> bool:
    """Return whether the daemon can call anything so."""
    return _NAME.fullmatch(name) is not None


def resonator_of(qubit: str) -> str:
    """Return what a qubit's resonator is called: that of q3 is r3."""
    return f"r{qubit.removeprefix('q')}"


def taken(qubits: Mapping[str, str]) -> Iterator[str]:
    """Name each qubit (name, where) whose name, or whose resonator's, something else has."""
    owner = dict[str, str]()
    for name, where in qubits.items():
        resonator = resonator_of(name)
        if resonator in owner:
            yield f"{where}: {name!r} and {owner[resonator]!r} would share resonator {resonator}"
        owner.setdefault(resonator, name)
    for name, where in qubits.items():
        if name in owner:
            yield f"{where}: {name!r} is the resonator of {owner[name]!r}"
        elif _FEEDLINE.fullmatch(name):
            yield f"{where}: {name!r} is a feedline"
