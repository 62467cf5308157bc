"""`kammerton fit`: the daemon's own fits on files of measured data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from kammerton.cli import app
from kammerton.cli.whole import whole

if TYPE_CHECKING:
    from kammerton.estimation.files.read import Read
    from kammerton.model import Fit

BAD_INPUT, NOT_ACCEPTED = 2, 3
PICTURES = (".png", ".pdf", ".svg")
PRINTED = 200
"""Dots per inch of a png: sharp in a printed lab book."""


def _list_kinds(wanted: bool) -> None:
    if not wanted:
        return
    from kammerton.cli.wrapped import print_labelled
    from kammerton.estimation import FIT_KINDS
    from kammerton.estimation.files.layouts import summary
    from kammerton.estimation.files.meaning import MEANING

    for kind in FIT_KINDS:
        typer.echo(f"{kind}\n    {summary(kind)}")
    typer.echo("\nWhat may be known, each by --known NAME=VALUE; without a unit it is SI:")
    print_labelled((f"  {name}", words) for name, words in MEANING.items())
    raise typer.Exit


Files = Annotated[
    list[Path],
    typer.Argument(
        help="Text table: x, then y. Several files: one for each series or prepared state.",
        metavar="FILE",
    ),
]
KindName = Annotated[
    str | None,
    typer.Option(
        metavar="KIND", help="t1, ramsey, ... (--kinds lists all); or short: echo, rb, qubit."
    ),
]
Kinds = Annotated[
    bool, typer.Option("--kinds", callback=_list_kinds, is_eager=True, help="List all kinds.")
]
Known = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="What is known, e.g. anharmonicity=-200MHz; repeatable."
    ),
]
Shots = Annotated[
    int | None,
    typer.Option(parser=whole(), metavar="N", help="Shots of each point, where y is a population."),
]
CalPoints = Annotated[
    int,
    typer.Option(
        parser=whole(),
        metavar="N",
        help="Calibration points at the end: half prepared 0, half prepared 1.",
    ),
]
X = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Column of x; of a map twice, in the order that --kinds names; of shots the state.",
    ),
]
Y = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of measured values.")]
Phase = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of the phase.")]
Sigma = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the standard error of y.")
]
XUnit = Annotated[
    str | None,
    typer.Option(metavar="UNIT", help="Unit of x, e.g. ns; of the axes of a map: ns,mV."),
]
YUnit = Annotated[
    str | None, typer.Option(metavar="UNIT", help="Unit of y, e.g. dB, where the header has none.")
]
Geometry = Annotated[
    str | None,
    typer.Option(metavar="WORD", help="Of a resonator: notch, reflection or transmission."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the fit (png, pdf, svg).")]


@app.command(short_help="Fit your own data as the daemon fits its.")
def fit(
    files: Files,
    kind: KindName = None,
    kinds: Kinds = False,
    known: Known = None,
    shots: Shots = None,
    cal_points: CalPoints = 0,
    x: X = None,
    y: Y = None,
    phase: Phase = None,
    sigma: Sigma = None,
    x_unit: XUnit = None,
    y_unit: YUnit = None,
    geometry: Geometry = None,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Fit measured data: values with error bars, and a verdict in words.

    Exit code 0: accepted; 3: not accepted; 2: the data or the options cannot be used.
    """
    from kammerton.estimation.files.columns import Choice
    from kammerton.estimation.files.read import fit_file
    from kammerton.estimation.files.suspicion import idle_geometry
    from kammerton.estimation.numeric.compiling import told_before
    from kammerton.model import TraceError, Verdict

    _check_picture(plot)
    kind = _named(kind)
    choice = Choice(y, phase, sigma, x_unit, cal_points, tuple(x or ()), y_unit)
    try:
        all_known = _known(kind, known or [], shots, geometry, sigma)
        with told_before(_compiles):
            chosen, found = fit_file(files, kind, choice, **all_known)
    except TraceError as error:
        _bad_input(str(error))
    given = chosen.sigma_known or shots is not None
    notes = _notes(chosen, found, calibrated=cal_points > 0, given=given)
    notes += idle_geometry(found, chosen.trace, all_known.get("geometry"))
    _note(files, notes)
    if plot is not None:
        _draw(files, chosen, found, plot, notes)
    _print(chosen, found, notes, as_json=as_json)
    if found.verdict is not Verdict.ACCEPTED:
        raise typer.Exit(NOT_ACCEPTED)


