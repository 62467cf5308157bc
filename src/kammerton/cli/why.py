"""`kammerton why q0.f01`: what stands behind a value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, either

if TYPE_CHECKING:
    from kammerton.client import Why
    from kammerton.store import ReadStore


@app.command(short_help="Say what stands behind a value.")
def why(
    parameter: Annotated[str, typer.Argument(metavar="PARAMETER", help="Full name, e.g. q0.f01.")],
    lab: Where = None,
    *,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what stands behind a value: run, fit, verdict, age, and what it was before."""
    from kammerton.cli.output import opened, print_json
    from kammerton.client.locate import note_beside
    from kammerton.client.why import explain

    lab = either(lab, at)
    with opened(lab) as store:
        if parameter not in store.parameters():
            words = [_missing(store, parameter, lab), *_held(store, parameter)]
            typer.echo("\n".join(words), err=True)
            raise typer.Exit(2)
        found, held = explain(store, parameter, note=note_beside(lab)), _held(store, parameter)
        if as_json:
            print_json({**_document(found), "held": held, "note": found.estimate.note})
        else:
            _show(found, held)


def _missing(store: ReadStore, parameter: str, place: Path | None) -> str:
    from kammerton.cli.loading import load_or_exit
    from kammerton.client.locate import find_lab
    from kammerton.client.missing import missing

    lab = find_lab(place)
    return missing(store, parameter, load_or_exit(lab) if lab else None)


def _document(found: Why) -> dict[str, Any]:
    from kammerton.cli.output import described_doubt, described_estimate, described_fit

    return {
        "parameter": found.name,
        "revision": found.revision,
        **described_estimate(found.estimate),
        "age_seconds": found.age.total_seconds(),
        "doubted": described_doubt(found.name, found.estimate, found.doubted, found.now),
        "set_back": None
        if (back := found.set_back) is None
        else {"to": back.reverts, "who": back.who, "why": back.why},
        "calibration": found.run.calibration,
        "fit": described_fit(found.fit) if found.fit else None,
        "previous": [
            {"revision": each.revision, **described_estimate(each.estimate)}
            for each in found.previous
        ],
        "data": str(found.run.data) if found.run.data else None,
        "picture": str(found.run.picture) if found.run.picture else None,
    }


def _held(store: ReadStore, parameter: str) -> list[str]:
    """Return who holds the element, and what the daemon has set aside: nothing is measured then."""
    from kammerton.cli.status import words_of
    from kammerton.store.leases import DAEMON

    element = parameter.partition(".")[0]
    mine = [each for each in store.leases() if each.scope == element or each.owner == DAEMON]
    return [words_of(each) for each in mine]


def _show(found: Why, held: list[str]) -> None:
    from kammerton.cli.wrapped import print_labelled

    hands_off = [("hands off", words) for words in held]
    print_labelled([*found.lines(), *hands_off, *found.history()])
