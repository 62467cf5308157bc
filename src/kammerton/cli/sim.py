"""`kammerton sim`: the simulated laboratory alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kammerton.cli import app


class _ServeByDefault(TyperGroup):
    """`kammerton sim ...` serves; only `kammerton sim ctl ...` is another command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front where it is left out."""
        named = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args if named else ["serve", *args])


simulated = typer.Typer(cls=_ServeByDefault)
app.add_typer(simulated, name="sim", help="A simulated laboratory; `sim ctl` puts faults on it.")

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@simulated.command("ctl", context_settings=_PASSED_ON)
def ctl(context: typer.Context) -> None:
    """Ask a running simulated laboratory, and put faults on it."""
    raise typer.Exit(_laboratory(["ctl", *context.args]))


@simulated.command("serve")
def sim(
    chip: Annotated[
        Path | None, typer.Argument(metavar="[CHIP.toml]", help="Default: a random chip.")
    ] = None,
    qubits: Annotated[int, typer.Option(help="Qubits of a random chip, 1 to 1000.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the random chip and the design values.")] = 1,
    write_chip: Annotated[Path | None, typer.Option(help="Write the chip (its truth).")] = None,
    write_lab: Annotated[
        Path | None, typer.Option(help="Write a matching lab.toml (design values, never truth).")
    ] = None,
    broker: Annotated[
        str, typer.Option(help="Broker URL for --write-lab.")
    ] = "mqtt://127.0.0.1:1883",
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Only write files.")] = False,
    base_port: Annotated[
        int | None, typer.Option(min=1, max=65000, help="Consecutive ports from here.")
    ] = None,
    port: Annotated[list[str] | None, typer.Option(help="NAME=PORT, may be repeated.")] = None,
    time: Annotated[
        str,
        typer.Option(
            metavar="fast|real|FACTOR", help="How much faster than real time records come."
        ),
    ] = "fast",
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="Stop when the parent process goes.")
    ] = False,
) -> None:
    """Serve simulated instruments on loopback ports until Ctrl-C.

    One JSON line on stdout tells the ports when everything is ready.
    """
    given = {"--write-chip": write_chip, "--write-lab": write_lab, "--base-port": base_port}
    switches = {"--no-serve": no_serve, "--until-stdin-closes": until_stdin_closes}
    arguments = [str(chip)] if chip else []
    arguments += ["--qubits", str(qubits), "--seed", str(seed), "--broker", broker]
    arguments += ["--time", time]
    arguments += [word for name, value in given.items() if value for word in (name, str(value))]
    arguments += [word for text in port or [] for word in ("--port", text)]
    arguments += [name for name, on in switches.items() if on]
    raise typer.Exit(_laboratory(arguments))


def _laboratory(arguments: list[str]) -> int:
    from importlib.metadata import entry_points

    found = entry_points(group="kammerton.labs", name="simulated")
    if not found:
        typer.echo("no simulated laboratory is installed (entry point kammerton.labs)", err=True)
        return 1
    code: int = next(iter(found)).load()(arguments)
    return code