def _named(kind: str | None) -> str:
    from kammerton.estimation.files.layouts import kind_named

    if kind is None:
        _bad_input(
            "--kind says what was measured, e.g. --kind t1; `kammerton fit --kinds` lists all"
        )
    return kind_named(kind)


def _notes(chosen: Read, found: Fit, *, calibrated: bool, given: bool) -> list[str]:
    """Return how the file was read, and what looks as if it was meant otherwise.

    calibrated: calibration points were named. given: errors were, by sigma or shots.
    """
    from kammerton.estimation.files.suspicion import aliases, suspicions, too_still, unused

    trace, kind = chosen.trace, found.kind
    notes = [*chosen.notes, *suspicions(kind, trace, calibrated), *aliases(found, trace)]
    return notes + ([*too_still(found, trace), *unused(kind, trace)] if given else [])


def _print(chosen: Read, found: Fit, notes: list[str], *, as_json: bool) -> None:
    """Print what was found, and the shape of an envelope that it does not give itself."""
    from kammerton.cli.fit_report import print_json, print_text
    from kammerton.estimation.files.envelope import envelope, remarks
    from kammerton.estimation.files.grid import axes_of

    shape = envelope(chosen, found)
    if as_json:
        print_json(found, [*notes, *remarks(shape)], shape)
    else:
        print_text(found, axes_of(chosen.trace), shape)


def _note(files: list[Path], notes: list[str]) -> None:
    source = str(files[0]) if len(files) == 1 else f"{len(files)} files"
    for note in notes:
        typer.echo(f"{source}: {note}", err=True)


def _known(
    kind: str, texts: list[str], shots: int | None, geometry: str | None, sigma: str | None
) -> dict[str, object]:
    """Return what is known, whether by --known or by a short form."""
    from kammerton.estimation.files.known import known_of
    from kammerton.model import TraceError

    short = {"shots": shots, "geometry": geometry}
    texts = texts + [f"{name}={value}" for name, value in short.items() if value is not None]
    known = known_of(kind, texts)
    if sigma is not None and "shots" in known:
        raise TraceError("give --sigma or --shots, not both")
    return known


def _compiles() -> None:
    typer.echo(
        "compiling what this fit is the first to need on this machine: up to a minute", err=True
    )


def _check_picture(plot: Path | None) -> None:
    if plot is None:
        return
    if plot.suffix.lower() not in PICTURES:
        _bad_input(f"{plot}: a picture ends in {', '.join(PICTURES)}")
    if not plot.absolute().parent.is_dir():
        _bad_input(f"{plot}: there is no folder {plot.parent}")


def _draw(files: list[Path], chosen: Read, found: Fit, plot: Path, notes: list[str]) -> None:
    from kammerton.estimation.files.suspicion import questions
    from kammerton.estimation.pictures.picture import draw

    trace = replace(chosen.trace, target=found.kind)
    names = ", ".join(file.name for file in files)
    try:
        asked = "\n".join(questions(notes))
        draw({found.kind: trace}, {found.kind: found}, plot, names, note=asked, dpi=PRINTED)
    except OSError as error:
        typer.echo(f"kammerton fit: {plot}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"picture in {plot}", err=True)


def _bad_input(message: str) -> NoReturn:
    typer.echo(f"kammerton fit: {message}", err=True)
    raise typer.Exit(BAD_INPUT)
