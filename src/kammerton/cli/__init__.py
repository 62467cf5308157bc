"""The command line. Each command is one file; heavy imports wait until a command runs."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="kammerton",
    help="Keeps quantum computers in tune and publishes what it knows about them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    app()


from kammerton.cli import (  # noqa: E402, F401 - each registers its command on `app`
    check,
    demo,
    fit,
    log,
    run,
    sim,
    status,
    why,
)
