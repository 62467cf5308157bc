"""What happened, in the order in which it was committed: runs, reverts, and what led to neither."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import datetime

from kammerton.model import Verdict
from kammerton.store import Attempt, ReadStore, Revision, StoredRun
from kammerton.store.rows import run_number

Entry = StoredRun | Revision | Attempt


def timeline(store: ReadStore, count: int, elements: frozenset[str] = frozenset()) -> list[Entry]:
    """Return the last `count` events, oldest first.

    No clock decides the order: numbers do. Only of reverts and attempts between the same two runs
    no number tells which came first, and the wall clock does.

    elements: of these qubits only; of all where none is named.
    """
    several = count
    while True:
        found = _events(store, several)
        mine = [each for each in found if not elements or elements & _elements(each)]
        if len(mine) >= count or len(found) < several:
            return mine[-count:]
        several *= 4


def _elements(entry: Entry) -> set[str]:
    """Return what an event is about."""
    if isinstance(entry, Revision):
        return {name.partition(".")[0] for name in entry.names}
    return set(entry.targets)


def _events(store: ReadStore, count: int) -> list[Entry]:
    runs = {run_number(run.id) or 0: run for run in store.runs(count)}
    attempts = _attempts(store, count)
    tried = {each.number: run_number(each.outcome or "") or 0 for each in attempts}
    after = dict[int, tuple[list[Entry], list[Entry]]]()
    for revision in reversed(store.revisions(count)):
        if revision.reverts is not None:
            after.setdefault(run_number(revision.after or "") or 0, ([], []))[0].append(revision)
    for attempt in reversed(attempts):
        if not tried[attempt.number]:
            after.setdefault(_last(tried, attempt.number), ([], []))[1].append(attempt)
    found = list[Entry]()
    for number in sorted({*runs, *after}):
        found += [runs[number]] if number in runs else []
        found += heapq.merge(*after.get(number, ()), key=_when)
    return found[-count:]


def _attempts(store: ReadStore, count: int) -> list[Attempt]:
    """Return the last `count` attempts, and more: back to one that led to a run, before all."""
    several = count
    while True:
        found = store.attempts(several)
        if len(found) < several or any(run_number(e.outcome or "") for e in found[count - 1 :]):
            return found
        several *= 4


def _when(entry: Entry) -> datetime:
    """Return the time that is told of a revert or an attempt: its end, while it lasts its begin."""
    if isinstance(entry, Attempt):
        return entry.ended or entry.started
    return entry.committed


def counted_later(store: ReadStore, entries: list[Entry]) -> dict[str, dict[str, int]]:
    """Return by run the names that a later run made count, each with its first such revision.

    What is measured before a qubit has answered to a pulse counts once it has.
    """
    found: dict[str, dict[str, int]] = {}
    for each in store.counted_later([e.id for e in entries if isinstance(e, StoredRun)]):
        found.setdefault(each.estimate.run, {}).setdefault(each.name, each.revision)
    return found


def withheld(
    store: ReadStore, entries: list[Entry], later: Mapping[str, Mapping[str, int]]
) -> dict[str, frozenset[str]]:
    """Return by run the targets whose fit was accepted and changed nothing, so far.

    It counts when it is found again. later: what counted afterwards. Where a run changed what
    belongs to none of its targets by name, as a resonator's frequency, that may have been
    anyone's: none is called withheld.
    """
    runs = [each for each in entries if isinstance(each, StoredRun)]
    made = [run.revision for run in runs if run.revision is not None] or [0]
    changed = {each.number: each.names for each in store.made(min(made), max(made))}
    return {
        run.id: _without(run, (*changed.get(run.revision or 0, ()), *later.get(run.id, ())))
        for run in runs
        if run.revision is None or run.revision in changed
    }


def _without(run: StoredRun, changed: tuple[str, ...]) -> frozenset[str]:
    believed = {t for t, fit in run.fits.items() if fit.verdict is Verdict.ACCEPTED}
    elements = {name.partition(".")[0] for name in changed}
    return frozenset(believed - elements if elements <= set(run.targets) else ())


def _last(runs: Mapping[int, int], attempt: int) -> int:
    """Return the last run whose attempt began before this one."""
    return max((run for each, run in runs.items() if each < attempt), default=0)
