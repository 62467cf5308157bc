"""`kammerton verify`: is the database sound? Asked of a reader that did not write it."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, either


@app.command(short_help="Say whether a database is sound.")
def verify(
    lab: Where = None,
    *,
    at: At = None,
    data: Annotated[bool, typer.Option(help="Read every run's file of raw traces too.")] = True,
    tip: Annotated[
        str | None, typer.Option(metavar="HASH", help="An earlier end of the audit log.")
    ] = None,
) -> None:
    """Look for gaps, torn values, broken links and missing data; works beside the daemon.

    Exit code 0: all is sound. 1: something was found. 2: this is no database of ours.
    """
    from kammerton.cli.loading import database_or_exit, refuse
    from kammerton.verify import verify as look
    from kammerton.verify import verify_server

    if tip is not None and not re.fullmatch("[0-9a-f]{64}", tip):
        refuse([f"{tip!r} is no end of an audit log: that is 64 hexadecimal digits"])
        raise typer.Exit(2)
    place = database_or_exit(either(lab, at))
    if isinstance(place, str):
        report = verify_server(place, data=data, tell=_say, tip=tip)
    else:
        report = look(place, data=data, tell=_say, tip=tip)
    refuse(list(report.findings))
    if not report.computer:
        raise typer.Exit(2)
    typer.echo(str(report))
    if report.findings:
        raise typer.Exit(1)


def _say(words: str) -> None:
    typer.echo(words, err=True)
