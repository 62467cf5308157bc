"""One execution of one calibration: what was tried, found and proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kammerton.model.fit import Fit
from kammerton.model.program import Program
from kammerton.model.trace import Records, Trace


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run. `fits` has one entry for every target; silence is not an option.

    started, ended: laboratory time, UTC. instrument_seconds: from the program, not the CPU.
    """

    calibration: str
    targets: tuple[str, ...]
    started: datetime
    ended: datetime
    instrument_seconds: float
    program: Program
    records: Records
    traces: Mapping[str, Trace]
    fits: Mapping[str, Fit]
