"""`kammerton run lab.toml`: keep computers in tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kammerton.cli import app


@app.command()
def run(
    labs: Annotated[
        list[Path] | None,
        typer.Argument(help="The laboratory, lab.toml; one file for each computer."),
    ] = None,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Stop when nothing is worth measuring any more.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List every planned write with its limit; connect nothing."),
    ] = False,
) -> None:
    """Keep computers in tune and publish their parameters; Ctrl-C switches all outputs off."""
    if dry_run:
        from kammerton.cli.dry_run import dry_run as listed

        raise typer.Exit(listed(labs or [Path("lab.toml")]))

    import asyncio

    from kammerton.serve.logs import log_to_stderr
    from kammerton.serve.supervisor import supervise

    log_to_stderr()
    code = asyncio.run(supervise(labs or [Path("lab.toml")], once=once))
    raise typer.Exit(int(code))
