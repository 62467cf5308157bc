"""Words for instruments beyond generators, sources, digitizer and refrigerator."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from kammerton_sim.chip.section import text

MODELS = (
    "yokogawa_gs200",
    "lakeshore_372",
    "bluefors_api",
    "rohde_schwarz_znb20",
    "keysight_33522b",
)
"""What can be named; the same word is the driver's name in lab.toml."""

PULSER = "keysight_33522b"
PULSER_CHANNELS = 2
"""What plays pulses at a trigger, and on how many channels."""

_TAKEN = ("board", "fridge", "control", "digitizer")


@dataclass(frozen=True)
class FurtherInstrument:
    """An instrument that the laboratory serves under its name.

    trigger: the marker at its trigger input, such as "awg1.3.m2", or "".
    """

    model: str = text("model", words=MODELS)
    trigger: str = text("trigger", "")


def wrong_triggers(
    instruments: Mapping[str, FurtherInstrument], generators: Collection[str]
) -> Iterator[str]:
    """Yield what is wrong with the triggers of further instruments."""
    for name, entry in instruments.items():
        if not entry.trigger:
            continue
        marker = marker_of(entry.trigger)
        where = f"wiring.instruments.{name}.trigger"
        if marker is None:
            yield f'{where}: {entry.trigger!r} is not a marker such as "awg1.3.m1"'
        elif marker[0] not in generators:
            yield f"{where}: {marker[0]!r} is not among the generators"
        elif entry.model != PULSER:
            yield f"{where}: nothing triggers a {entry.model}"


def marker_of(text: str) -> tuple[str, int, int] | None:
    """Return generator, channel and number of a marker such as "awg1.3.m1"; None if it is none."""
    match = re.fullmatch(r"(\w+)\.([1-8])\.m([1-4])", text)
    return (match[1], int(match[2]), int(match[3])) if match else None


def taken(names: Mapping[str, object], others: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the names of further instruments."""
    for name in names:
        if name in others or name in _TAKEN:
            yield f"wiring.instruments.{name}: the name is taken"
