"""Runs and revisions by their numbers: r000041 is a run, r41 a revision."""

from __future__ import annotations

from kammerton.client.timeline import Entry
from kammerton.store import ReadStore, Revision, StoredRun
from kammerton.store.rows import run_name, run_number


def numbered(store: ReadStore, name: str) -> list[Entry]:
    """Return the run of that name, or what made the revision of that number; oldest first.

    That is the run that committed it with those of before that count since, or the revert. Nothing
    where there is no such run or revision.
    """
    if run := run_of(store, name):
        return [run]
    revision = revision_of(store, name)
    if revision is None or revision.reverts is not None:
        return [revision] if revision else []
    made = store.parameters_at(revision.number).values()
    runs = {each.estimate.run for each in made if each.revision == revision.number}
    return [store.run(run) for run in sorted(runs | {revision.run or ""} - {""})]


def run_of(store: ReadStore, name: str) -> StoredRun | None:
    """Return the run of that name, r000041; None where there is none."""
    number = run_number(name)
    if number is None or name != run_name(number):
        return None
    try:
        return store.run(name)
    except KeyError:
        return None


def revision_of(store: ReadStore, name: str) -> Revision | None:
    """Return the revision of that name, r41; None where there is none."""
    number = run_number(name)
    if number is None or name != f"r{number}":
        return None
    return next(iter(store.made(number)), None)


def changed(store: ReadStore, revision: int) -> str:
    """Return what a revision changed, and how to see from what."""
    names = ", ".join(name for each in store.made(revision) for name in each.names)
    from_what = f"; from what: kammerton diff r{revision - 1} r{revision}" if revision > 1 else ""
    return f"r{revision} changed {names}{from_what}"


def pointed(store: ReadStore, name: str) -> str | None:
    """Say of a run or a revision that it is one, and what shows it; None where it is neither."""
    number = run_number(name)
    if number is None:
        return None
    if run := run_of(store, name):
        said = f"{name} is a run, of {run.calibration} on {', '.join(run.fits)}"
        return f"{said}; what it found and changed: kammerton log {name}"
    if revision_of(store, name):
        return f"{name} is a revision; what made it, and what it changed: kammerton log {name}"
    if name == run_name(number):
        return f"there is no run {name}"
    newest = f"; the newest revision is r{last}" if (last := store.revision()) else ""
    return f"{name} is neither an element nor a revision{newest}{meant(store, name)}"


def meant(store: ReadStore, name: str) -> str:
    """Ask whether the run of the number of r9 is meant; "" where none has it."""
    run = run_name(run_number(name) or 0)
    return f"; is the run {run} meant?" if run_of(store, run) else ""
