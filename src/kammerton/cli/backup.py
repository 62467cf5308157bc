"""`kammerton backup` and `kammerton restore`: a verified copy, and its way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, either


@app.command(short_help="Make a verified copy of the database.")
def backup(
    lab: Where = None,
    *,
    at: At = None,
    only_list: Annotated[bool, typer.Option("--list", help="Only list what is there.")] = False,
) -> None:
    """Copy the database and verify the copy; works beside the daemon, which does it hourly."""
    from kammerton.cli.loading import BAD_INPUT, database_or_exit, refuse
    from kammerton.model import StoreError
    from kammerton.store import backup as copies
    from kammerton.store.place import demand_there, place_of

    database = database_or_exit(either(lab, at))
    if isinstance(database, str):
        refuse(["a server's database is backed up on the server: pg_dump, or its keeper's own way"])
        raise typer.Exit(BAD_INPUT)
    if only_list:
        there = copies.backups(database)
        if not there:
            typer.echo(f"there is no backup in {copies.beside(database)} yet", err=True)
        for saved in there:
            made = datetime.fromtimestamp(saved.stat().st_mtime, UTC)
            typer.echo(f"{made:%Y-%m-%d %H:%M} UTC  {saved}  ({copies.content(saved)})")
        return
    try:
        demand_there(place_of(database))
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(BAD_INPUT) from None
    try:
        typer.echo(str(copies.keep(database, why="asked")))
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(1) from None


@app.command(short_help="Put a backup in the database's place.")
def restore(
    saved: Annotated[
        Path,
        typer.Argument(metavar="BACKUP", help="A file that `kammerton backup --list` shows."),
    ],
    lab: Annotated[
        Path | None,
        typer.Argument(
            metavar="LAB",
            help="lab.toml or database to put it in [default: the one it was made of]",
        ),
    ] = None,
    *,
    at: Annotated[
        Path | None, typer.Option("--to", "--lab", metavar="LAB", help="The same.")
    ] = None,
) -> None:
    """Put a backup in the database's place; the file that was there is kept under another name.

    No daemon may run on it meanwhile. The restored database begins a new epoch, so that subscribers
    take over its values as a whole.
    """
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.model import StoreError, StoreInUse
    from kammerton.store import restore as put_back
    from kammerton.store.asking import somebody

    target = _target(either(lab, at))
    saved = _listed(saved, target)
    if not saved.is_file():
        refuse([f"there is no backup {saved}; `kammerton backup --list` shows what there is"])
        raise typer.Exit(BAD_INPUT)
    try:
        database, aside = put_back(saved, somebody(), target)
    except StoreInUse as problem:
        refuse([f"{problem}. A restore replaces the whole database: end the daemon first"])
        raise typer.Exit(BAD_INPUT) from None
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(BAD_INPUT) from None
    typer.echo(f"{database} now holds what {saved.name} held, in a new epoch")
    if aside is not None:
        typer.echo(f"the file that was there before is kept as {aside}")


def _listed(saved: Path, target: Path | None) -> Path:
    """Return a backup that is named as it is listed, without its folder, where that is so.

    Looked for beside the database that it shall be put in, else beside that of the lab.toml here.
    """
    from kammerton.client.locate import find_database
    from kammerton.model import LabError, StoreError
    from kammerton.store.backup import beside

    if saved.is_file() or saved.name != str(saved):
        return saved
    try:
        database = target or find_database()
    except (LabError, StoreError):
        return saved
    there = beside(database) / saved.name if isinstance(database, Path) else saved
    return there if there.is_file() else saved


def _target(place: Path | None) -> Path | None:
    """Return the file to put a backup in: a database that need not be there, or a lab.toml's."""
    from kammerton.cli.loading import BAD_INPUT, database_or_exit, refuse

    if place is None or not (place.is_dir() or place.suffix == ".toml"):
        return place
    database = database_or_exit(place)
    if isinstance(database, str):
        refuse([f"{place} keeps its database on a server: restore it there"])
        raise typer.Exit(BAD_INPUT)
    return database
