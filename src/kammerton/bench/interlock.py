"""The interlock: drive only while the mixing chamber reads valid, fresh and cold."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kammerton.lab import Interlock
from kammerton.model import LabClock
from kammerton.model.quantity import show
from kammerton.model.roles import FridgeMonitor, FridgeReading


@dataclass
class ColdCheck:
    """Reads the fridge and remembers whether drive is allowed.

    Two thresholds make hysteresis: allowed once below `drive_below`, until above
    `drive_off_above`. No valid reading younger than `max_age` is the same as warm. Age counts on
    the laboratory's clock and on the monotonic one, whichever says older: neither standing still
    makes an old reading fresh.
    """

    settings: Interlock
    fridge: FridgeMonitor
    clock: LabClock
    monotonic: Callable[[], float] = time.monotonic
    deadline: float = 10.0
    reading: FridgeReading | None = None
    allowed: bool = False
    _read_at: float = 0.0
    _fault: str = "the mixing chamber has not been read yet"
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self) -> None:
        """Read the fridge now and judge; a failed reading leaves the last one to grow old."""
        async with self._turn:
            try:
                async with asyncio.timeout(self.deadline):
                    kelvin = await self.fridge.temperature()
                self._take(kelvin)
            except TimeoutError:
                self._fault = f"{self.fridge.name} did not answer within {self.deadline:g} s"
            except Exception as error:  # noqa: BLE001 - whatever went wrong, it is no valid reading
                self._fault = str(error) or repr(error)
            self._judge()

    async def refresh_when_older(self, seconds: float) -> None:
        """Read the fridge if the last valid reading is older than this."""
        if self.age() > seconds:
            await self.refresh()

    def age(self) -> float:
        """Return the age of the last valid reading in s; infinite when there is none."""
        if self.reading is None:
            return math.inf
        laboratory = (self.clock.now() - self.reading.time).total_seconds()
        return max(laboratory, self.monotonic() - self._read_at)

    def objection(self) -> str | None:
        """Say why drive is not allowed now; None when it is."""
        self._judge()
        if self.allowed:
            return None
        limits = self.settings
        if self.reading is None or self.age() > limits.max_age:
            return f"no valid reading younger than {limits.max_age:g} s: {self._fault}"
        return (
            f"the mixing chamber reads {show(self.reading.temperature, 'K')}; drive goes on below "
            f"{show(limits.drive_below, 'K')} and off above {show(limits.drive_off_above, 'K')}"
        )

    def _take(self, kelvin: float) -> None:
        if not (math.isfinite(kelvin) and kelvin > 0):
            self._fault = f"{self.fridge.name} reads {kelvin} K, which is no temperature"
            return
        self.reading = FridgeReading(kelvin, self.clock.now())
        self._read_at = self.monotonic()
        self._fault = "the last reading is too old"

    def _judge(self) -> None:
        if self.reading is None or self.age() > self.settings.max_age:
            self.allowed = False
        elif self.reading.temperature < self.settings.drive_below:
            self.allowed = True
        elif self.reading.temperature > self.settings.drive_off_above:
            self.allowed = False
