"""`kammerton revert q3 --to r41`: go back, as a new revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kammerton.cli import app
from kammerton.cli.hold import readable
from kammerton.cli.place import At, apart

if TYPE_CHECKING:
    from kammerton.store import ReadStore


@app.command(short_help="Go back to the values of an earlier revision.")
def revert(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Elements or parameters: q3, q3.f01 [default: all]; then lab.toml or a database",
        ),
    ] = None,
    *,
    to: Annotated[
        str,
        typer.Option("--to", metavar="REVISION", help="E.g. r41, or what held at a time: 18:00."),
    ],
    why: Annotated[str, typer.Option("--why", metavar="WORDS", help="For the log.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Although another person holds it.")] = (
        False
    ),
    at: At = None,
) -> None:
    """Give parameters the values they had at a revision; works while the daemon runs.

    This makes a new revision: nothing is forgotten, and the daemon goes on from there. Values
    that have expired since are measured again; `kammerton hold` keeps the daemon's hands off.
    What another person holds is set back with --force only. A qubit's resonator stays as it is,
    and what has changed there since is named: its readout rests on both.
    """
    from kammerton.cli.interrupted import interruptible
    from kammerton.cli.loading import code_of, database_or_exit, refuse
    from kammerton.cli.output import opened
    from kammerton.cli.revisions import revision_or_exit
    from kammerton.cli.wrapped import print_wrapped
    from kammerton.client.locate import resonators
    from kammerton.model import StoreError
    from kammerton.store import change

    readable(why, blank=True)
    wanted, lab = apart(names or [], at)
    database = database_or_exit(lab)
    with opened(lab) as store:
        revision = revision_or_exit(store, to)
        kept = _kept(store, revision, wanted, resonators(lab))
    asked = {"to": revision, "names": wanted, "why": why}
    try:
        with interruptible():
            said = change(database, "revert", asked | ({"force": True} if force else {}))
    except StoreError as problem:
        refuse([str(problem), *kept])
        raise typer.Exit(code_of(problem)) from None
    for words in (said, *kept):
        print_wrapped(words, 4)


def _kept(
    store: ReadStore, to: int, names: Sequence[str], resonators: Mapping[str, str]
) -> list[str]:
    """Say what of the readout of qubits is not set back with them, and how it is."""
    then, now = store.parameters_at(to), store.parameters()
    words = list[str]()
    for qubit, resonator in ((n, resonators[n]) for n in names if n in resonators):
        mine = [n for n, e in now.items() if n.startswith(f"{resonator}.") and n in then]
        changed = [n for n in mine if n not in names and now[n] != then[n].estimate]
        if changed and resonator not in names:
            said = f"not set back, though {qubit} is read with {resonator}: {', '.join(changed)}"
            words.append(f"{said}; for these: kammerton revert {resonator} --to r{to}")
    return words
