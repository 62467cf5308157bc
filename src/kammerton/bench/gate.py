"""The gate: the one place through which every change of a physical output passes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

from kammerton.bench.interlock import ColdCheck
from kammerton.bench.limits import check_compiled, check_playlist, check_value
from kammerton.bench.switching import (
    OnChange,
    OutputChange,
    all_of,
    switch_off,
    switch_on,
    verify_carrier,
)
from kammerton.lab import Lab
from kammerton.model import DriveInhibited, InstrumentError, LabClock, OutputRefused
from kammerton.model.roles import (
    FridgeMonitor,
    Instrument,
    MicrowaveSource,
    NetworkAnalyzer,
    Playlist,
    PulseGenerator,
    WaveformGenerator,
)
from kammerton.program.compiled import Compiled

log = logging.getLogger(__name__)


class Gate:
    """Limits, interlock and audit in front of the generators and sources of a bench.

    Everything that could raise a physical output is asked here and refused with OutputRefused
    unless lab.toml allows it and the mixing chamber is cold. Switching off is never refused.

    changes: the latest lines of the audit. on_change: called with every line.
    trip: set when the interlock switched drive off; cleared when a program is admitted again.
    """

    def __init__(
        self,
        lab: Lab,
        instruments: Mapping[str, Instrument],
        clock: LabClock,
        *,
        who: str = "daemon",
        on_change: OnChange | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lab, self.who = lab, who
        self.changes: deque[OutputChange] = deque(maxlen=1000)
        self.trip = asyncio.Event()
        self._on_change = on_change
        devices = instruments.items()
        self._generators = {n: d for n, d in devices if isinstance(d, WaveformGenerator)}
        self._sources = {n: d for n, d in devices if isinstance(d, MicrowaveSource)}
        self._others = {n: d for n, d in devices if isinstance(d, NetworkAnalyzer | PulseGenerator)}
        fridge = instruments[lab.interlock.fridge]
        if not isinstance(fridge, FridgeMonitor):
            raise InstrumentError(f"{lab.interlock.fridge} is not a fridge monitor")
        self.cold = ColdCheck(lab.interlock, fridge, clock, monotonic)
        self._carriers: dict[str, tuple[float, float]] = {}
        self._on: dict[str, frozenset[int]] = {}

    async def admit(self, compiled: Compiled) -> None:
        """Refuse a compiled program before anything of it reaches an instrument.

        Raises
        ------
        OutputRefused
            Names every output outside its limits, or says why drive is not allowed.
        """
        self._checked("program", "play", lambda: check_compiled(self.lab, compiled))
        await self.cold.refresh_when_older(self.lab.interlock.max_age / 3)
        self._require_cold("program")
        self.trip.clear()

    async def tune(self, source: str, hz: float, dbm: float) -> None:
        """Set a source's carrier and power if they differ from what was last read back.

        Raises
        ------
        InstrumentError
            The source reads back something else.
        """
        old = self._carriers.get(source)
        if old == (hz, dbm):
            return
        self._checked(source, (hz, dbm), lambda: self._check_carrier(source, hz, dbm))
        instrument = self._sources[source]
        self._carriers.pop(source, None)
        await instrument.set_power(dbm)
        await instrument.set_frequency(hz)
        await verify_carrier(instrument, hz, dbm)
        self._carriers[source] = (hz, dbm)
        self._note(OutputChange(source, old, (hz, dbm), self.who))

    async def load(self, generator: str, playlist: Playlist) -> None:
        """Load a playlist whose every sample is inside the generator's limits."""
        self._checked(
            generator, playlist.name, lambda: check_playlist(self.lab, generator, playlist)
        )
        await self._generators[generator].load(playlist)
        self._note(OutputChange(generator, None, f"playlist {playlist.name}", self.who))

    async def enable_channels(self, generator: str, channels: Sequence[int]) -> None:
        """Switch channels of a generator on; those that are on already stay untouched."""
        self._require_cold(generator)
        on = self._on.get(generator, frozenset())
        missing = [channel for channel in channels if channel not in on]
        if missing:
            self._on[generator] = on | frozenset(
                missing
            )  # before, so that safe() has the last word
            await self._switch_on(generator, self._generators[generator].enable(missing, on=True))
            self._note(OutputChange(generator, sorted(on), sorted(on | set(missing)), self.who))

    async def enable_source(self, source: str) -> None:
        """Switch a source on, once it has been tuned through this gate."""
        self._require_cold(source)
        if source not in self._carriers:
            raise self._refusal(source, True, f"{source} has not been tuned through the gate")
        if source not in self._on:
            self._on[source] = frozenset({1})
            await self._switch_on(source, switch_on(self._sources[source]))
            self._note(OutputChange(source, False, True, self.who))

    async def run(self, generator: str) -> None:
        """Start a generator; it waits for its trigger."""
        self._require_cold(generator)
        await self._generators[generator].run()

    async def trigger(self, generator: str) -> None:
        """Give the trigger that makes the generators play."""
        self._require_cold(generator)
        await self._generators[generator].trigger()
        self._note(OutputChange(generator, "waiting", "playing", self.who))

    async def stop(self, generators: Iterable[str]) -> None:
        """Stop generators; never refused.

        Raises
        ------
        InstrumentError
            Names every generator that did not stop.
        """
        names = list(generators)
        await all_of({name: self._generators[name].stop for name in names}, "did not stop")
        for name in names:
            self._note(OutputChange(name, "playing", "stopped", self.who))

    async def safe(self, why: str = "safe state") -> None:
        """Switch every output off, generators before sources, and verify by read-back.

        Every instrument is tried, whatever the others do. A bias source holds its level: a flux
        that falls to zero heats the refrigerator and moves the neighbours.

        Raises
        ------
        InstrumentError
            Names every instrument that is not known to be off.
        """
        self._on.clear()
        self._carriers.clear()
        failures: list[str] = []
        for step in (
            {name: g.safe for name, g in self._generators.items()},
            {name: partial(switch_off, s) for name, s in self._sources.items()},
            {name: other.safe for name, other in self._others.items()},
        ):
            try:
                await all_of(step, "is not known to be off")
            except InstrumentError as error:
                failures.append(str(error))
        self._note(OutputChange("all outputs", None, "off", why, "\n".join(failures) or None))
        if failures:
            raise InstrumentError("\n".join(failures))

    async def watch(self, period: float = 2.0) -> None:
        """Read the fridge every `period` s, for ever; switch drive off as soon as it is not cold.

        When switching off fails it is tried again at every reading until it succeeds.
        """
        was_cold = self.cold.allowed
        while True:
            await self.cold.refresh()
            objection = self.cold.objection()
            if objection is not None and (was_cold or self._on):
                was_cold = not await self._switch_off(objection)
            elif objection is None:
                was_cold = True
            await asyncio.sleep(period)

    async def _switch_on(self, name: str, enabling: Awaitable[None]) -> None:
        try:
            await enabling
        except BaseException:
            self._on.pop(name, None)
            raise

    async def _switch_off(self, objection: str) -> bool:
        self.trip.set()
        try:
            await self.safe(f"interlock: {objection}")
        except Exception:  # the watch must live, even without audit
            log.exception("switching off failed; the next reading of the fridge tries again")
            return False
        return True

    def _check_carrier(self, source: str, hz: float, dbm: float) -> None:
        check_value(self.lab, source, "frequency", hz)
        check_value(self.lab, source, "power", dbm)

    def _require_cold(self, what: str) -> None:
        objection = self.cold.objection()
        if objection is not None:
            reason = f"{what}: drive is refused: {objection}"
            self._note(OutputChange(what, None, "drive", self.who, reason))
            raise DriveInhibited(reason)

    def _checked(self, what: str, new: object, check: Callable[[], None]) -> None:
        try:
            check()
        except OutputRefused as refusal:
            raise self._refusal(what, new, str(refusal)) from None

    def _refusal(self, what: str, new: object, reason: str) -> OutputRefused:
        self._note(OutputChange(what, None, new, self.who, reason))
        return OutputRefused(reason)

    def _note(self, change: OutputChange) -> None:
        self.changes.append(change)
        if self._on_change is not None:
            self._on_change(change)
