"""What happened, in the order in which it was committed: runs, reverts, and what led to neither."""

from __future__ import annotations

from collections.abc import Mapping

from kammerton.model import Verdict
from kammerton.store import Attempt, ReadStore, Revision, StoredRun
from kammerton.store.rows import run_number

Entry = StoredRun | Revision | Attempt


def timeline(store: ReadStore, count: int, elements: frozenset[str] = frozenset()) -> list[Entry]:
    """Return the last `count` events, oldest first. No clock decides the order: numbers do.

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
    attempts = store.attempts(count)
    found: dict[tuple[int, int, int], Entry] = {(n, 0, 0): run for n, run in runs.items()}
    tried = {each.number: run_number(each.outcome or "") or 0 for each in attempts}
    for revision in store.revisions(count):
        if revision.reverts is not None:
            found[run_number(revision.after or "") or 0, 1, revision.number] = revision
    for attempt in attempts:
        if not tried[attempt.number]:
            found[_last(tried, attempt.number), 2, attempt.number] = attempt
    return [found[key] for key in sorted(found)][-count:]


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
