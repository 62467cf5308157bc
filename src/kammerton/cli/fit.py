"""`kammerton fit`: the daemon's own fits on a file of measured data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from kammerton.cli import app

if TYPE_CHECKING:
    from kammerton.estimation.columns import Chosen
    from kammerton.model import Fit

BAD_INPUT, NOT_ACCEPTED = 2, 3
PICTURES = (".png", ".pdf", ".svg")


@app.command()
def fit(
    file: Annotated[Path, typer.Argument(help="CSV: first column x, further columns y.")],
    kind: Annotated[
        str, typer.Option(help="t1, ramsey, t2_echo, rabi_amplitude, resonator_spectroscopy, ...")
    ],
    cal_points: Annotated[
        int, typer.Option(help="Calibration points at the end: half prepared 0, half prepared 1.")
    ] = 0,
    y: Annotated[str | None, typer.Option(help="Column of measured values.")] = None,
    phase: Annotated[str | None, typer.Option(help="Column of the phase.")] = None,
    sigma: Annotated[str | None, typer.Option(help="Column of the standard error of y.")] = None,
    x_unit: Annotated[str | None, typer.Option(help="Unit of x, e.g. ns or GHz.")] = None,
    geometry: Annotated[
        str | None, typer.Option(help="Of a resonator: notch, reflection or transmission.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the fit (png, pdf, svg).")] = None,
) -> None:
    """Fit a measured trace; exit code 3 where the fit is not accepted."""
    from kammerton.estimation.columns import Choice
    from kammerton.estimation.file import fit_file
    from kammerton.model import TraceError, Verdict

    _check_picture(plot)
    known = {} if geometry is None else {"geometry": geometry}
    choice = Choice(y, phase, sigma, x_unit, cal_points)
    try:
        chosen, found = fit_file(file, kind, choice, **known)
    except TraceError as error:
        _bad_input(str(error))
    for note in chosen.notes:
        typer.echo(f"{file}: {note}", err=True)
    if plot is not None:
        _draw(chosen, found, plot)
    if as_json:
        _print_json(found)
    else:
        _print_text(found)
    if found.verdict is not Verdict.ACCEPTED:
        raise typer.Exit(NOT_ACCEPTED)


def _print_json(found: Fit) -> None:
    import json

    from kammerton.model import Verdict

    accepted = found.verdict is Verdict.ACCEPTED
    parameters = {
        name: {"value": v.value, "stderr": v.stderr, "unit": v.unit}
        for name, v in found.values.items()
        if accepted and math.isfinite(v.value) and math.isfinite(v.stderr)
    }
    chi2 = found.chi2_reduced if math.isfinite(found.chi2_reduced) else None
    answer = {
        "verdict": str(found.verdict),
        "status": found.status,
        "reason": found.reason,
        "parameters": parameters,
        "chi2_reduced": chi2,
    }
    print(json.dumps(answer, allow_nan=False))


def _print_text(found: Fit) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from kammerton.model import Verdict
    from kammerton.model.quantity import show

    colour = {Verdict.ACCEPTED: "green", Verdict.INSUFFICIENT: "yellow", Verdict.REJECTED: "red"}
    console = Console()
    verdict = Text(f"{found.verdict}", style=f"bold {colour[found.verdict]}")
    console.print(Text(f"{found.kind}  {found.target}: ") + verdict + Text(f", {found.status}"))
    console.print(Text(found.reason))
    if found.verdict is not Verdict.ACCEPTED:
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in found.values.items():
        if math.isfinite(value.value):
            table.add_row(name, show(value.value, value.unit, value.stderr))
    if math.isfinite(found.chi2_reduced):
        table.add_row("chi2 reduced", f"{found.chi2_reduced:.3g}")
    console.print(table)


def _check_picture(plot: Path | None) -> None:
    if plot is None:
        return
    if plot.suffix.lower() not in PICTURES:
        _bad_input(f"{plot}: a picture ends in {', '.join(PICTURES)}")
    if not plot.absolute().parent.is_dir():
        _bad_input(f"{plot}: there is no folder {plot.parent}")


def _draw(chosen: Chosen, found: Fit, plot: Path) -> None:
    from kammerton.estimation.picture import draw

    target = chosen.trace.target
    try:
        draw({target: chosen.trace}, {target: found}, plot, f"{found.kind}  {target}")
    except OSError as error:
        typer.echo(f"kammerton fit: {plot}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"picture in {plot}", err=True)


def _bad_input(message: str) -> NoReturn:
    typer.echo(f"kammerton fit: {message}", err=True)
    raise typer.Exit(BAD_INPUT)
