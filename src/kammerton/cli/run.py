"""`kammerton run lab.toml`: keep computers in tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kammerton.cli import app


@app.command(short_help="Keep computers in tune and publish their parameters.")
def run(
    labs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="LAB",
            help="lab.toml or its folder, one for each computer [default: lab.toml here]",
        ),
    ] = None,
    *,
    at: Annotated[
        list[Path] | None, typer.Option("--lab", metavar="LAB", help="The same; repeatable.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Stop when nothing is worth measuring any more.")
    ] = False,
    spare: Annotated[
        bool,
        typer.Option(help="Keep a process loaded for one that dies; none with --once."),
    ] = True,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List every planned write with its limit; connect nothing."),
    ] = False,
    supervised: Annotated[
        bool,
        typer.Option("--supervised", help="Ask a person before the first write of each kind."),
    ] = False,
) -> None:
    """Keep computers in tune and publish their parameters; Ctrl-C switches all outputs off.

    Exit code 0: done, outputs verified off; 1: something is not well, such as an output that is not
    known to be off; 2: a mistake in a lab.toml; 3, with --once: a qubit cannot be tuned. With
    --dry-run 3: the gate would refuse something. With --supervised 3: a person refused (`kammerton
    approve`, `kammerton refuse`, or the same words at this terminal).
    """
    files = [_file(path) for path in [*(labs or []), *(at or [])]] or [_here()]
    if supervised:
        _one(files)
    if dry_run:
        from kammerton.cli.dry_run import dry_run as listed

        raise typer.Exit(listed(files))

    import asyncio

    from kammerton.serve.logs import log_to_stderr
    from kammerton.serve.supervisor import supervise

    log_to_stderr()
    if supervised:
        from kammerton.cli.at_terminal import answering

        answering(files[0])
    code = asyncio.run(supervise(files, once=once, spare=spare and not once, supervised=supervised))
    raise typer.Exit(int(code))


def _one(files: list[Path]) -> None:
    """Refuse several lab.toml in a supervised run: numbers of questions are of one computer."""
    if len(files) > 1:
        raise typer.BadParameter("one lab.toml at a time", param_hint="--supervised")


def _here() -> Path:
    """Return lab.toml; leave with code 2 where there is none, since nothing else is meant."""
    from kammerton.cli.loading import BAD_INPUT, refuse

    if not Path("lab.toml").is_file():
        refuse(["no lab.toml is here: name one, or try `kammerton demo`"])
        raise typer.Exit(BAD_INPUT)
    return Path("lab.toml")


def _file(path: Path) -> Path:
    return path / "lab.toml" if path.is_dir() else path
