"""How a person names a revision: r41 or 41; r000041 is a run, and means what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kammerton.store import ReadStore


def revision_or_exit(store: ReadStore, said: str) -> int:
    """Return the number of a revision, or say why there is none and leave with code 2."""
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.store.rows import run_name, run_number

    number = run_number(said if said.startswith("r") else f"r{said}")
    problem = f"{said!r} is no revision; write r41 or 41"
    if number is not None and said == run_name(number):
        try:
            number = store.run(said).revision
            problem = f"run {said} changed nothing"
        except KeyError:
            number, problem = None, f"there is no run {said}"
    newest = store.revision()
    if number is not None and not 1 <= number <= newest:
        number, problem = None, f"there is no revision r{number}; the newest is r{newest}"
        problem += _meant(store, said)
    if number is None:
        refuse([problem])
        raise typer.Exit(BAD_INPUT)
    return number


def _meant(store: ReadStore, said: str) -> str:
    """Name the run of a number that no revision has, as r8 of run r000008; "" where none has it."""
    from kammerton.store.rows import run_name, run_number

    run = run_name(run_number(said if said.startswith("r") else f"r{said}") or 0)
    try:
        store.run(run)
    except KeyError:
        return ""
    return f"; a run is written {run}"
