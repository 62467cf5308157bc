"""`kammerton log`: the last runs and what was found, what was reverted, and who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app
from kammerton.cli.audit_log import show_audit
from kammerton.cli.place import At, apart
from kammerton.cli.whole import whole
from kammerton.cli.wrapped import print_wrapped

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kammerton.client.timeline import Entry
    from kammerton.model import Fit
    from kammerton.store import Attempt, ReadStore

Cells = tuple[str, ...]
Withheld = Mapping[str, frozenset[str]]
"""The targets of each run whose fit was accepted and changed nothing."""

Later = Mapping[str, Mapping[str, int]]
"""Of each run the names that a later one made count, and in which revision."""

MOST = 1_000_000_000
"""Entries that may be asked for: more than there ever are, and a number that databases have."""

UNDER_WAY = "under way"

WITHHELD = "withheld"
"""Of a fit that was accepted and changed nothing: it counts when it is found again."""


@app.command(short_help="List the last runs, what was found, who changed what.")
def log(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Qubits, e.g. q3, a run, r000041, or a revision, r41; with --audit "
            "instruments, too [default: all]; then lab.toml or a database",
        ),
    ] = None,
    *,
    at: At = None,
    count: Annotated[
        int, typer.Option("-n", parser=whole(1, MOST), metavar="N", help="How many entries.")
    ] = 20,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Instead: who changed which output or lease, what was asked for or refused.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List the last runs, newest last, with the verdict on every qubit.

    Among them stand every revert, and every attempt that led to no run: aborted, refused, given up.
    All ages are by this computer's clock, which a simulated laboratory may be ahead of. In the JSON
    `laboratory_times` names the times that are the laboratory's; the others are the computer's.
    """
    from kammerton.cli.logged import entries_of, latest, numbers_in
    from kammerton.cli.output import opened

    wanted, place = apart(names or [], at)
    with opened(place) as store:
        if audit:
            show_audit(store, wanted, place, count, as_json=as_json)
        elif numbers := numbers_in(store, wanted, place):
            if others := [name for name in wanted if name not in numbers]:
                raise typer.BadParameter(f"{numbers[0]} or {others[0]}? Runs and revisions alone")
            _print(store, entries_of(store, numbers), place, as_json=as_json, numbers=True)
        else:
            entries = latest(store, wanted, place, count)
            _print(store, entries, place, as_json=as_json)
            if len(entries) == count and not as_json:
                typer.echo(f"the last {count}; more with -n", err=True)


def _print(
    store: ReadStore,
    entries: list[Entry],
    place: Path | None,
    *,
    as_json: bool,
    numbers: bool = False,
) -> None:
    """Print entries. numbers: they were asked for by these, so that what they changed is said."""
    from kammerton.cli.output import print_json
    from kammerton.cli.status import lives
    from kammerton.client.locate import note_beside
    from kammerton.client.timeline import counted_later, withheld
    from kammerton.client.words import ahead

    note, later = note_beside(place), counted_later(store, entries)
    waits = withheld(store, entries, later)
    if as_json:
        noted, alive = {"note": note} if note else {}, lives(store)
        print_json([_document(entry, waits, later, alive) | noted for entry in entries])
    elif entries:
        _show(entries, waits, _revisions(entries, later), lives(store))
        if numbers:
            _show_changes(store, entries, later)
            for words in _where_why(entries, waits):
                print_wrapped(words, 4)
        _show_clock(note, ahead(store.now()))
    else:
        typer.echo("nothing was measured yet", err=True)


def _show_changes(store: ReadStore, entries: list[Entry], later: Later) -> None:
    """Say what each revision changed in which an entry counts."""
    from kammerton.client.numbered import changed
    from kammerton.store import Revision, StoredRun

    runs = [each for each in entries if isinstance(each, StoredRun)]
    made = {run.revision for run in runs if run.revision is not None}
    made |= {number for run in runs for number in later.get(run.id, {}).values()}
    made |= {each.number for each in entries if isinstance(each, Revision)}
    for number in sorted(made):
        print_wrapped(changed(store, number), 4)


def _where_why(entries: list[Entry], waits: Withheld) -> list[str]:
    """Say of each run that changed nothing, though it was accepted, where the reason stands.

    It is the daemon's: what surprises, is coarse, waits for a pulse or was set back meanwhile.
    """
    from kammerton.store import StoredRun

    runs = (each for each in entries if isinstance(each, StoredRun) and waits.get(each.id))
    return [
        f"what {run.id} found of {', '.join(sorted(waits[run.id]))} is withheld: why is written in "
        + str(run.picture or f"the log of `kammerton run` of {_in_the_log(run.committed)}")
        for run in runs
    ]


