"""The command line. Each command is one file; heavy imports wait until a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from kammerton import __version__

app = typer.Typer(
    name="kammerton",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kammerton {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Keeps quantum computers in tune and publishes what it knows about them."""


def main() -> None:
    """Run the command line."""
    app()


from kammerton.cli import (  # noqa: E402, F401 - each registers its command on `app`
    backup,
    check,
    demo,
    diff,
    fit,
    hold,
    log,
    revert,
    run,
    sim,
    status,
    verify,
    why,
)
