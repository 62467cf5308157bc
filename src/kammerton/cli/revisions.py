"""How a person names a revision: r41 or 41; r000041 is a run, and means what it changed.

Or by a time, of this computer's clock and its zone where none is said: what held then.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from kammerton.store import ReadStore


def revision_or_exit(store: ReadStore, said: str) -> int:
    """Return the number of a revision, or say why there is none and leave with code 2."""
    from kammerton.client.numbered import meant
    from kammerton.store.rows import run_name, run_number

    if (time := time_of(said, datetime.now())) is not None:
        return _at_or_exit(store, time.astimezone())
    number = run_number(said if said.startswith("r") else f"r{said}")
    problem = f"{said!r} is no revision; write r41 or 41, or a time: 18:00, '2026-11-29 18:00'"
    if number is not None and said == run_name(number):
        try:
            number = store.run(said).revision
            problem = f"run {said} changed nothing"
        except KeyError:
            number, problem = None, f"there is no run {said}"
    newest = store.revision()
    if number is not None and not 1 <= number <= newest:
        number, problem = None, f"there is no revision r{number}; the newest is r{newest}"
        problem += meant(store, said if said.startswith("r") else f"r{said}")
    if number is None:
        _leave(problem)
    return number


def time_of(said: str, now: datetime) -> datetime | None:
    """Return the time that a text says, None where it says none.

    Where it names no zone it is one by this computer's clock, as is `now`: a day in summer has
    summer's time. A time of day is the last one that has passed.

    >>> now = datetime(2026, 11, 30, 9)
    >>> [str(time_of(said, now)) for said in ("18:00", "2026-11-29", "r41")]
    ['2026-11-29 18:00:00', '2026-11-29 00:00:00', 'None']
    """
    if re.fullmatch(r"\d\d?:\d\d(:\d\d)?", said):
        return _last(said, now)
    if not re.match(r"\d{4}-\d\d-\d\d", said):
        return None
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None


def _last(said: str, now: datetime) -> datetime | None:
    """Return when it was this time of day, 9:30 or 09:30:10; None where there is no such time."""
    hour, *rest = (int(part) for part in said.split(":"))
    if hour > 23 or max(rest) > 59:
        return None
    minute, second = (*rest, 0)[:2]
    time = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return time if time <= now else time - timedelta(days=1)


def _at_or_exit(store: ReadStore, time: datetime) -> int:
    """Return the revision of a time, and say which that is."""
    if time > datetime.now(UTC):
        _leave(f"{time:%Y-%m-%d %H:%M} is yet to come")
    number = store.revision_at(time)
    if number == 0:
        _leave(f"nothing was known on {time:%Y-%m-%d at %H:%M}")
    made = store.made(number)[0].committed.astimezone(time.tzinfo)
    then = f"{time:%H:%M:%S}".removesuffix(":00")
    typer.echo(
        f"at {then} on {time:%Y-%m-%d} r{number} held, of {made:%Y-%m-%d %H:%M:%S}", err=True
    )
    return number


def _leave(problem: str) -> NoReturn:
    from kammerton.cli.loading import BAD_INPUT, refuse

    refuse([problem])
    raise typer.Exit(BAD_INPUT)
