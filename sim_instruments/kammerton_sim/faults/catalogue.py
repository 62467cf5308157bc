"""Every fault by name, in the order of the rows of the fault catalogue (docs/laboratory.md)."""

from __future__ import annotations

from collections.abc import Mapping

from kammerton_sim.faults import (
    apis,
    boards,
    chip,
    fridge,
    front_panel,
    identity,
    instruments,
    links,
    settings,
)
from kammerton_sim.faults.words import Fault

_ROWS = "IDFP"


def _row(fault: Fault) -> tuple[int, int]:
    first = fault.row.split(",")[0]
    return _ROWS.index(first[0]), int(first[1:])


_ROOMS = links, identity, settings, front_panel, instruments, apis, boards, fridge, chip
_ALL = [fault for room in _ROOMS for fault in room.FAULTS]

CATALOGUE: Mapping[str, Fault] = {fault.name: fault for fault in sorted(_ALL, key=_row)}
