"""What is asked of the daemon to hold or to release several things in one go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kammerton.lab.holdable import holdable
from kammerton.lab.nearest import hint
from kammerton.store.older import leases_now
from kammerton.store.request import of

if TYPE_CHECKING:
    from kammerton.lab import Lab
    from kammerton.lab.words import QubitEntry


def asked_for(
    names: Sequence[str], why: str, lasting: timedelta | None = None, *, now: bool = False
) -> dict[str, object]:
    """Return the arguments of a hold. lasting: from now on; None: until it is released."""
    until = None if lasting is None else (datetime.now(UTC) + lasting).isoformat()
    end = {} if until is None else {"until": until}
    return {**of(names), "why": why, "now": now, **end}


def seen(database: Path | str, names: Sequence[str]) -> dict[str, object]:
    """Return the arguments of a release: of the leases that hold now, and no later ones.

    Raises
    ------
    StoreError
        That cannot be read.
    """
    held = leases_now(database)
    numbers = [held.get(each) for each in names]
    return {**of(names), **({"leases": numbers} if len(names) > 1 else {"lease": numbers[0]})}


def strange(lab: Lab, names: Sequence[str]) -> list[str]:
    """Return what is to be said of each name that lab.toml does not know."""
    known = holdable(lab)
    hints = {*known, *lab.groups}
    unknown = [each for each in names if each not in known]
    return [f'there is nothing called "{each}"{hint(each, hints)}' for each in unknown]


def outputs_go_off(lab: Lab | None, names: Sequence[str]) -> bool:
    """Say whether outputs go off for a hold: of the computer, or of an instrument."""
    return "computer" in names or not (lab is None or lab.instruments.keys().isdisjoint(names))


def go_on(lab: Lab, names: Sequence[str]) -> str:
    """Say which generators and sources of held qubits go on for others; "" where none does."""
    held = [qubit for name, qubit in lab.qubits.items() if name in names]
    others = [qubit for name, qubit in lab.qubits.items() if name not in names]
    shared = dict[str, list[str]]()
    for instrument in sorted(set().union(*map(_drivers, held)) - set(names)):
        if who := [each.name for each in others if instrument in _drivers(each)]:
            shared.setdefault(", ".join(who), []).append(instrument)
    words = [
        f"{' and '.join(each)} {'goes' if len(each) == 1 else 'go'} on for {who}"
        for who, each in shared.items()
    ]
    return f"{'; '.join(words)}: hold what you touch by hand, too" if words else ""


def _drivers(qubit: QubitEntry) -> set[str]:
    return {qubit.drive.i.instrument, qubit.drive.q.instrument, qubit.drive.source}
