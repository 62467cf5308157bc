"""A measured number: value, standard error, unit, time and the run that gave it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kammerton.model.quantity import brief


@dataclass(frozen=True)
class Estimate:
    """What one run says about one parameter.

    `stderr` is one standard deviation; 0 for a setting that was chosen, not measured.
    `time` is laboratory time, aware, UTC. `run` is the run's identifier. `note` is what lab.toml
    says beside every result, that a device is simulated for instance; no part of the value. Printed
    it is value, error and unit, "4.9107200(21) GHz".
    """

    value: float
    stderr: float
    unit: str
    time: datetime
    run: str
    valid_until: datetime | None = None
    note: str = field(default="", compare=False)

    def __str__(self) -> str:
        return brief(self.value, self.unit, self.stderr)
