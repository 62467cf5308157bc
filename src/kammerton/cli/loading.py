"""How every command reads its lab.toml: problems on stderr, exit code 2, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kammerton.lab import Lab
    from kammerton.model import Calibration, StoreError

BAD_INPUT, UNKNOWN = 2, 4


def load_or_exit(path: Path) -> Lab:
    """Return the Lab of a lab.toml, or print every problem and leave with exit code 2."""
    from kammerton.lab import load
    from kammerton.model.errors import LabError

    try:
        return load(path)
    except LabError as error:
        refuse(error.problems)
        raise typer.Exit(BAD_INPUT) from None


def database_or_exit(path: Path | None) -> Path | str:
    """Return the database that a person means, or say why there is none and leave with 2."""
    from kammerton.client.locate import find_database
    from kammerton.model.errors import LabError, StoreError

    try:
        return find_database(path)
    except LabError as error:
        refuse(error.problems)
    except StoreError as error:
        refuse([str(error)])
    raise typer.Exit(BAD_INPUT)


def lab_or_exit(path: Path | None) -> Path:
    """Return the lab.toml that a person means: a file, a folder that holds one, or the usual."""
    from kammerton.client.locate import usual
    from kammerton.model.errors import StoreError

    if path is not None:
        return path / "lab.toml" if path.is_dir() else path
    try:
        return usual()
    except StoreError as error:
        refuse([str(error)])
    raise typer.Exit(BAD_INPUT)


def calibrations_or_exit() -> tuple[Calibration, ...]:
    """Return what is installed, or print what is wrong with plug-ins and leave with code 2."""
    from kammerton.loop import load_calibrations
    from kammerton.model.errors import PlugInError

    try:
        return load_calibrations()
    except PlugInError as error:
        refuse(error.problems)
        raise typer.Exit(BAD_INPUT) from None


def refuse(problems: list[str]) -> None:
    """Print problems to stderr, one a line."""
    for problem in problems:
        typer.echo(problem, err=True)


def code_of(problem: StoreError) -> int:
    """Return the exit code: 2, nothing was done; 4, it may be done, or be done yet."""
    from kammerton.model.errors import OutcomeUnknown

    return UNKNOWN if isinstance(problem, OutcomeUnknown) else BAD_INPUT
