"""Words for instruments beyond generators, sources, digitizer and refrigerator."""

from __future__ import annotations

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

_TAKEN = ("board", "fridge", "control", "digitizer")


@dataclass(frozen=True)
class FurtherInstrument:
    """An instrument that the laboratory serves under its name."""

    model: str = text("model", words=MODELS)


def taken(names: Mapping[str, object], others: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the names of further instruments."""
    for name in names:
        if name in others or name in _TAKEN:
            yield f"wiring.instruments.{name}: the name is taken"
