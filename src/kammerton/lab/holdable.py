"""What a person can take out of the daemon's hands."""

from __future__ import annotations

from kammerton.lab.words import Lab


def holdable(lab: Lab) -> frozenset[str]:
    """Return every scope of a hold: elements, instruments, "computer", and "maintenance"."""
    return frozenset({"computer", "maintenance", *lab.qubits, *lab.resonators, *lab.instruments})
