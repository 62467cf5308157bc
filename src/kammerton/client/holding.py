"""What is asked of the daemon to hold or to release several things in one go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kammerton.lab.holdable import holdable, keepers
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


def go_on(lab: Lab, names: Sequence[str], held: Collection[str] = ()) -> str:
    """Say which generators and sources of elements that are taken go on; "" where none does.

    held: what was held before, by anybody. With an instrument or the computer all outputs go off.
    """
    taken = {*names, *held}
    if outputs_go_off(lab, [*taken]):
        return ""
    mine = [each for each in lab.qubits.values() if {each.name, each.resonator} & {*names}]
    others = [each for each in lab.qubits.values() if not {each.name, each.resonator} & taken]
    shared = dict[str, list[str]]()
    for instrument in sorted({name for each in mine for name in _drivers(lab, each)}):
        if who := [each.name for each in others if instrument in _drivers(lab, each)]:
            shared.setdefault(", ".join(who), []).append(instrument)
    words = [f"{_do(each, 'go', 'goes')} on for {who}" for who, each in shared.items()]
    going = {name for each in shared.values() for name in each}
    if on := sorted({source for each in mine for source in _carriers(lab, each)} - going):
        words.append(f"{_do(on, 'keep their carriers', 'keeps its carrier')} on between runs")
    return f"{'; '.join(words)}: hold what you touch by hand, too" if words else ""


def _do(names: Sequence[str], several: str, one: str) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last} {several}" if first else f"{last} {one}"


def _drivers(lab: Lab, qubit: QubitEntry) -> set[str]:
    """Return what drives a qubit, and what makes the tone that reads it."""
    lines = qubit.drive, lab.feedlines[lab.resonators[qubit.resonator].feedline].line
    return {name for each in lines for name in (each.i.instrument, each.q.instrument, each.source)}


def _carriers(lab: Lab, qubit: QubitEntry) -> set[str]:
    """Return the sources of a qubit's lines that a hold of the qubit does not keep."""
    lines = qubit.drive, lab.feedlines[lab.resonators[qubit.resonator].feedline].line
    return {each.source for each in lines if not keepers(lab, each.source)}
