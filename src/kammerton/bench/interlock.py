"""The interlock: drive only while the mixing chamber reads valid, fresh and cold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kammerton.bench.tasks import settled
from kammerton.bench.thermometer import LOOK, Thermometer
from kammerton.bench.warmth import Warmth
from kammerton.lab import Interlock, Lab
from kammerton.model import InstrumentError, LabClock
from kammerton.model.quantity import show
from kammerton.model.roles import FridgeMonitor, FridgeReading, Instrument

SPACING = 0.05
"""s between the readings with which an interlock that was never armed is armed."""

GLANCE = 0.1
"""s between glances at what a round of questions that is under way has told so far."""

COOLER = "not cold yet"
"""The reason that is no news after any other: nothing is wrong any more."""

UNHEARD = "nothing was heard yet of its pumps and gauges"

ALONE, BESIDE = 10.0, 3.0
"""s that a sensor has to answer: the only one, and one of two."""


class ColdCheck:
    """Reads the fridge and remembers whether drive is allowed.

    Two thresholds make hysteresis: allowed after `rearm_readings` in a row below `drive_below`,
    until one above `drive_off_above`. No valid reading younger than `max_age` is the same as warm,
    and so is a machine of the refrigerator that has stopped, or a gauge of it that reads what
    lab.toml does not allow. Of two sensors the warmer counts;
    one alone will do. deadline: s that a sensor has to answer; the other is not read again sooner.
    warmth: tells when it was so warm that what was measured before is not believed.
    """

    def __init__(
        self,
        settings: Interlock,
        fridges: Sequence[FridgeMonitor],
        clock: LabClock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.deadline = ALONE if len(fridges) == 1 else BESIDE
        self.sensors = tuple(
            Thermometer(
                fridge, clock, monotonic, settings.frozen_after, {} if n else settings.gauges
            )
            for n, fridge in enumerate(fridges)
        )
        self._allowed = self._was_armed = False
        self.warmth = Warmth(settings.drive_off_above, monotonic)
        self._good = 0
        self._monotonic = monotonic
        self._began: float | None = None
        self._turn = asyncio.Lock()

    def goes_on(self, warmth: Warmth) -> None:
        """Tell this one from now on: it has heard of these sensors in other sessions, too."""
        self.warmth = warmth
        for sensor in self.sensors:
            sensor.shown = warmth.shown.setdefault(sensor.fridge.name, sensor.shown)

    @property
    def allowed(self) -> bool:
        """Whether drive was allowed when it was last looked at."""
        return self._allowed

    @property
    def arming(self) -> bool:
        """Whether the last readings were good, but not yet enough of them in a row.

        Slow software needs several looks until it first tells of its machines: for as long as a
        reading counts, that is no news of a cold chamber.
        """
        first = self._began is not None and self._monotonic() - self._began <= self.settings.max_age
        awaited = (
            first
            and not self._was_armed
            and not self._warm()
            and any(sensor.awaits_machines(self.settings.drive_below) for sensor in self.sensors)
        )
        return not self._allowed and (self._good > 0 or awaited)

    @property
    def reading(self) -> FridgeReading | None:
        """The warmest of the readings that are valid and fresh; None when there is none."""
        fresh = [s.reading for s in self.sensors if s.reading and s.age() <= self.settings.max_age]
        return max(fresh, key=lambda reading: reading.temperature, default=None)

    async def refresh(self) -> None:
        """Read all sensors now and judge; a failed reading leaves the last one to grow old.

        What another look, which was waited for, found to be no longer cold is not asked again:
        drive goes off first.
        """
        was_allowed = self._allowed
        async with self._turn:
            if self._allowed or not was_allowed:
                await self._refresh()

    async def refresh_when_older(self, seconds: float) -> None:
        """Read if the last valid reading is older than this; arm what was never armed."""
        async with self._turn:
            if min(sensor.age() for sensor in self.sensors) > seconds:
                await self._refresh()
            while not self._was_armed and 0 < self._good < self.settings.rearm_readings:
                await asyncio.sleep(SPACING)
                await self._refresh()

    async def end(self) -> None:
        """Ask for nothing any more."""
        for sensor in self.sensors:
            await sensor.end()

    async def _refresh(self) -> None:
        if self._began is None:
            self._began = self._monotonic()
        valid = await self._read()
        if valid and self.reading is None:  # laboratory time leapt while it was read
            valid = await self._read()
        if valid is not None:
            self._good = self._good + 1 if valid else 0
        self._judge()
        reading = self._warm_reading() or self.reading  # what is warm is, whatever the pumps tell
        self.warmth.look(reading.temperature if reading else None)

    async def _read(self) -> bool | None:
        """Ask all sensors, and each then for its machines; say whether any told both.

        None: a temperature is good, and machines are still being asked for. The first that says
        warm, or that a machine stopped, ends it; so does the last reading when it has grown too
        old, once the next had `LOOK` s to come: what hangs keeps nothing on.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        asking = {s.asking for s in self.sensors if s.asking and not s.asking.done()}
        tasks = [asyncio.create_task(s.refresh(self.deadline)) for s in self.sensors]
        both = [
            asyncio.create_task(_both(*each, began))
            for each in zip(self.sensors, tasks, strict=True)
        ]
        was_allowed = self._allowed
        try:
            pending: set[asyncio.Task[Any]] = {*tasks, *both, *asking}
            while not all(task.done() for task in both):
                late = self.reading is None and loop.time() - began > LOOK
                if was_allowed and (late or self._warm()):
                    break
                _, pending = await asyncio.wait(
                    pending, timeout=GLANCE, return_when=asyncio.FIRST_COMPLETED
                )  # what stopped is told in the midst of a round
            told = [task.result() for task in both if task.done()]
        finally:
            await settled(*both, *tasks)
        return True if True in told else None if None in told else False

    def objection(self) -> str | None:
        """Say why drive is not allowed now; None when it is.

        A reading that has grown old since it was read allows nothing, and is no trip: the next one,
        if it is cold, finds drive allowed as it was.
        """
        if self.reading is not None:
            self._judge()
        return "; ".join(self.causes.values()) or None

    def objection_to_begin(self) -> str | None:
        """Say why nothing new may begin: what is on stays on a little above `drive_below`."""
        objection, reading, limits = self.objection(), self.reading, self.settings
        if objection is None and reading and reading.temperature >= limits.drive_below:
            return (
                f"the mixing chamber reads {show(reading.temperature, 'K')}; "
                f"nothing begins above {show(limits.drive_below, 'K')}"
            )
        return objection

    @property
    def causes(self) -> Mapping[str, str]:
        """All that forbids drive: of each cause a word or two without figures, and a sentence.

        What the sentence of `objection` is made of; empty where drive is allowed.
        """
        return {} if self.allowed and self.reading is not None else self._causes()

    def _causes(self) -> dict[str, str]:
        reading, warm = self.reading, self._warm_reading()
        causes = {} if warm is None else {"warm": self._reads(warm)}
        causes |= {each.partition(" of the refrigerator")[0]: each for each in self._stopped()}
        if warm is None and reading is None:
            causes["no reading"] = self._no_reading()
        return causes or {COOLER: self._not_cold_yet(reading)}

    def _no_reading(self) -> str:
        faults = dict.fromkeys(fault for sensor in self.sensors for fault in sensor.faults)
        begun = all(sensor.unheard_of for sensor in self.sensors)
        silent = UNHEARD if begun else "the last reading is too old"
        why = "; ".join(faults) or silent
        return f"no valid reading younger than {self.settings.max_age:g} s: {why}{self._last()}"

    def _not_cold_yet(self, reading: FridgeReading | None) -> str:
        if reading and reading.temperature >= self.settings.drive_below:
            return self._reads(reading)
        return f"{self._good} of {self.settings.rearm_readings} good readings in a row so far"

    def _reads(self, reading: FridgeReading) -> str:
        limits = self.settings
        return (
            f"the mixing chamber reads {show(reading.temperature, 'K')}; drive goes on below "
            f"{show(limits.drive_below, 'K')} and off above {show(limits.drive_off_above, 'K')}"
        )

    def _last(self) -> str:
        """Say of an old reading what it was and how old it is; "" where there is none."""
        ages = {sensor.age_of_reading(): sensor.reading for sensor in self.sensors}
        last = ages[age := min(ages)]
        if last is None or age <= self.settings.max_age:
            return ""
        return f"; the last was {show(last.temperature, 'K')}, {age:.0f} s ago"

    def _warm(self) -> bool:
        return self._warm_reading() is not None or bool(self._stopped())

    def _warm_reading(self) -> FridgeReading | None:
        """Return the warmest reading that is too warm, whatever is known of the machines."""
        off, age = self.settings.drive_off_above, self.settings.max_age
        warm = [s.reading for s in self.sensors if s.reading and s.above(off, age)]
        return max(warm, key=lambda reading: reading.temperature, default=None)

    def _stopped(self) -> list[str]:
        return sorted({machine for sensor in self.sensors for machine in sensor.stopped})

    def _judge(self) -> None:
        reading, limits = self.reading, self.settings
        if reading is None or self._warm():
            self._allowed, self._good = False, 0
        elif reading.temperature >= limits.drive_below:
            self._good = 0
        elif self._good >= limits.rearm_readings:
            self._allowed = self._was_armed = True


async def _both(sensor: Thermometer, temperature: asyncio.Task[bool], began: float) -> bool | None:
    """Ask for the machines once the temperature is known, or is not; say whether both were told."""
    await asyncio.wait({temperature})
    machines = await sensor.machines(began)
    return machines if temperature.result() else False


def fridges_of(lab: Lab, instruments: Mapping[str, Instrument]) -> tuple[FridgeMonitor, ...]:
    """Return the monitors that lab.toml names: one, or two.

    Raises
    ------
    InstrumentError
        One of them is none.
    """
    found = []
    for name in (lab.interlock.fridge, lab.interlock.second):
        if name is not None:
            fridge = instruments[name]
            if not isinstance(fridge, FridgeMonitor):
                raise InstrumentError(f"{name} is not a fridge monitor")
            found.append(fridge)
    return tuple(found)
