"""Which ports a laboratory serves: a name for each, in the order of consecutive ports."""

from __future__ import annotations

from collections.abc import Mapping

from kammerton_sim.chip import Chip

_FIXED = "fridge", "control"


def port_names(chip: Chip) -> list[str]:
    """Return the names of everything that has a port, in the order of consecutive ports."""
    boards = (feedline.board for feedline in chip.feedlines)
    return [
        *chip.wiring.generators,
        *chip.wiring.carriers,
        *boards,
        *_FIXED,
        *chip.wiring.instruments,
    ]


def consecutive_ports(chip: Chip, first: int) -> dict[str, int]:
    """Return ports first, first + 1, ... by name."""
    return {name: first + n for n, name in enumerate(port_names(chip))}


def unknown_ports(chip: Chip, wanted: Mapping[str, int]) -> str:
    """Return what is to be said of names that have no port; "" if all of them have."""
    unknown, names = set(wanted) - set(port_names(chip)), ", ".join(port_names(chip))
    return f"no instrument {', '.join(sorted(unknown))}; there are {names}" if unknown else ""
