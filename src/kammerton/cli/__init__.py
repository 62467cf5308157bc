"""The command line. Each command is one file; heavy imports wait until a command runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from kammerton import __version__
from kammerton.cli.all_at_once import AllAtOnce
from kammerton.cli.alphabet import spell_out
from kammerton.cli.loading import BAD_INPUT, refuse

F = TypeVar("F", bound=Callable[..., Any])

ORDER = (
    "demo", "check", "run", "approve", "refuse", "status", "why", "log", "measure", "hold",
    "release", "diff", "revert", "verify", "backup", "restore", "fit", "sim",
)  # fmt: skip
"""The commands as help lists them: as a newcomer meets them."""


class _InOrder(TyperGroup):
    def list_commands(self, ctx: object) -> list[str]:
        """Return the names of the commands, in ORDER."""
        return [*ORDER, *sorted(set(self.commands) - set(ORDER))]


class _App(typer.Typer):
    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """Register a command, which names everything that is wrong with its command line."""
        return super().command(name, **{"cls": AllAtOnce, **settings})


app = _App(
    name="kammerton",
    cls=_InOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it takes "[default: ...]" for a style, and keeps our line ends
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
    """Run the command line; a path that this user may not look at is an answer, no crash."""
    spell_out()
    try:
        app()
    except PermissionError as error:
        if error.filename is None:
            raise
        refuse([f"this user may not look at {error.filename}"])
        raise SystemExit(BAD_INPUT) from None


from kammerton.cli import (  # noqa: E402, F401 - each registers its command on `app`
    approve,
    backup,
    check,
    demo,
    diff,
    fit,
    hold,
    log,
    measure,
    revert,
    run,
    sim,
    status,
    verify,
    why,
)
