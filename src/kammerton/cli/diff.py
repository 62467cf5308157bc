"""`kammerton diff r41 r57`: what changed between two revisions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, apart, either

if TYPE_CHECKING:
    from kammerton.model import Estimate

    Pair = tuple[Estimate | None, Estimate | None]


_WIDE = 1000
"""Columns: a name that is cut, or a number that is folded, cannot be read by eye or program."""


@app.command(short_help="Show what differs between two revisions.")
def diff(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="E.g. r41, or what held at a time: 18:00.")
    ],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Another one [default: the newest]")
    ] = "",
    lab: Where = None,
    *,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show which values differ between two revisions, and by how many sigmas."""
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.cli.output import opened, print_json
    from kammerton.cli.revisions import revision_or_exit
    from kammerton.client.locate import note_beside
    from kammerton.model import StoreError

    later, at = apart([new] if new else [], at)
    place = either(lab, at)
    with opened(place) as store:
        first = revision_or_exit(store, old)
        second = revision_or_exit(store, *later) if later else store.revision()
        try:
            then, now = store.parameters_at(first), store.parameters_at(second)
        except StoreError as problem:
            refuse([str(problem)])
            raise typer.Exit(BAD_INPUT) from None
    pairs: dict[str, Pair] = {
        name: (then[name].estimate if name in then else None, each.estimate)
        for name, each in now.items()
        if name not in then or then[name].estimate != each.estimate
    } | {name: (each.estimate, None) for name, each in then.items() if name not in now}
    note = note_beside(place)
    if as_json:
        noted = {"note": note} if note else {}
        print_json({name: _document(pair) | noted for name, pair in pairs.items()})
    elif pairs:
        _show(pairs, f"revision {first}", f"revision {second}")
        typer.echo(note, nl=bool(note))
    else:
        typer.echo(f"revisions {first} and {second} are the same", err=True)


def _document(pair: Pair) -> dict[str, Any]:
    from kammerton.cli.output import described_estimate

    old, new = (described_estimate(each) if each else None for each in pair)
    return {"old": old, "new": new, "sigmas": _sigmas(*pair)}


def _show(pairs: dict[str, Pair], first: str, second: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("parameter", first, second, "difference", "sigmas"):
        table.add_column(heading, no_wrap=True)
    for name, (old, new) in sorted(pairs.items()):
        sigmas = _sigmas(old, new)
        far = "" if sigmas is None else f"{sigmas:+z.1f}"
        table.add_row(name, _words(old, new), _words(new, old), _difference(old, new), far)
    Console(width=_WIDE).print(table)


def _words(estimate: Estimate | None, other: Estimate | None) -> str:
    """Return a value: one without an error bar with as many digits as its difference shows."""
    from kammerton.model.quantity import brief, show

    if estimate is None:
        return "not measured"
    if estimate.stderr == 0 and other is not None and other.value != estimate.value:
        apart = abs(other.value - estimate.value)
        apart = min(apart, abs(estimate.value) or apart)  # it shows itself, beside one far larger
        return show(estimate.value, estimate.unit, apart).partition(" ± ")[0]
    return brief(estimate.value, estimate.unit, estimate.stderr)


def _difference(old: Estimate | None, new: Estimate | None) -> str:
    from kammerton.estimation.pictures.scales import written

    if old is None or new is None:
        return ""
    change = written(new.value - old.value, new.unit, math.hypot(old.stderr, new.stderr))
    return change.replace("−", "-")  # as all minus signs of the terminal


def _sigmas(old: Estimate | None, new: Estimate | None) -> float | None:
    """Return the difference over the standard error of the difference; None where it has none."""
    if old is None or new is None or old.stderr == new.stderr == 0:
        return None
    return (new.value - old.value) / math.hypot(old.stderr, new.stderr)
