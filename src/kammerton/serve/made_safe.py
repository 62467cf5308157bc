"""Biases that were made safe since the last run: flux is another, and every qubit elsewhere.

A bench that goes on tells it at its next look; where it ended with that, the audit log does.
"""

from __future__ import annotations

from kammerton.bench.bias import RULE
from kammerton.lab import Lab
from kammerton.store import Store


def made_safe(lab: Lab, store: Store) -> frozenset[str]:
    """Return the biases that were taken to 0 V, or off, after the last run was stored.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    runs = store.runs(1)
    return frozenset(
        name
        for name, entry in lab.instruments.items()
        if entry.safe is not None and runs
        for change in store.log(1, name)
        if change.why.endswith(RULE.format(entry.safe, name)) and change.time > runs[0].committed
    )
