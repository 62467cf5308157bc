"""`kammerton log`: the last runs and what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app

if TYPE_CHECKING:
    from datetime import datetime

    from kammerton.store import StoredRun


@app.command()
def log(
    lab: Annotated[
        Path | None, typer.Argument(help="lab.toml or database [default: the one here]")
    ] = None,
    count: Annotated[int, typer.Option("-n", min=1, help="How many runs.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List the last runs, newest last, with the verdict on every qubit."""
    from kammerton.cli.output import opened, print_json

    with opened(lab) as store:
        runs = store.runs(count)[::-1]
        if as_json:
            print_json([_document(run) for run in runs])
        elif runs:
            _show(runs, store.now())
        else:
            typer.echo("nothing was measured yet", err=True)


def _document(run: StoredRun) -> dict[str, Any]:
    from kammerton.cli.output import described_fit

    return {
        "run": run.id,
        "calibration": run.calibration,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "instrument_seconds": run.instrument_seconds,
        "revision": run.revision,
        "fits": {target: described_fit(fit) for target, fit in run.fits.items()},
        "data": str(run.data) if run.data else None,
    }


def _show(runs: list[StoredRun], now: datetime) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from kammerton.cli.output import verdict_words
    from kammerton.client.words import duration

    table = Table(box=None, pad_edge=False)
    for heading in ("run", "calibration", "ended", "qubit"):
        table.add_column(heading, no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for run in runs:
        head = [Text(run.id), Text(run.calibration), Text(f"{duration(now - run.ended)} ago")]
        for target, fit in run.fits.items():
            table.add_row(*head, Text(target), Text(verdict_words(fit)))
            head = [Text(""), Text(""), Text("")]
    Console().print(table)
