"""Biases that moved while no bench looked: flux is another, and every qubit elsewhere.

A bench that goes on tells it at its next look. What the last one did at its end, to make a bias
safe, and where a bias was seen last, the audit log tells.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from kammerton.bench.bias import RESOLUTION, RULE, SHARE
from kammerton.lab import Lab
from kammerton.store import Store
from kammerton.store.leases import DAEMON

LEVEL = re.compile(r"(?:on, )?(?P<volts>[-+.0-9e]+) V|off")
"""How the audit log says where a bias is; of what was refused it says no such thing."""

LATELY = 50
"""Lines of a bias in the audit log among which is the last that says where it is."""


Levels = Mapping[str, tuple[float, bool]]
"""Bias -> V, and whether that comes out, as read now."""


def moved(lab: Lab, store: Store, levels: Levels) -> frozenset[str]:
    """Return the biases that are not where they were when the last run was measured.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    return made_safe(lab, store) | {name for name, seen in _elsewhere(store, levels) if seen}


def note(store: Store, levels: Levels) -> None:
    """Note where biases are that were elsewhere, once what that means is stored."""
    for name, before in _elsewhere(store, levels):
        volts, on = levels[name]
        now = f"{volts:g} V" if on else "off"
        store.audit(DAEMON, _where(name), before or "", now, "as it was found")


def _elsewhere(store: Store, levels: Levels) -> list[tuple[str, str | None]]:
    """Return what is not where it was seen last, and where that was; None: never."""
    seen = {name: last_seen(store, name) for name in levels}
    return [(n, where) for n, where in seen.items() if where is None or not _same(where, levels[n])]


def made_safe(lab: Lab, store: Store) -> frozenset[str]:
    """Return the biases that were taken to 0 V, or off, after the last run was stored."""
    runs = store.runs(1)
    return frozenset(
        name
        for name, entry in lab.instruments.items()
        if entry.safe is not None and runs
        for change in store.log(1, name)
        if change.why.endswith(RULE.format(entry.safe, name)) and change.time > runs[0].committed
    )


def last_seen(store: Store, name: str) -> str | None:
    """Return where a bias was by the last line of the audit log that says so."""
    lines = [*store.log(LATELY, name), *store.log(1, _where(name))]
    said = [line for line in lines if LEVEL.fullmatch(line.new)]
    return max(said, key=lambda line: line.number).new if said else None


def _where(name: str) -> str:
    return f"level of {name}"


def _same(before: str, level: tuple[float, bool]) -> bool:
    read = LEVEL.fullmatch(before)
    if read is None or read["volts"] is None or not level[1]:
        return not level[1] and before == "off"
    return math.isclose(float(read["volts"]), level[0], rel_tol=SHARE, abs_tol=RESOLUTION)
