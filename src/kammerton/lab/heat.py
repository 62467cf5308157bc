"""What must be known of every line before heat can be counted stage by stage."""

from __future__ import annotations

from collections.abc import Iterator

from kammerton.lab.document import Document, Problem
from kammerton.lab.lines import Path
from kammerton.lab.values import attenuation
from kammerton.lab.wiring import lines_in


def total_loss(document: Document, line: Path) -> float | None:
    """Return the dB of a line in all, however they are written, or None."""
    path = (*line, "attenuation")
    try:
        return None if path in document.flawed else attenuation(document.value(*path)).total
    except ValueError:
        return None


def heat_unknown(document: Document) -> Iterator[Problem]:
    """Fail closed: with a budget, no line may leave heat at stages that nobody knows."""
    budget = document.value("heat_budget")
    if not isinstance(budget, dict):
        return
    if not budget:
        yield Problem(("heat_budget",), "names no stage, such as mxc")
    for line in lines_in(document):
        if document.names(*line) and not isinstance(document.value(*line, "attenuation"), dict):
            words = 'heat_budget needs it by stages, such as { 4k = "20 dB", mxc = "20 dB" }'
            yield Problem((*line, "attenuation"), words)


def not_counted(document: Document) -> Iterator[Problem]:
    """Say what a budget does not count."""
    if document.value("heat_budget") is None:
        return
    for line in lines_in(document):
        if document.names(*line) and "leakage" not in document.names(*line):
            words = "has no leakage: what its mixer lets through of the carrier heats uncounted"
            yield Problem(line, words)
    for name in document.names("instruments"):
        if "attenuation" in document.names("instruments", name):
            words = "what it leaves in the refrigerator is not counted in heat_budget"
            yield Problem(("instruments", name), words)
