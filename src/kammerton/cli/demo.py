"""`kammerton demo`: a simulated laboratory from cold start to published parameters."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kammerton.cli import app
from kammerton.cli.whole import whole

INTERRUPTED = 130


@app.command(short_help="Show it all on a simulated laboratory.")
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Stop when every parameter is known.")
    ] = False,
    qubits: Annotated[
        int,
        typer.Option(parser=whole(1, 10), metavar="N", help="Qubits of the chip, 1 to 10."),
    ] = 5,
    seed: Annotated[int, typer.Option(parser=whole(0), metavar="N", help="Which chip.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    keep: Annotated[Path, typer.Option(metavar="FOLDER", help="Where everything stays.")] = Path(
        "kammerton-demo"
    ),
) -> None:
    """Show it all: laboratory, broker, daemon and an MQTT subscriber, then the hidden truth.

    Ctrl-C ends it with the comparison of what was measured. Exit code 0: all is there and within 4
    sigma of the truth; 1: it is not; 130: stopped before all was measured.
    """
    from rich.console import Console

    from kammerton.cli.demonstration.show import Demonstration
    from kammerton.model import KammertonError
    from kammerton.serve.events import run_until_signal

    try:
        console = Console(stderr=as_json, highlight=False)
        outcome = run_until_signal(Demonstration(keep, qubits, seed, console, once=once).run())
    except KeyboardInterrupt:
        echoed = "\n" if sys.stderr.isatty() else ""  # the terminal has written ^C there
        typer.echo(f"{echoed}stopped before there was anything to compare", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except KammertonError as problem:
        typer.echo(f"kammerton demo: {problem}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(outcome.as_json(), allow_nan=False))
    raise typer.Exit(1 if outcome.failed else INTERRUPTED if outcome.unfinished else 0)
