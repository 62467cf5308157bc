"""Thermometers as they fail: no number, stuck, over range, unplugged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What a thermometer's bridge knows of its sensor."""

    OK = "ok"
    NO_NUMBER = "nan"
    OVER_RANGE = "over_range"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class Reading:
    """What a thermometer reports: K (NaN unless the status is OK), and its status.

    frozen: it shows this number for ever, to the last digit.
    """

    kelvin: float
    status: Status = Status.OK
    frozen: bool = False


class Sensor:
    """One thermometer; sound until `fail`."""

    def __init__(self) -> None:
        self._status, self._frozen = Status.OK, math.nan

    def read(self, kelvin: float) -> Reading:
        """Report a true temperature, or what the fault makes of it."""
        if self._status is not Status.OK:
            return Reading(math.nan, self._status)
        frozen = not math.isnan(self._frozen)
        return Reading(self._frozen if frozen else kelvin, frozen=frozen)

    def fail(self, status: Status) -> None:
        """From now on report no temperature but this status."""
        self._status = status

    def freeze(self, kelvin: float) -> None:
        """From now on report this, whatever happens."""
        self._frozen = kelvin

    def mend(self) -> None:
        """Be sound again."""
        self._status, self._frozen = Status.OK, math.nan