def _in_the_log(time: datetime) -> str:
    """Return a time as the daemon's log has it: by the computer's own zone."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def _show_clock(note: str, far: str) -> None:
    """Say what is to be known of all ages. far: by how much laboratory time is ahead; or ""."""
    if note:
        typer.echo(note)
    if far:
        typer.echo(
            "ages are by this computer's clock; laboratory time, which status and why go by, is "
            f"{far} ahead of it"
        )


def _document(entry: Entry, withheld: Withheld, later: Later, alive: bool | None) -> dict[str, Any]:
    """Return an entry as JSON holds it. alive: whether what has no outcome is under way."""
    from kammerton.cli.output import described_fit
    from kammerton.store import Revision, StoredRun

    if isinstance(entry, StoredRun):
        return {
            "run": entry.id,
            "calibration": entry.calibration,
            "started": entry.started.isoformat(),
            "ended": entry.ended.isoformat(),
            "committed": entry.committed.isoformat(),
            "laboratory_times": ["started", "ended"],  # the other one is of the computer's clock
            "instrument_seconds": entry.instrument_seconds,
            "revision": entry.revision,
            "fits": {target: described_fit(fit) for target, fit in entry.fits.items()},
            "withheld": sorted(withheld.get(entry.id, ())),
            "counted_later": dict(later.get(entry.id, {})),
            "data": str(entry.data) if entry.data else None,
        }
    if isinstance(entry, Revision):
        return {
            "revision": entry.number,
            "reverts": entry.reverts,
            "names": list(entry.names),
            "committed": entry.committed.isoformat(),
            "laboratory_times": [],
            "who": entry.who,
            "why": entry.why,
        }
    return {
        "attempt": entry.number,
        "calibration": entry.calibration,
        "targets": list(entry.targets),
        "started": entry.started.isoformat(),
        "ended": entry.ended.isoformat() if entry.ended else None,
        "laboratory_times": [],
        "outcome": entry.outcome,
        "under_way": alive if entry.outcome is None else False,
    }


def _revisions(entries: list[Entry], later: Later) -> dict[str, str]:
    """Return in which revisions the values of each run count: its own, or those of later runs."""
    from kammerton.store import StoredRun

    runs = [each for each in entries if isinstance(each, StoredRun)]
    own = {run.id: [] if run.revision is None else [run.revision] for run in runs}
    found = {run: {*numbers, *later.get(run, {}).values()} for run, numbers in own.items()}
    return {run: ", ".join(f"r{n}" for n in sorted(numbers)) for run, numbers in found.items()}


def _show(
    entries: list[Entry], withheld: Withheld, revisions: Mapping[str, str], alive: bool | None
) -> None:
    heading = ("run", "revision", "calibration", "ended", "verdict", "qubits")
    rows = (row for entry in entries for row in _rows(entry, withheld, revisions, alive))
    told = [(heading, ""), *rows]
    widths = [max(len(cells[column]) for cells, _ in told) for column in range(5)]
    for cells, reason in told:
        first = "".join(f"{cell:<{width}}  " for cell, width in zip(cells, widths, strict=False))
        print_wrapped((first + cells[-1]).rstrip(), len(first))
        if reason:
            print_wrapped(f"    {reason}", 4)


def _rows(
    entry: Entry, withheld: Withheld, revisions: Mapping[str, str], alive: bool | None
) -> list[tuple[Cells, str]]:
    """Return run, revision, calibration, end, verdict and qubits; and what there is to say.

    alive: whether an attempt that has no outcome is under way; None: nobody knows.
    """
    from kammerton.client.words import by, values
    from kammerton.store import Revision, StoredRun
    from kammerton.store.laboratory_time import CLOCK, FRIDGE

    if isinstance(entry, StoredRun):
        head = (entry.id, revisions[entry.id], entry.calibration, _ago(entry.committed))
        found = _alike(entry.fits, withheld.get(entry.id, frozenset()))
        heads = [head] + [("", "", "", "")] * (len(found) - 1)
        return [
            ((*h, verdict, names), why)
            for h, (verdict, names, why) in zip(heads, found, strict=True)
        ]
    if isinstance(entry, Revision):
        words = f"{values(entry.names)} as at r{entry.reverts}, {by(entry)}"
        if entry.who == CLOCK:
            words = f"times of {values(entry.names)} moved {by(entry)}"
        if entry.who == FRIDGE:
            words = f"{values(entry.names)} hold no longer, {by(entry)}"
        return [(("", f"r{entry.number}", "revert", _ago(entry.committed), "", ""), words)]
    return [_tried(entry, alive)]


def _tried(attempt: Attempt, alive: bool | None) -> tuple[Cells, str]:
    """Return what there is to say of an attempt: it has no run, and no data was stored of it."""
    when = f"began {_ago(attempt.started)}" if attempt.ended is None else _ago(attempt.ended)
    now = UNDER_WAY if alive and attempt.outcome is None else ""
    head = (f"attempt {attempt.number}", "", attempt.calibration, when, now)
    return (*head, ", ".join(attempt.targets)), "" if now else _outcome(attempt, alive)


def _ago(time: datetime) -> str:
    """Return the age by the wall clock: laboratory time is known of runs alone."""
    from kammerton.model.span import ago
    from kammerton.store import clock

    return ago(clock.wall() - time)


def _outcome(attempt: Attempt, alive: bool | None) -> str:
    """Say what became of an attempt that led to no run, and what of its shots."""
    from kammerton.store.attempts import ABORTED

    if attempt.outcome is None:
        return "its process died" if alive is False else f"{UNDER_WAY}, or its process died"
    if attempt.outcome != ABORTED:
        return attempt.outcome
    if attempt.again is not None:
        return "aborted: its process ended, the second time; its qubits are left alone for a while"
    return "aborted: its process ended; its shots are not kept: what repeats it begins anew"


def _alike(fits: Mapping[str, Fit], withheld: frozenset[str]) -> list[Cells]:
    """Return verdict, targets and reason, once for all the targets that have them in common."""
    from kammerton.model.advised import advised

    said = {
        target: (
            WITHHELD if target in withheld else str(fit.verdict),
            " -> ".join(filter(None, [_reason(fit), advised(fit)])),
        )
        for target, fit in fits.items()
    }
    return [
        (verdict, ", ".join(t for t in said if said[t] == (verdict, reason)), reason)
        for verdict, reason in dict.fromkeys(said.values())
    ]


def _reason(fit: Fit) -> str:
    """Return why, in words; nothing for a plain success, which `kammerton why` describes."""
    if fit.status in ("", "success"):
        return fit.reason if fit.verdict != "accepted" else ""
    return ": ".join(words for words in (fit.status, fit.reason) if words)
