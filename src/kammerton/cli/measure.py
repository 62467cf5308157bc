"""`kammerton measure q3 t1`: one calibration, next, by the running daemon."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, either, say_where
from kammerton.cli.whole import whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from kammerton.client.measuring import Measured
    from kammerton.store import ReadStore

NOT_ACCEPTED = 3


@app.command(short_help="Have the daemon measure something next.")
def measure(
    target: Annotated[str, typer.Argument(metavar="QUBIT", help="A qubit, e.g. q3.")],
    calibration: Annotated[
        str, typer.Argument(metavar="CALIBRATION", help="What to run, e.g. t1, ramsey, readout.")
    ],
    lab: Where = None,
    *,
    shots: Annotated[
        int | None, typer.Option(parser=whole(), metavar="N", help="Shots [default: as usual]")
    ] = None,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Have the running daemon run one calibration of one qubit next, and say what came of it.

    It takes the way of all measurements: limits, interlock, verdict, database, MQTT. What it rests
    on is measured before where that is doubted, as after a release; what an instrument aborts is
    measured once more as soon as all are back. What has not begun within 10 min of asking is not
    measured any more. Exit code 0: accepted; 3: measured, not accepted; 2: not measured, and why,
    or no daemon runs; 4: nobody has answered, and it may be measured yet. Ctrl-C withdraws what
    nobody has taken up, says how to stop the rest, and ends with 130.
    """
    from kammerton.cli.interrupted import interruptible
    from kammerton.cli.loading import code_of, database_or_exit, refuse
    from kammerton.cli.output import print_json
    from kammerton.client import measuring
    from kammerton.client.locate import note_beside
    from kammerton.model import StoreError

    place = either(lab, at)
    say_where(place)
    database, note = database_or_exit(place), note_beside(place)
    try:
        with interruptible():
            found = measuring.measure(database, target, calibration, shots, _progress(), note)
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(code_of(problem)) from None
    print_json(_document(found)) if as_json else _show(found)
    raise typer.Exit(0 if found.accepted else NOT_ACCEPTED)


def _progress() -> Callable[[ReadStore], None]:
    """Return what says on stderr, whenever that changes, what the daemon does meanwhile."""
    said: list[str] = []

    def tell(store: ReadStore) -> None:
        activity = store.current_activity()
        what = activity.what if activity and not activity.past else None
        if not what or what.startswith("idle"):
            return
        if [news := re.sub(r"\d+(\.\d+)? s\b", "", what)] != said[-1:]:  # no pause is news
            said.append(news)
            typer.echo(_one_line(what), err=True)

    return tell


def _one_line(what: str) -> str:
    """Return what is done in one line: of a terminal no longer than that; the log has the whole."""
    if not sys.stderr.isatty():
        return f"... {what}"
    width = max(shutil.get_terminal_size((80, 24)).columns, 40)
    return textwrap.shorten(f"... {what}", width, placeholder=" ...")


def _document(found: Measured) -> dict[str, Any]:
    from kammerton.cli.output import described_estimate, described_fit

    return {
        "run": found.run.id,
        "revision": found.run.revision,
        "fit": described_fit(found.fit),
        "parameters": {n: described_estimate(e) for n, e in found.parameters.items()},
        "withheld": found.withheld,
        "why_withheld": found.why_withheld,
        "data": str(found.run.data) if found.run.data else None,
        "picture": str(found.picture) if found.picture else None,
        "note": found.run.note,
    }


def _show(found: Measured) -> None:
    from kammerton.cli.wrapped import print_labelled

    print_labelled(_lines(found))


def _lines(found: Measured) -> list[tuple[str, str]]:
    from kammerton.model.advised import advised

    run = found.run
    lines = list(found.words().items())
    lines.append(("verdict", found.fit.said()))
    if change := advised(found.fit):
        lines.append(("to change", change))
    if found.why_withheld:
        lines.append(("withheld", found.why_withheld))
    how = f"{run.shots} shots, {run.instrument_seconds:.3g} s of instrument time"
    lines.append(("from", f"{run.calibration}, run {run.id}, {how}"))
    if found.picture:
        lines.append(("picture", str(found.picture)))
    if run.note:
        lines.append(("note", run.note))
    return lines
