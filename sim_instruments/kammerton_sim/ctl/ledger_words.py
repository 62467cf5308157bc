"""What the ledger's three questions are answered with, in the words of a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from kammerton_sim.ctl.words import change, unit_of, utc
from kammerton_sim.quantities import beside, lasted, limits, measured, quantity

_WITHOUT_BEGINNING = " (the ledger has forgotten its first entries)"


def answer(told: Mapping[str, Any]) -> list[str]:
    """Lines of one answer: how many were found of how many looked at, each, what was not judged."""
    title, of, lines = {
        "unsafe": ("unsafe outputs", "that have limits", _outputs),
        "wrong_box": ("writes to the wrong box", "changes that were written", _writes),
        "contradicted": (_off(told), "values", _values),
    }[told["question"]]
    found = list(lines(told["found"]))
    gaps = "" if told["complete"] else _WITHOUT_BEGINNING
    heading = f"{title}: {len(found)} of {told['checked']} {of}{gaps}"
    remarks = [f"remark: {said}" for said in told.get("remarks", ())]
    return [heading, *remarks, *found, *_not_judged(told["not_judged"])]


def _off(told: Mapping[str, Any]) -> str:
    return f"values more than {told.get('sigmas', 0):g} standard errors off the truth"


def _outputs(spans: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """An output a line: how often and how long it was outside, and when it was worst."""
    ordered = sorted(spans, key=lambda span: str(span["output"]))
    for name, of_one in groupby(ordered, key=lambda span: span["output"]):
        yield f"  {name}: " + "; ".join(_levels(list(of_one)))


def _levels(spans: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ordered = sorted(spans, key=lambda span: str(span["what"]))
    for what, each in groupby(ordered, key=lambda span: span["what"]):
        yield f"{what} {outside(list(each))}"


def outside(spans: Sequence[Mapping[str, Any]]) -> str:
    """Say of the spans of one level: how many, how long in all, the worst."""
    worst = max(spans, key=_excess)
    unit, (low, high) = worst["unit"], worst["limits"]
    samples = sum(span.get("samples", 0) for span in spans)
    played = f", {samples} samples" if samples else ""
    seconds = sum(span["to"] - span["from"] for span in spans)
    was = f"{quantity(worst['value'], unit)}, not {limits(low, high, unit)}"
    since = f"from {utc(worst['from'])} for {lasted(worst['to'] - worst['from'])}"
    if len(spans) == 1:
        return f"was {was}, {since}{played}"
    return (
        f"was outside its limits {len(spans)} times, {lasted(seconds)} in all{played};"
        f" at its worst {was}, {since}"
    )


def _excess(span: Mapping[str, Any]) -> tuple[float, float]:
    """By how much a level is outside, and how long."""
    low, high = span["limits"]
    return max(low - span["value"], span["value"] - high), span["to"] - span["from"]


def _writes(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in found:
        told, true = each["identity"], each["true"]
        yield f"  {change(each)}, while it said it was {told!r}, not {true!r}"


def _values(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in found:
        unit = unit_of(each["name"])
        yield (
            f"  {each['name']}: {measured(each['value'], each['stderr'], unit)}, truth"
            f" {beside(each['truth'], each['stderr'], unit)}:"
            f" {each['pull']:+.1f} standard errors off"
        )


def _not_judged(names: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """A line for each reason."""
    for why in dict.fromkeys(each["why"] for each in names):
        alike = (each["name"] for each in names if each["why"] == why)
        yield f"not judged: {', '.join(alike)}: {why}"
