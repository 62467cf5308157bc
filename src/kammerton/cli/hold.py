"""`kammerton hold q3 q4 --why "looking at them"` and `kammerton release q3 q4`: hands off."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kammerton.cli import app
from kammerton.cli.place import HERE, At, apart, say_where

if TYPE_CHECKING:
    from kammerton.lab import Lab

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME",
        help='Qubits, resonators, instruments, groups of lab.toml; "computer" for all of it; then '
        f"lab.toml, its folder or a database {HERE}",
    ),
]
COMPUTER = "computer"
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


@app.command(short_help="Take something out of the daemon's hands.")
def hold(
    names: Names,
    *,
    why: Annotated[
        str, typer.Option("--why", metavar="WORDS", help="What others read when they wonder.")
    ],
    lasting: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="TIME", help="How long, e.g. 2h, 90min [default: until released]"
        ),
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait up to 5 s for a safe point.")
    ] = False,
    at: At = None,
) -> None:
    """Take qubits, instruments or the whole computer out of the daemon's hands: all, or none.

    It holds over restarts. With an instrument or the computer in a person's hands the daemon makes
    all outputs safe, closes its sessions and waits, and this waits for that and says whether they
    are known to be off; "maintenance" only mutes its alarms. Ctrl-C ends the waiting, not the
    hold, and says what is held.
    """
    from kammerton.cli.interrupted import interruptible
    from kammerton.client.hands_off import LOOK
    from kammerton.client.holding import asked_for, go_on, outputs_go_off
    from kammerton.store.request import are

    readable(why)
    span = None if lasting is None else _span(lasting)
    wanted, lab = _placed(names, at)
    known = _known_or_exit(lab, wanted)
    late = f"no longer waiting: {are(wanted)} held, but outputs are not known to be off; {LOOK}"
    with interruptible():
        _change("hold", lab, lambda _: asked_for(wanted, why, span, now=now))
        if not _daemon_runs(lab):
            typer.echo("no daemon runs; the hold counts as soon as one does")
        elif known is not None and (words := go_on(known, wanted, _held(lab))):
            typer.echo(words)
        if outputs_go_off(known, wanted):
            with interruptible(late):
                _tell_outputs(lab)


@app.command(short_help="Give back what was held.")
def release(
    names: Names,
    *,
    force: Annotated[bool, typer.Option("--force", help="Although another person holds it.")] = (
        False
    ),
    at: At = None,
) -> None:
    """Give back what was held, all of it or none; the daemon looks at its instruments anew.

    "all" is all that you hold; with --force, all that anybody holds.
    """
    from kammerton.cli.to_release import to_release
    from kammerton.client.holding import seen

    wanted, lab = _placed(names, at)

    def given_back(database: Path | str) -> Mapping[str, object]:
        meant = to_release(database, lab, wanted, everybody=force)
        return {**seen(database, meant), "force": force}

    _change("release", lab, given_back)


def _daemon_runs(lab: Path | None) -> bool:
    """Say whether a daemon runs; where that cannot be read, what would go on is said."""
    from kammerton.cli.loading import database_or_exit
    from kammerton.model import StoreError
    from kammerton.store.asking import runs

    try:
        return runs(database_or_exit(lab))
    except StoreError:
        return True


def _held(lab: Path | None) -> Collection[str]:
    """Return all that is held by now; nothing where it cannot be read: too much goes on then."""
    from kammerton.cli.loading import database_or_exit
    from kammerton.model import StoreError
    from kammerton.store.older import leases_now

    try:
        return leases_now(database_or_exit(lab))
    except StoreError:
        return ()


def _placed(names: list[str], at: Path | None) -> tuple[list[str], Path | None]:
    """Return what is meant, with the members of groups in their place, and where it is.

    What is named first is no place, whatever it is called.
    """
    from kammerton.client.locate import groups
    from kammerton.lab.holdable import members

    more, lab = apart(names[1:], at)
    say_where(lab)
    return members(groups(lab), [names[0], *more]), lab


def _change(
    verb: str, lab: Path | None, arguments: Callable[[Path | str], Mapping[str, object]]
) -> None:
    """Have it done. arguments: of a database, from now on: not from when this began to load."""
    from kammerton.cli.interrupted import interruptible
    from kammerton.cli.loading import code_of, database_or_exit, refuse
    from kammerton.model import StoreError
    from kammerton.store import change

    database = database_or_exit(lab)
    try:
        said = arguments(database)
        with interruptible():
            typer.echo(change(database, verb, said))
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(code_of(problem)) from None


def _tell_outputs(lab: Path | None) -> None:
    from kammerton.cli.loading import database_or_exit
    from kammerton.client.hands_off import outputs_after

    if words := outputs_after(database_or_exit(lab)):
        typer.echo(words)


def _known_or_exit(given: Path | None, names: list[str]) -> Lab | None:
    """Return lab.toml, None where there is none; leave with code 2 where it knows not all names.

    One that is half edited keeps nobody from holding; a daemon that runs knows what there is.
    """
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.client.holding import strange
    from kammerton.client.locate import find_lab
    from kammerton.lab import load
    from kammerton.model import LabError

    file, lab = find_lab(given), None
    try:
        lab = None if file is None else load(file)
    except LabError as error:
        if unsure := [each for each in names if each != COMPUTER]:
            called = " or ".join(f'"{each}"' for each in unsure)
            nobody = f"so it is not known whether there is anything called {called}"
            refuse([*error.problems, nobody])
    if lab is not None and (unknown := strange(lab, names)):
        refuse(unknown)
        raise typer.Exit(BAD_INPUT)
    return lab


def readable(why: str, *, blank: bool = False) -> None:
    """Refuse a reason that says nothing, or that others could not read as it was written."""
    from kammerton.model.said import flaw

    if wrong := flaw(why, blank=blank):
        raise typer.BadParameter(wrong, param_hint="--why")


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)", text)
    if match is None or not float(match[1]):
        raise typer.BadParameter(f"{text!r} is no time such as 2h or 90min", param_hint="--for")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > 3650 * _UNITS["d"]:
        raise typer.BadParameter(f"{text!r} is longer than ten years", param_hint="--for")
    return timedelta(seconds=seconds)
