"""`kammerton sim`: the simulated laboratory alone. Its own command line has the words."""

from __future__ import annotations

import typer

from kammerton.cli import app

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_PASSED_ON, short_help="Serve a simulated laboratory alone.")
def sim(context: typer.Context) -> None:
    """Serve simulated instruments on loopback ports; `sim ctl` puts faults on them."""
    raise typer.Exit(_laboratory(context.args))


def _laboratory(arguments: list[str]) -> int:
    from importlib.metadata import entry_points

    found = entry_points(group="kammerton.labs", name="simulated")
    if not found:
        typer.echo("no simulated laboratory is installed (entry point kammerton.labs)", err=True)
        return 1
    code: int = next(iter(found)).load()(arguments)
    return code
