"""`kammerton diff r41 r57`: what changed between two revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, apart, either

if TYPE_CHECKING:
    from kammerton.model import Estimate

    Pair = tuple[Estimate | None, Estimate | None]


@app.command(short_help="Show what differs between two revisions.")
def diff(
    old: Annotated[str, typer.Argument(help="A revision, e.g. r41.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="[default: the newest]")] = "",
    lab: Where = None,
    *,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show which values differ between two revisions, and by how many sigmas."""
    from kammerton.cli.loading import BAD_INPUT, refuse
    from kammerton.cli.output import opened, print_json
    from kammerton.cli.revisions import revision_or_exit
    from kammerton.model import StoreError

    later, at = apart([new] if new else [], at)
    with opened(either(lab, at)) as store:
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
    if as_json:
        print_json({name: _document(pair) for name, pair in pairs.items()})
    elif pairs:
        _show(pairs, f"revision {first}", f"revision {second}")
    else:
        typer.echo(f"revisions {first} and {second} are the same", err=True)


def _document(pair: Pair) -> dict[str, Any]:
    from kammerton.cli.output import described_estimate

    old, new = (described_estimate(each) if each else None for each in pair)
    return {"old": old, "new": new, "sigmas": _sigmas(*pair)}


def _show(pairs: dict[str, Pair], first: str, second: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("parameter", first, second, "difference", "sigmas", box=None, pad_edge=False)
    for name, (old, new) in sorted(pairs.items()):
        sigmas = _sigmas(old, new)
        far = "" if sigmas is None else f"{sigmas:+.1f}"
        table.add_row(name, _words(old), _words(new), _difference(old, new), far)
    Console().print(table)


def _words(estimate: Estimate | None) -> str:
    from kammerton.model.quantity import show

    return show(estimate.value, estimate.unit, estimate.stderr) if estimate else "not measured"


def _difference(old: Estimate | None, new: Estimate | None) -> str:
    from kammerton.model.quantity import show

    if old is None or new is None:
        return ""
    return show(new.value - old.value, new.unit, new.stderr or old.stderr)


def _sigmas(old: Estimate | None, new: Estimate | None) -> float | None:
    """Return the difference over the standard error of the difference; None where it has none."""
    import math

    if old is None or new is None or old.stderr == new.stderr == 0:
        return None
    return (new.value - old.value) / math.hypot(old.stderr, new.stderr)
