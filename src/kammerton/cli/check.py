"""`kammerton check lab.toml`: every problem at once, of plug-ins too; nothing is connected."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from kammerton.cli import app
from kammerton.cli.loading import BAD_INPUT, calibrations_or_exit, lab_or_exit, refuse
from kammerton.cli.place import At, Where, either

if TYPE_CHECKING:
    from kammerton.lab import Findings, Lab

NO_BUDGET = (
    "hint: without a [heat_budget] the heat that pulses bring into the refrigerator is not counted"
)


@app.command(short_help="Say everything that is wrong with a lab.toml.")
def check(
    lab: Where = None,
    *,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read lab.toml and say everything that is wrong with it; touches no instrument.

    Calibrations that others have installed are imported, and what they declare is looked at.
    """
    from kammerton.lab import examine

    findings = examine(lab_or_exit(either(lab, at)))
    more = (*_keys(findings.lab), *_serials(findings.lab))
    problems = (*findings.problems, *_of_plug_ins())
    findings = replace(findings, problems=problems, warnings=(*findings.warnings, *more))
    if as_json:
        said = {"problems": findings.problems, "warnings": findings.warnings}
        typer.echo(json.dumps(said))
    else:
        _say(findings)
    raise typer.Exit(BAD_INPUT if findings.problems else 0)


def _of_plug_ins() -> list[str]:
    """Return what is wrong with calibrations that are not ours, which are tested."""
    from kammerton.lab.plug_ins import plug_ins

    if not plug_ins():  # what they are declared with takes a second to load
        return []
    from kammerton.loop import load_calibrations
    from kammerton.model import PlugInError

    try:
        load_calibrations()
    except PlugInError as error:
        return error.problems
    return []


def _keys(lab: Lab | None) -> list[str]:
    """Return what is wrong with the keys of those who may command over MQTT."""
    file = lab.broker.commands if lab is not None and lab.broker is not None else None
    if file is None or not file.exists():  # that it is not there is said already
        return []
    from kammerton.model import BrokerError
    from kammerton.publish.commands import keys

    try:
        keys(file)
    except BrokerError as problem:
        return [f"nobody may command over MQTT: {problem}"]
    return []


def _serials(lab: Lab | None) -> list[str]:
    """Say which instruments have no serial number, and which one answered where a daemon ran."""
    if lab is None:
        return []
    from kammerton.model import StoreError
    from kammerton.store import Store
    from kammerton.store.place import named
    from kammerton.store.plates import known, unnamed

    if not unnamed(lab, {}):
        return []
    try:
        with Store.read(named(lab.database, lab.computer)) as store:
            return unnamed(lab, known(lab, store))
    except StoreError:  # no daemon ran yet, or it cannot be read now: `status` says why
        return unnamed(lab, {})


def _say(findings: Findings) -> None:
    for warning in findings.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if findings.lab is None or findings.problems:
        refuse(list(findings.problems))
    else:
        typer.echo(f"{findings.lab.path.name} is fine: {_summary(findings.lab)}")
        for line in (*_heat(findings.lab), *_unpublished(findings.lab)):
            typer.echo(line)


def _heat(lab: Lab) -> list[str]:
    """Return the most heat that a calibration would leave at each stage, of all qubits at once."""
    if not lab.heat_budget:
        return [NO_BUDGET]
    from datetime import UTC, datetime

    from kammerton.loop.intended import REFRIGERATOR, played
    from kammerton.model.quantity import parse

    writes = [*played(lab, calibrations_or_exit(), datetime.now(UTC))]
    most: dict[str, tuple[float, str]] = {}
    for w in (w for w in writes if w.output == REFRIGERATOR):
        said = f"{w.quantity}: up to {w.new} ({w.when}), of {w.limit}"
        most[w.quantity] = max(most.get(w.quantity, (0.0, said)), (parse(w.new, "W"), said))
    refused = [f"refused: {w.when}: {w.refused}" for w in writes if w.refused]
    return [*(said for _, said in most.values()), *refused]


def _unpublished(lab: Lab) -> list[str]:
    return [] if lab.broker else ["hint: without a [broker] nothing is published"]


def _summary(lab: Lab) -> str:
    return ", ".join(
        _count(len(things), name)
        for things, name in (
            (lab.qubits, "qubit"), (lab.feedlines, "feedline"), (lab.instruments, "instrument"),
        )
    )  # fmt: skip


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
