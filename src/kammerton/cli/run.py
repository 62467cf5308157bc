"""`kammerton run lab.toml`: keep a computer in tune."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from kammerton.cli import app

NOT_ACCEPTED = 3


@app.command()
def run(
    lab: Annotated[Path, typer.Argument(help="The laboratory: lab.toml.")] = Path("lab.toml"),
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Stop when nothing is worth measuring any more.")
    ] = False,
) -> None:
    """Keep a computer in tune and publish its parameters; Ctrl-C switches all outputs off."""
    from kammerton.cli.loading import load_or_exit

    loaded = load_or_exit(lab)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname).1s %(message)s"
    )
    for talkative in ("qcodes", "pyvisa", "numba", "mqtt", "matplotlib"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    raise typer.Exit(_run(loaded, once=once))


def _run(loaded: object, *, once: bool) -> int:
    from kammerton.lab import Lab
    from kammerton.model import KammertonError
    from kammerton.serve import run_computer, run_until_signal

    if not isinstance(loaded, Lab):
        raise TypeError("a Lab is wanted")
    try:
        parked = run_until_signal(run_computer(loaded, once=once))
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        return 0
    except KammertonError as problem:
        for text in (str(problem), *getattr(problem, "__notes__", ())):
            typer.echo(f"kammerton run: {text}", err=True)
        return 1
    for target, reason in parked.items():
        typer.echo(f"{target} is parked: {reason}", err=True)
    return NOT_ACCEPTED if parked else 0
