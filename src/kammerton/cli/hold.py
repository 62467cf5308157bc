"""`kammerton hold q3 --why "looking at it"` and `kammerton release q3`: hands off, daemon."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, either

Scope = Annotated[
    str,
    typer.Argument(
        metavar="SCOPE", help='A qubit, resonator or instrument; "computer" for all of it.'
    ),
]
COMPUTER = "computer"
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


@app.command(short_help="Take something out of the daemon's hands.")
def hold(
    scope: Scope,
    lab: Where = None,
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
    """Take a qubit, an instrument or the whole computer out of the daemon's hands.

    It holds over restarts. With an instrument or the computer in a person's hands the daemon makes
    all outputs safe, closes its sessions and waits, and this waits for that and says whether they
    are known to be off; "maintenance" only mutes its alarms. Ctrl-C ends the waiting, not the
    hold, and says what is held.
    """
    from kammerton.cli.hands_off import LOOK
    from kammerton.cli.interrupted import interruptible

    readable(why)
    span = None if lasting is None else _span(lasting)
    lab = either(lab, at)
    on_bench = _known_or_exit(lab, scope)
    late = f"no longer waiting: {scope} is held, but outputs are not known to be off; {LOOK}"
    with interruptible():
        _change("hold", lab, scope, {"why": why, "now": now}, span)
        if on_bench:
            with interruptible(late):
                _tell_outputs(lab)


@app.command(short_help="Give back what was held.")
def release(
    scope: Scope,
    lab: Where = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Although another person holds it.")] = (
        False
    ),
    at: At = None,
) -> None:
    """Give back what was held; the daemon looks at its instruments anew and goes on."""
    lab = either(lab, at)
    _change("release", lab, scope, {"lease": _seen(lab, scope), "force": force})


def _seen(lab: Path | None, scope: str) -> int | None:
    """Return the number of the lease that holds a scope now: that one is to be released."""
    from kammerton.cli.loading import BAD_INPUT, database_or_exit, refuse
    from kammerton.model import StoreError
    from kammerton.store.older import lease_on

    database = database_or_exit(lab)
    try:
        return lease_on(database, scope)
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(BAD_INPUT) from None


def _change(
    verb: str,
    lab: Path | None,
    scope: str,
    more: dict[str, object],
    lasting: timedelta | None = None,
) -> None:
    from kammerton.cli.interrupted import interruptible
    from kammerton.cli.loading import code_of, database_or_exit, refuse
    from kammerton.model import StoreError
    from kammerton.store import change

    database = database_or_exit(lab)
    if lasting is not None:  # from now on, not from when this program began to load
        more = {**more, "until": (datetime.now(UTC) + lasting).isoformat()}
    try:
        with interruptible():
            typer.echo(change(database, verb, {"scope": scope, **more}))
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(code_of(problem)) from None


def _tell_outputs(lab: Path | None) -> None:
    from kammerton.cli.hands_off import outputs_after
    from kammerton.cli.loading import database_or_exit

    if words := outputs_after(database_or_exit(lab)):
        typer.echo(words)


def _known_or_exit(given: Path | None, scope: str) -> bool:
    """Leave with code 2 unless lab.toml, where there is one, knows what is to be held.

    Return whether outputs go off for it: it is the computer, or an instrument of lab.toml.
    One that is half edited keeps nobody from holding; a daemon that runs knows what there is.
    """
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.client.locate import find_lab
    from kammerton.lab import holdable, load
    from kammerton.lab.nearest import hint
    from kammerton.model import LabError

    file = find_lab(given)
    if file is None:
        return scope == COMPUTER
    try:
        lab = load(file)
    except LabError as error:
        if scope != COMPUTER:
            unknown = f'so it is not known whether there is anything called "{scope}"'
            refuse([*error.problems, unknown])
        return scope == COMPUTER
    known = holdable(lab)
    if scope not in known:
        refuse([f'there is nothing called "{scope}"{hint(scope, known)}'])
        raise typer.Exit(BAD_INPUT)
    return scope == COMPUTER or scope in lab.instruments


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
