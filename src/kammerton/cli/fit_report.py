"""What `kammerton fit` prints: a table for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kammerton.estimation.files.envelope import WORDS
from kammerton.estimation.pictures.scales import places, scale_of
from kammerton.estimation.pictures.wording import counted_fidelity, given
from kammerton.model import Fit, Verdict
from kammerton.model.advised import in_words
from kammerton.model.quantity import SCALED, show

COLOURS = {Verdict.ACCEPTED: "green", Verdict.INSUFFICIENT: "yellow", Verdict.REJECTED: "red"}


def print_json(found: Fit, notes: Sequence[str], envelope: str | None) -> None:
    """Print one JSON object; values and correlation only where the fit is accepted.

    notes: how the file was read, and what looks as if it was meant otherwise. envelope: which one
    Ramsey fringes have.
    """
    accepted = found.verdict is Verdict.ACCEPTED
    parameters = {
        name: {"value": v.value, "stderr": v.stderr, "unit": v.unit}
        for name, v in found.values.items()
        if accepted and math.isfinite(v.value) and math.isfinite(v.stderr)
    }
    answer = {
        "verdict": str(found.verdict),
        "status": found.status,
        "reason": found.reason,
        "parameters": parameters,
        "correlation": _correlation(found, list(parameters)),
        "chi2_reduced": _number(found.chi2_reduced),
        "advice": _advice(found),
        "notes": list(notes),
    }
    if found.kind == "ramsey":
        answer["envelope"] = envelope
    print(json.dumps(answer, allow_nan=False))


def _correlation(found: Fit, names: list[str]) -> dict[str, dict[str, float | None]]:
    """Return name -> name -> correlation; null where a value is certain and has none."""
    if found.correlation is None:
        return {}
    place = {name: k for k, name in enumerate(found.values)}
    return {
        row: {column: _number(found.correlation[place[row], place[column]]) for column in names}
        for row in names
    }


def _advice(found: Fit) -> dict[str, float]:
    advice: dict[str, Any] = asdict(found.advice)
    axis = advice.pop("axis")
    said = {name: value for name, value in advice.items() if value is not None}
    return said | ({"axis": axis} if said else {})


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def print_text(found: Fit, axes: Sequence[tuple[str, str]], envelope: str | None) -> None:
    """Print verdict, reason and advice, and the values of an accepted fit as a table.

    axes: name and unit of each axis, for the advice. envelope: which one Ramsey fringes have.
    """
    console = Console()
    verdict = Text(f"{found.verdict}", style=f"bold {COLOURS[found.verdict]}")
    more = "" if found.status == "success" else f", {found.status}"
    console.print(Text(f"{found.kind}  {found.target}: ") + verdict + Text(more))
    console.print(Text(found.reason))
    for words in in_words(found, axes):
        console.print(Text(f"-> {words}"))
    if found.verdict is not Verdict.ACCEPTED:
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in found.values.items():
        if math.isfinite(value.value):
            text = shown(value.value, value.unit, value.stderr) + given(name, value)
            table.add_row(name, text + _as_counted(name, found))
    if envelope is not None:
        table.add_row("envelope", WORDS[envelope])
    if math.isfinite(found.chi2_reduced):
        table.add_row("chi2 reduced", f"{found.chi2_reduced:.3g}")
    console.print(table)


def _as_counted(name: str, found: Fit) -> str:
    """Say what the fidelity of the state at the start leaves out, and what it is with that."""
    plain = counted_fidelity(found.values) if name == "assignment_fidelity" else None
    if plain is None:
        return ""
    counted = shown(plain.value, "", plain.stderr)
    return f", errors of preparation left out\n{counted} as counted, with them"


def shown(value: float, unit: str, stderr: float) -> str:
    """Return a value with its error, in the prefix or power of ten that a picture has."""
    if unit in SCALED or not (math.isfinite(stderr) and stderr > 0):
        return show(value, unit, stderr)
    factor, power, unit = scale_of(max(abs(value), 10 * stderr), unit)
    digits = places(stderr / factor)
    value, stderr = round(value / factor, digits), round(stderr / factor, digits)
    text = f"{value:z.{max(digits, 0)}f} ± {stderr:.{max(digits, 0)}f}"
    return f"({text}) × {power} {unit}".rstrip() if power else f"{text} {unit}".rstrip()
