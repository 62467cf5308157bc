"""`kammerton approve 3` and `kammerton refuse 3`: what a supervised run asks before it writes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from kammerton.cli import app
from kammerton.cli.place import At, apart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Which = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WHICH", help='Numbers, "all of q0" (a qubit, line or instrument), or "all".'
    ),
]
INDENT = 4
Why = Annotated[str, typer.Option("--why", metavar="WORDS", help="For the audit log.")]


@app.command(short_help="Let a supervised run write what it asks for.")
def approve(which: Which = None, *, why: Why = "", at: At = None) -> None:
    """Approve what `kammerton run --supervised` asks before its first write of each kind.

    Without WHICH it lists what waits. What is approved is asked again only where its limits or
    its wiring change. The interlock, holds and limits count as before.
    """
    _answer("approve", which or [], why, at)


@app.command(short_help="Refuse what a supervised run asks for; the run ends.")
def refuse(which: Which = None, *, why: Why = "", at: At = None) -> None:
    """Refuse what `kammerton run --supervised` asks: outputs go off, and it ends with 3."""
    if not apart(which or [], at)[0]:
        raise typer.BadParameter("say which: a number, a name, or all", param_hint="WHICH")
    _answer("refuse", which or [], why, at)


def names(which: Sequence[str]) -> list[str]:
    """Return the numbers and names that are meant: "all of q0" is q0."""
    words = " ".join(which).replace(",", " ").split()
    while "of" in words[1:]:
        place = words.index("of", 1)
        if words[place - 1] != "all":
            break
        del words[place - 1 : place + 1]
    return words


def _answer(verb: str, which: Sequence[str], why: str, at: Path | None) -> None:
    from kammerton.cli.hold import readable
    from kammerton.cli.interrupted import interruptible
    from kammerton.cli.loading import code_of, database_or_exit
    from kammerton.cli.loading import refuse as say
    from kammerton.cli.wrapped import print_wrapped
    from kammerton.model import StoreError
    from kammerton.store import change

    readable(why, blank=True)
    meant, lab = apart(which, at)
    asked: dict[str, object] = {"which": names(meant)} | ({"why": why} if why else {})
    database = database_or_exit(lab)
    try:
        with interruptible():
            for line in _alone(database, change(database, verb, asked)).splitlines():
                print_wrapped(line, INDENT)
    except StoreError as problem:
        say([_alone(database, str(problem))])
        raise typer.Exit(code_of(problem)) from None


def _alone(database: Path | str, words: str) -> str:
    """Return words; where nothing waits since no daemon runs with that reason."""
    from kammerton.model import StoreError
    from kammerton.store.asking import runs
    from kammerton.store.questions import NOBODY

    with suppress(StoreError):
        return f"{words}: no daemon runs" if words == NOBODY and not runs(database) else words
    return words
