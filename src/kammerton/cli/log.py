"""`kammerton log`: the last runs and what was found, what was reverted, and who changed what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from kammerton.client.timeline import Entry
    from kammerton.store import AuditRow


@app.command()
def log(
    lab: Annotated[
        Path | None, typer.Argument(help="lab.toml or database [default: the one here]")
    ] = None,
    *,
    count: Annotated[int, typer.Option("-n", min=1, help="How many entries.")] = 20,
    audit: Annotated[
        bool, typer.Option("--audit", help="Who changed which output or lease, and refusals.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List the last runs, newest last, with the verdict on every qubit; and every revert."""
    from kammerton.cli.output import opened, print_json
    from kammerton.client.timeline import timeline

    with opened(lab) as store:
        if audit:
            rows = store.log(count)[::-1]
            print_json([_audited(row) for row in rows]) if as_json else _show_audit(rows)
            return
        entries = timeline(store, count)
        if as_json:
            print_json([_document(entry) for entry in entries])
        elif entries:
            _show(entries, store.now())
        else:
            typer.echo("nothing was measured yet", err=True)


def _document(entry: Entry) -> dict[str, Any]:
    from kammerton.cli.output import described_fit
    from kammerton.store import Revision, StoredRun

    if isinstance(entry, StoredRun):
        return {
            "run": entry.id,
            "calibration": entry.calibration,
            "started": entry.started.isoformat(),
            "ended": entry.ended.isoformat(),
            "instrument_seconds": entry.instrument_seconds,
            "revision": entry.revision,
            "fits": {target: described_fit(fit) for target, fit in entry.fits.items()},
            "data": str(entry.data) if entry.data else None,
        }
    if isinstance(entry, Revision):
        return {
            "revision": entry.number,
            "reverts": entry.reverts,
            "committed": entry.committed.isoformat(),
            "who": entry.who,
            "why": entry.why,
        }
    return {
        "attempt": entry.number,
        "calibration": entry.calibration,
        "targets": list(entry.targets),
        "started": entry.started.isoformat(),
        "ended": entry.ended.isoformat() if entry.ended else None,
        "outcome": entry.outcome,
    }


def _audited(row: AuditRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "time": row.time.isoformat(),
        "who": row.who,
        "what": row.what,
        "old": row.old,
        "new": row.new,
        "why": row.why,
        "hash": row.hash,
    }


def _show(entries: list[Entry], now: datetime) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("run", "calibration", "ended"):
        table.add_column(heading, no_wrap=True)
    table.add_column("qubits", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for entry in entries:
        for row in _rows(entry, now):
            table.add_row(*row)
    Console().print(table)


def _rows(entry: Entry, now: datetime) -> list[list[Text]]:
    from rich.text import Text

    from kammerton.cli.output import verdict_words
    from kammerton.client.words import duration
    from kammerton.store import Revision, StoredRun

    if isinstance(entry, StoredRun):
        head = [entry.id, entry.calibration, f"{duration(now - entry.ended)} ago"]
        found = _alike({target: verdict_words(fit) for target, fit in entry.fits.items()})
        firsts = [head] + [["", "", ""]] * (len(found) - 1)
        return [list(map(Text, [*first, *rest])) for first, rest in zip(firsts, found, strict=True)]
    if isinstance(entry, Revision):
        said = f": {entry.why}" if entry.why else ""
        words = f"revision {entry.number} is as revision {entry.reverts}, by {entry.who}{said}"
        return [list(map(Text, ["", "revert", f"{entry.committed:%Y-%m-%d %H:%M}", "", words]))]
    when = f"{entry.started:%Y-%m-%d %H:%M}"
    outcome = entry.outcome or "runs, or its process died"
    return [list(map(Text, ["", entry.calibration, when, ", ".join(entry.targets), outcome]))]


def _alike(words: dict[str, str]) -> list[list[str]]:
    """Return one row for each verdict, with all the targets that have it."""
    said = dict.fromkeys(words.values())
    return [[", ".join(t for t in words if words[t] == verdict), verdict] for verdict in said]


def _show_audit(rows: list[AuditRow]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("number", "time (UTC)", "who", "what", "old", "new", "why"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        when = f"{row.time:%Y-%m-%d %H:%M:%S}"
        words = (str(row.number), when, row.who, row.what, row.old, row.new, row.why)
        table.add_row(*map(Text, words))
    Console().print(table)
