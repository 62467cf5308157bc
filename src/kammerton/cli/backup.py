"""`kammerton backup` and `kammerton restore`: a verified copy, and its way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kammerton.cli import app


@app.command()
def backup(
    lab: Annotated[
        Path | None, typer.Argument(help="lab.toml or database [default: the one here]")
    ] = None,
    *,
    only_list: Annotated[bool, typer.Option("--list", help="Only list what is there.")] = False,
) -> None:
    """Copy the database and verify the copy; works beside the daemon, which does it hourly."""
    from kammerton.cli.loading import BAD_INPUT, database_or_exit, refuse
    from kammerton.model import StoreError
    from kammerton.store import backup as copies

    database = database_or_exit(lab)
    if isinstance(database, str):
        refuse(["a server's database is backed up on the server: pg_dump, or its keeper's own way"])
        raise typer.Exit(BAD_INPUT)
    if only_list:
        for saved in copies.backups(database):
            made = datetime.fromtimestamp(saved.stat().st_mtime, UTC)
            typer.echo(f"{made:%Y-%m-%d %H:%M} UTC  {saved}")
        return
    try:
        typer.echo(str(copies.keep(database, why="asked")))
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(1) from None


@app.command()
def restore(
    saved: Annotated[Path, typer.Argument(help="The backup; `kammerton backup --list` has them.")],
    *,
    to: Annotated[
        Path | None, typer.Option(help="The database to put it in [default: the backup's own]")
    ] = None,
) -> None:
    """Put a backup in the database's place, as a new epoch; the old file is set aside.

    No daemon may run on it meanwhile. Subscribers take over the restored values as a whole.
    """
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.model import StoreError
    from kammerton.store import restore as put_back
    from kammerton.store.inbox import somebody

    try:
        database, aside = put_back(saved, somebody(), to)
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(BAD_INPUT) from None
    typer.echo(f"{database} is {saved.name} again, in a new epoch")
    if aside is not None:
        typer.echo(f"what was there is now {aside}")
