"""`kammerton log --audit`: who changed which output or lease, of all or of what is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kammerton.cli.audit_words import words
from kammerton.cli.wrapped import print_wrapped

if TYPE_CHECKING:
    from kammerton.store import AuditRow, ReadStore

SECTIONS = ("qubits", "resonators", "feedlines", "instruments", "groups")

REFUSED = "refused"

ALL_VALUES = "revision of all"
"""What the log calls it where all values were set back, moved or ended: those of each element."""

LOOKED_AT = 100
"""Entries among which one must be more than the refusal of a slip."""


def show_audit(
    store: ReadStore, names: list[str], place: Path | None, count: int, *, as_json: bool
) -> None:
    """Print the last entries of the audit log, newest last; of these names, or of all.

    A name that is neither in lab.toml nor in any entry is refused.
    """
    from kammerton.cli.output import print_json

    rows = _about(store, names, place, count) if names else store.log(count)
    if as_json:
        print_json([_document(row) for row in rows[::-1]])
    else:
        _show(rows[::-1], names, count)


def _about(store: ReadStore, names: list[str], place: Path | None, count: int) -> list[AuditRow]:
    from kammerton.client.locate import groups, named
    from kammerton.lab.holdable import members
    from kammerton.store.caution import ALL

    _known_or_exit(store, names, place)
    meant = [*names, *members(groups(place), names)]
    if named(place, "instruments") & set(meant):
        meant.append(ALL)  # what is done to all outputs is done to its own
    elements = {name.partition(".")[0] for name in store.parameters()} | store.targets()
    if elements & {name.partition(".")[0] for name in meant}:
        meant.append(ALL_VALUES)
    return store.log_about(meant, count)


def _known_or_exit(store: ReadStore, names: list[str], place: Path | None) -> None:
    """Leave with code 2 where one of these is no name of this laboratory, nor of what was done."""
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.client.locate import named
    from kammerton.lab.nearest import hint

    parameters = store.parameters()
    known = {name.partition(".")[0] for name in parameters} | store.targets()
    known |= {name for section in SECTIONS for name in named(place, section)}
    known_in_full = known | set(parameters)
    unknown = [n for n in names if n not in known_in_full and not _was_done(store, n)]
    if unknown:
        refuse([f'the audit log names no "{name}"{hint(name, known)}' for name in unknown])
        raise typer.Exit(BAD_INPUT)


def _was_done(store: ReadStore, name: str) -> bool:
    """Say whether an entry, and not only the refusal of a slip, is about a name."""
    return any(row.new != REFUSED for row in store.log_about([name], LOOKED_AT))


def _document(row: AuditRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "time": row.time.isoformat(),
        "who": row.who,
        "what": row.what,
        "old": row.old,
        "new": row.new,
        "why": row.why,
        "hash": row.hash,
    }


def _show(rows: list[AuditRow], names: list[str], count: int) -> None:
    day = ""
    indent = len(str(rows[-1].number)) if rows else 0
    for row in rows:
        if day != (day := f"{row.time:%Y-%m-%d}"):
            typer.echo(f"{day} (UTC)")
        first = f"{row.number:>{indent}}  {row.time:%H:%M:%S}  "
        one, *more = words(row).splitlines()
        print_wrapped(f"{first}{one}", len(first))
        for line in more:
            print_wrapped(" " * len(first) + line, len(first) + 4)
    _show_rest(rows, names, count)


def _show_rest(rows: list[AuditRow], names: list[str], count: int) -> None:
    """Say what is not shown, and where nothing is."""
    if names and not rows:
        typer.echo(f"no entry of the audit log is about {', '.join(names)}", err=True)
    elif names and len(rows) == count:
        typer.echo(f"the last {count} about {', '.join(names)}; more with -n", err=True)
    elif not names and rows and rows[0].number > 1:
        typer.echo(f"the last {len(rows)} of {rows[-1].number}; more with -n", err=True)
