"""One sensor of the mixing chamber: its last valid reading, its age, and what is wrong with it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from kammerton.model import LabClock
from kammerton.model.quantity import show
from kammerton.model.roles import FridgeMonitor, FridgeReading, MachineMonitor

COLDEST = 1e-3
"""K. A sensor that shows less is broken: dilution ends near 2 mK (Pobell, Matter and Methods at Low
Temperatures, chapter 7), and refrigerators of this class rest at some 10 mK."""


@dataclass
class Thermometer:
    """Reads one fridge monitor; a failed reading leaves the last one to grow old.

    Age counts on the laboratory's clock and on the monotonic one, whichever says older: neither
    standing still makes an old reading fresh. A warmer one counts at once, whatever fails after it;
    a reading is fresh where the machines have answered too. A sensor has noise: one that shows
    the very same number for `frozen_after` s (0: for ever) shows nothing. stopped: machines that
    do not run.
    """

    fridge: FridgeMonitor
    clock: LabClock
    monotonic: Callable[[], float]
    frozen_after: float
    reading: FridgeReading | None = None
    fault: str = "the mixing chamber has not been read yet"
    stopped: tuple[str, ...] = ()
    _read_at: float = 0.0
    _same_since: float = 0.0
    _shown: float = math.nan

    async def refresh(self, deadline: float) -> bool:
        """Read now, within `deadline` s; say whether that gave a valid reading."""
        try:
            async with asyncio.timeout(deadline):
                kelvin = await self.fridge.temperature()
                self._warmer(kelvin)
                if isinstance(self.fridge, MachineMonitor):
                    running = await self.fridge.machines()
                    self.stopped = tuple(sorted(n for n, runs in running.items() if not runs))
            return self._take(kelvin)
        except TimeoutError:
            self.fault = f"{self.fridge.name} did not answer within {deadline:g} s"
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it is no valid reading
            self.fault = str(error) or repr(error)
        return False

    def age(self) -> float:
        """Return the age of the last valid reading in s; infinite when there is none."""
        if self.reading is None:
            return math.inf
        laboratory = (self.clock.now() - self.reading.time).total_seconds()
        return max(laboratory, self.monotonic() - self._read_at)

    def _warmer(self, kelvin: float) -> None:
        """Show a warmer reading in the place of the last, which does not become any fresher."""
        if self.reading is not None and math.inf > kelvin > self.reading.temperature:
            self.reading = replace(self.reading, temperature=kelvin)

    def _take(self, kelvin: float) -> bool:
        if not COLDEST <= kelvin < math.inf:
            self.fault = f"{self.fridge.name} reads {kelvin:g} K, which is no temperature"
            return False
        now = self.monotonic()
        if kelvin != self._shown:
            self._shown, self._same_since = kelvin, now
        elif self.frozen_after and now - self._same_since > self.frozen_after:
            same = f"{show(kelvin, 'K')} for more than {self.frozen_after:g} s"
            self.fault = f"{self.fridge.name} is frozen: it has shown exactly {same}"
            self.reading = None
            return False
        self.reading, self._read_at = FridgeReading(kelvin, self.clock.now()), now
        self.fault = "the last reading is too old"
        return True
