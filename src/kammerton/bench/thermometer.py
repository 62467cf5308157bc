"""One sensor of the mixing chamber: its last valid reading, its age, and what is wrong with it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from kammerton.bench.tasks import in_turn, settled, together
from kammerton.lab import Band
from kammerton.model import InstrumentError, LabClock
from kammerton.model.quantity import show
from kammerton.model.roles import FridgeMonitor, FridgeReading, GaugeMonitor, MachineMonitor

T = TypeVar("T")

COLDEST = 1e-3
"""K. A sensor that shows less is broken: dilution ends near 2 mK (Pobell, Matter and Methods at Low
Temperatures, chapter 7), and refrigerators of this class rest at some 10 mK."""


LOOK = 2.0
"""s from the begin of a look that the machines are waited for; then the temperature is due again,
and what is still being asked is waited for in the next look."""

LEAP = 0.1
"""s by which laboratory time is more than the monotonic one before it counts as having leapt."""

ROUND = 20.0
"""s that a monitor gets to tell of all machines and gauges, which may be many slow answers."""


def outside(name: str, value: float, band: Band) -> str | None:
    """Say how a gauge leaves its band; None where it does not. What is no number is outside."""
    if band.minimum <= value <= band.maximum:
        return None
    limits = [show(end, band.unit) for end in (band.minimum, band.maximum) if math.isfinite(end)]
    told = f"{name} of the refrigerator reads {show(value, band.unit)}"
    return f"{told}, outside {' to '.join(limits)}"


@dataclass
class Shown:
    """The number that a sensor shows, K, and since when: it outlives the session."""

    kelvin: float = math.nan
    since: float = 0.0


@dataclass
class Thermometer:
    """Reads one fridge monitor; a failed reading leaves the last one to grow old.

    Age counts on the laboratory's clock and on the monotonic one, whichever says older: neither
    standing still makes an old reading fresh. A reading is no fresher than the answer of the
    machines, which are asked apart, round after round, beside the looks at the temperature: what
    hangs there keeps no warmer reading back, and what is slow needs several looks. A sensor has
    noise: one that shows the very same number for `frozen_after` s (0: for ever) shows nothing.
    gauges: what gauges may read; they are asked with the machines. stopped: machines that do not
    run, and gauges outside, in words. faults: what is wrong, in words. asking: the round that is
    under way.
    """

    fridge: FridgeMonitor
    clock: LabClock
    monotonic: Callable[[], float]
    frozen_after: float
    gauges: Mapping[str, Band] = field(default_factory=dict)
    reading: FridgeReading | None = None
    _fault: str | None = "the mixing chamber has not been read yet"
    _unheard: str | None = None
    _silent: bool = False
    stopped: tuple[str, ...] = ()
    _read_at: tuple[float, float] = (0.0, 0.0)
    _machines_at: tuple[float, float] | None = None
    asking: asyncio.Task[bool] | None = None
    _known: set[str] = field(default_factory=set)  # machines that it has told of
    _round_began: float = 0.0
    _round_ended: float = 0.0
    shown: Shown = field(default_factory=Shown)

    async def refresh(self, deadline: float) -> bool:
        """Read the temperature now, within `deadline` s; say whether that was a valid reading.

        It is as old as the question: a slow answer may have been on its way for as long.
        """
        asked = self.monotonic()
        kelvin, self._fault = await self._asked(self._temperature, deadline)
        self._silent = self._fault == self._late(deadline)
        return kelvin is not None and self._take(kelvin, asked)

    async def machines(self, look: float) -> bool | None:
        """Ask which machines run, in a look that began at `look`; say whether the monitor told.

        None: it has not answered yet, and is not asked twice. Who knows of no machines has told.
        """
        if not self._tells:
            return True
        if self._silent:
            return False  # who says nothing at all keeps the other sensor waiting only once
        told: bool | None = None
        while True:
            asking = self._asking(look)
            within = max(0.0, look + LOOK - asyncio.get_running_loop().time())
            if not (await asyncio.wait({asking}, timeout=within))[0]:
                if told is None:
                    self._unheard = f"pumps and gauges: {self._late(LOOK)}"
                return told
            self.asking, told = None, not asking.cancelled() and asking.result()
            if not told or self._round_began >= look:
                return told

    async def end(self) -> None:
        """Ask for nothing any more."""
        if self.asking is not None:
            await settled(self.asking)
            self.asking = None

    def _asking(self, look: float) -> asyncio.Task[bool]:
        """Return the round that is under way or ended in this look, else a new one."""
        if self.asking is None or (self.asking.done() and self._round_ended < look):
            self.asking = asyncio.create_task(self._round())
            self._round_began = asyncio.get_running_loop().time()
        return self.asking

    async def _round(self) -> bool:
        began = self.monotonic()
        found, unheard = await self._asked(self._beside, ROUND)
        self._round_ended = asyncio.get_running_loop().time()
        self._unheard = unheard and f"pumps and gauges: {unheard}"
        if found is None:
            return False
        self.stopped, self._machines_at = found, self._moment(began)
        if (
            self._fault is None
            and self.age_of_reading() - (self.monotonic() - self._read_at[1]) > LEAP
        ):
            await self.refresh(LOOK)  # it is from before what was played meanwhile
        return True

    def _moment(self, monotonic: float) -> tuple[float, float]:
        """Return a moment in laboratory and in monotonic s, as it is told by how long ago it was.

        In s that no setting of the computer's clock moves: that makes no reading older or younger.
        """
        return self.clock.elapsed() - (self.monotonic() - monotonic), monotonic

    @property
    def _tells(self) -> bool:
        return isinstance(self.fridge, MachineMonitor) or bool(self.gauges)

    async def _temperature(self) -> float:
        return float(await self.fridge.temperature())

    async def _beside(self) -> tuple[str, ...]:
        """Return in words what stopped, and what leaves its band; both are asked at once.

        Each counts as soon as it is told: what is slow, fails or hangs hides nothing of the other,
        and no gauge hides another.
        """
        fridge, words = self.fridge, list[str]()

        def found(*new: str) -> None:
            words.extend(new)
            self.stopped = tuple(dict.fromkeys((*self.stopped, *new)))

        async def machines() -> None:
            if isinstance(fridge, MachineMonitor):
                runs = await fridge.machines()
                found(*(f"{n} of the refrigerator stopped" for n in sorted(runs) if not runs[n]))
                self._demand_all(runs)

        async def gauge(name: str, band: Band) -> None:
            if not isinstance(fridge, GaugeMonitor):
                raise InstrumentError(f"{fridge.name} tells of no gauges")
            read = await fridge.gauges((name,))
            if word := outside(name, read[name], band):
                found(word)

        each = [gauge(name, band) for name, band in self.gauges.items()]
        await together([machines(), in_turn(each)])
        return tuple(words)

    def _demand_all(self, runs: Mapping[str, bool]) -> None:
        """Raise where one is told of no more, as when what it says is outdated; all run then."""
        missing = self._known - runs.keys()
        if missing and all(runs.values()):
            names = ", ".join(sorted(missing))
            raise InstrumentError(f"{self.fridge.name} tells no more of {names}")
        self._known |= runs.keys()

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the temperature and with the machines, as far as anything is."""
        return tuple(fault for fault in (self._fault, self._unheard) if fault)

    async def _asked(
        self, question: Callable[[], Awaitable[T]], deadline: float
    ) -> tuple[T, None] | tuple[None, str]:
        """Return an answer, or why there is none within `deadline` s.

        A driver that answers what is no number, or breaks as soon as it is asked, gave none.
        """
        try:
            async with asyncio.timeout(deadline):
                return await question(), None
        except TimeoutError:
            return None, self._late(deadline)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it is no valid reading
            return None, str(error) or repr(error)

    def _late(self, deadline: float) -> str:
        return f"{self.fridge.name} did not answer within {deadline:g} s"

    @property
    def unheard_of(self) -> bool:
        """Whether there are pumps and gauges to be told of, and nothing was heard of them yet."""
        return self._tells and self._machines_at is None

    def age(self) -> float:
        """Return the age in s of the last valid reading, or of what was told of the machines."""
        return max(self.age_of_reading(), self._since(self._machines_at) if self._tells else 0.0)

    def above(self, kelvin: float, max_age: float) -> bool:
        """Say whether a reading no older than this is warmer, whatever the machines do."""
        return self.reading is not None and (
            self.reading.temperature > kelvin and self.age_of_reading() <= max_age
        )

    def awaits_machines(self, kelvin: float) -> bool:
        """Say whether it reads colder than this, and is asked for its machines the first time."""
        cold = self._fault is None and self.reading and self.reading.temperature < kelvin
        return bool(cold and self.asking and not self.asking.done() and not self._round_ended)

    def age_of_reading(self) -> float:
        """Return the age in s of the last valid reading of the temperature; inf without any."""
        return self._since(self._read_at if self.reading else None)

    def _since(self, moment: tuple[float, float] | None) -> float:
        """Return how long ago something was by the laboratory's clock or the monotonic one, s."""
        if moment is None:
            return math.inf
        laboratory, monotonic = moment
        return max(self.clock.elapsed() - laboratory, self.monotonic() - monotonic)

    def _take(self, kelvin: float, asked: float) -> bool:
        if not COLDEST <= kelvin < math.inf:
            self._fault = f"{self.fridge.name} reads {kelvin:g} K, which is no temperature"
            return False
        now = self.monotonic()
        if kelvin != self.shown.kelvin:
            self.shown.kelvin, self.shown.since = kelvin, now
        elif self.frozen_after and now - self.shown.since > self.frozen_after:
            same = f"{show(kelvin, 'K')} for more than {self.frozen_after:g} s"
            self._fault = f"{self.fridge.name} is frozen: it has shown exactly {same}"
            self.reading = None
            return False
        self._read_at = self._moment(asked)
        self.reading = FridgeReading(kelvin, self.clock.now() - timedelta(seconds=now - asked))
        return True
