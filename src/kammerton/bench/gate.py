"""The gate: the one place through which every change of a physical output passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

from kammerton.bench import approval, carrier, words
from kammerton.bench.bias import LONGEST_RAMP, Biases
from kammerton.bench.commanded import Commanded
from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.bench.guard import PROGRAM, Guard, Holds, nobody
from kammerton.bench.inhibition import LONG, Inhibition
from kammerton.bench.interlock import fridges_of
from kammerton.bench.limits import check_compiled, check_playlist, check_value
from kammerton.bench.others import Others
from kammerton.bench.switching import (
    STOP_DEADLINE,
    OnChange,
    OutputChange,
    all_of,
    in_order,
    switch_off,
    switch_on,
    verify_carrier,
)
from kammerton.bench.tasks import told_while
from kammerton.bench.touched import driven, touched
from kammerton.lab import Lab
from kammerton.model import InstrumentError, LabClock
from kammerton.model.alarm import Tell, unheard
from kammerton.model.roles import (
    BiasSource,
    Instrument,
    MicrowaveSource,
    NetworkAnalyzer,
    Playlist,
    PulseGenerator,
    State,
    WaveformGenerator,
)
from kammerton.program.compiled import Compiled

FRESH = 1.0
"""s: a younger reading of the fridge vouches for what was just measured, or approved."""


class Gate:
    """Limits, interlock, leases and audit in front of the outputs of a bench.

    Everything that could raise a physical output is asked here and refused with OutputRefused
    unless lab.toml allows it, the mixing chamber is cold and no person holds the instrument.
    Switching off is never refused.

    guard: interlock, leases, audit. biases, others: bias sources; analyzers and pulsers.
    alarm: hears what somebody should know. inhibition: whether it did, in words.
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
        holds: Holds = nobody,
        monotonic: Callable[[], float] = time.monotonic,
        alarm: Tell = unheard,
    ) -> None:
        self.lab, self.trip, self.alarm = lab, asyncio.Event(), alarm
        devices = instruments.items()
        self._generators = {n: d for n, d in devices if isinstance(d, WaveformGenerator)}
        self._sources = {n: d for n, d in devices if isinstance(d, MicrowaveSource)}
        self._others = {n: d for n, d in devices if isinstance(d, NetworkAnalyzer | PulseGenerator)}
        self.guard = Guard(
            lab, fridges_of(lab, instruments), clock,
            who=who, on_change=on_change, holds=holds, monotonic=monotonic,
        )  # fmt: skip
        self.cold, self.changes = self.guard.cold, self.guard.changes
        self.inhibition = Inhibition(self.guard, lab.interlock.fridge, alarm)
        self.others = Others(self.guard, self._others)
        self._bias_sources = {n: d for n, d in devices if isinstance(d, BiasSource)}
        self.biases = Biases(self.guard, self._bias_sources)
        self._set = Commanded()
        self._was_cold = False  # at a look, or for a program, since drive was last switched off

    async def admit(self, compiled: Compiled) -> None:
        """Refuse a compiled program before anything of it reaches an instrument.

        Raises
        ------
        OutputRefused
            Names every output outside its limits, or says why drive is not allowed.
        NotApproved
            A person who was asked before the first write of a kind said no.
        """
        self.guard.job = ", ".join(sorted({p.name for p in compiled.playlists.values()}))
        await self._admissible(compiled, self.lab.interlock.max_age / 3)
        if await self.guard.approved(lambda: approval.of_program(self.lab, compiled)):
            await self._admissible(compiled, FRESH)  # it may have got warm, or be held, meanwhile
        self._was_cold = True
        self.trip.clear()

    async def _admissible(self, compiled: Compiled, age: float) -> None:
        may_be_on = self._set.may_be_on() | self.guard.kept(self._sources)
        limits = partial(check_compiled, self.lab, compiled, may_be_on)
        self.guard.checked(PROGRAM, "play", limits)
        used = *compiled.playlists, *compiled.carriers, *touched(self.lab, compiled)
        await self.guard.require_free(PROGRAM, *used)
        await self.cold.refresh_when_older(age)
        await self.guard.require_cold_to_begin(PROGRAM)

    async def set_bias(self, name: str, volts: float) -> None:
        """Ramp a bias source through its limits and read it back: see `Biases.set`."""
        await self.biases.set(name, volts)

    def is_tuned(self, source: str, hz: float, dbm: float) -> bool:
        """Say whether a source was set to this since it was last switched off."""
        return self._set.carriers.get(source) == (hz, dbm)

    async def tune(self, source: str, hz: float, dbm: float) -> None:
        """Set a source's carrier and power if they differ from what was last read back.

        Raises
        ------
        InstrumentError
            The source reads back something else.
        """
        if self.is_tuned(source, hz, dbm):
            return
        check = partial(check_value, self.lab, source)
        new, both = words.carrier(hz, dbm), lambda: (check("frequency", hz), check("power", dbm))
        limits = self.guard.checked(source, new, both)
        await self.guard.approved(lambda: approval.of_carrier(self.lab, source, hz, dbm))
        await self.guard.require_unkept(source)
        self._set.retuning(source)
        device, off = self._sources[source], partial(self._outside, source)
        old = await carrier.move(self.guard, device, (hz, dbm), limits, off)
        await verify_carrier(self._sources[source], hz, dbm)
        self._set.tuned(source, hz, dbm)
        rule = f"limits.frequency and limits.power of {source}"
        self.guard.changed(source, words.carrier(*old), new, rule)

    async def load(self, generator: str, playlist: Playlist) -> None:
        """Load a playlist whose every sample is inside the generator's limits."""
        self.guard.checked(
            generator, playlist.name, lambda: check_playlist(self.lab, generator, playlist)
        )
        await self.guard.approved(lambda: approval.of_playlist(self.lab, generator, playlist))
        qubits = tuple(driven(self.lab, generator, playlist))
        await self.guard.require_free(generator, *qubits)
        old = self._set.loaded.pop(generator, words.UNKNOWN)
        self._set.driving[generator] = qubits
        await self._generators[generator].load(playlist)
        new = self._set.loaded[generator] = words.playlist(playlist)
        self.guard.changed(generator, old, new, f"limits.volts of {generator}")

    async def enable_channels(self, generator: str, channels: Sequence[int]) -> None:
        """Switch channels of a generator on; those that are on already stay untouched."""
        await self.guard.approved(lambda: [approval.of_channels(self.lab, generator, channels)])
        await self._require_leave(generator)
        on = self._set.on.get(generator, frozenset())
        if missing := [channel for channel in channels if channel not in on]:
            new = frozenset(missing)
            self.guard.seen.on(generator)
            with self._set.switching_on(generator, new):
                await self._generators[generator].enable(missing, on=True)
            self.guard.changed(generator, words.channels(on), words.channels(on | new), words.COLD)

    async def enable_source(self, source: str) -> None:
        """Switch a source on, once it has been tuned through this gate."""
        await self.guard.approved(lambda: [approval.of_source(self.lab, source)])
        await self.guard.require_unkept(source)
        await self.guard.require_cold(source)
        if source not in self._set.carriers:
            raise self.guard.refusal(source, "on", f"{source} has no frequency and power set")
        if source not in self._set.on:
            self.guard.seen.on(source)
            with self._set.switching_on(source, frozenset({1})):
                await switch_on(self._sources[source])
            self.guard.changed(source, "off", "on", words.COLD)

    async def run(self, generator: str) -> None:
        """Start a generator; it waits for its trigger."""
        await self._require_leave(generator)
        self._set.running.add(generator)
        await self._generators[generator].run()

    async def trigger(self, generator: str) -> None:
        """Give the trigger that makes the generators play that were started."""
        await self.guard.approved(lambda: [approval.of_playing(self.lab, generator)])
        await self._require_leave(generator, *self._set.running)
        await self._generators[generator].trigger()
        self.guard.changed(generator, "waiting", "playing", words.COLD)

    async def _require_leave(self, generator: str, *others: str) -> None:
        """Refuse unless it is cold, and nobody holds a generator or a qubit that these drive."""
        await self.guard.require_cold(generator, *self._set.driven(generator, *others))

    def commanded(self, name: str) -> State:
        """Return what an instrument must read back, as far as this gate has set it.

        What it switched off is expected off; of what it was interrupted to switch on nothing is.
        """
        if name in self._sources:
            return self._set.state_of_source(name)
        return self._set.state_of_generator(name)

    def doubtful(self, name: str) -> frozenset[str]:
        """Return the settings that must not be compared: what changed them was broken off."""
        return self._set.doubtful(name)

    def set_up_anew(self, name: str) -> None:
        """Take note that an instrument is off and has the settings of its setup, and no others."""
        self._set.set_up_anew(name)

    async def still_cold(self) -> None:
        """Refuse to believe what was just measured unless the mixing chamber was cold until now.

        Raises
        ------
        DriveInhibited
            It is not, or nobody knows.
        """
        await self.cold.refresh_when_older(FRESH)
        await self.guard.require_cold("what was measured")

    async def stop(self, generators: Iterable[str]) -> None:
        """Stop generators; never refused. Where one does not, everything is switched off.

        Raises
        ------
        InstrumentError
            Names every generator that did not stop.
        """
        stops = {name: self._generators[name].stop for name in generators}
        try:
            await all_of(stops, "did not stop", within=STOP_DEADLINE, part=QUARTER)
        except InstrumentError as failure:
            if not end_of_process().told:  # else that follows next, and has one deadline
                try:
                    await self.safe(str(failure))
                except InstrumentError as second:
                    failure.add_note(str(second))
            raise
        for name in self._set.stopped(stops):
            self.guard.changed(name, "playing", "stopped", words.NEVER_REFUSED)

    async def safe(self, why: str = "safe state") -> None:
        """Make every output safe: generators, then sources, then biases; verified by read-back.

        Every instrument is tried, whatever the others do. A bias does what lab.toml declares; by
        default it holds: a flux that falls to zero heats the refrigerator and moves the neighbours.

        Raises
        ------
        InstrumentError
            Names every instrument that is not known to be safe.
        """
        self._set.all_off()
        self.guard.job = ""
        guarded, off = self.guard.boxes.guarded, "is not known to be off"
        biases = "is not known to be as lab.toml wants it"
        ways = self._ways()
        generators, sources, others = (
            {n: guarded(n, device, ways[n]) for n, device in kind.items()}
            for kind in (self._generators, self._sources, self._others)
        )
        ramps = {
            name: guarded(name, source, partial(self.biases.make_safe, name))
            for name, source in self._bias_sources.items()
        }
        failures = await in_order(
            *(partial(all_of, each, off) for each in (generators, sources, others)),
            partial(all_of, ramps, biases, LONGEST_RAMP),
        )
        self.guard.switched_off(why, "\n".join(failures) or None)
        if failures:
            raise InstrumentError("\n".join(failures))

    async def verify(self, name: str, why: str) -> None:
        """Switch one instrument off and verify it; what was known of its settings is forgotten.

        Raises
        ------
        InstrumentError
            It is not known to be off.
        """
        self._set.off(name)
        if (way := self._ways().get(name)) is not None:
            await all_of({name: way}, "is not known to be off")
            self.guard.note(OutputChange(name, None, "off", why))

    def _ways(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return how each is switched off; what is no bias reads back as off then."""
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            **{n: g.safe for n, g in self._generators.items()},
            **{n: partial(switch_off, s) for n, s in self._sources.items()},
            **{n: other.safe for n, other in self._others.items()},
        }
        return {name: partial(self._went_off, name, way) for name, way in ways.items()}

    async def _outside(self, source: str) -> None:
        await self._went_off(source, partial(switch_off, self._sources[source]))
        self._set.on.pop(source, None)

    async def _went_off(self, name: str, way: Callable[[], Awaitable[None]]) -> None:
        await way()
        self.guard.seen.off(name)
        self._set.stopped([name])

    async def watch(self, period: float = 2.0) -> None:
        """Read the fridge every `period` s, for ever; switch drive off as soon as it is not cold.

        When switching off fails it is tried again at every reading. No reading comes later for the
        time that the last one took, or before what a run found is acted on. One that has only grown
        old is read anew first: laboratory time leaps where it is simulated.
        """
        self._was_cold = self._was_cold or self.cold.allowed
        while True:
            due = time.monotonic() + period
            if not (self._was_cold and self.inhibition.off and not self.cold.allowed):
                await self.cold.refresh()
            objection = self.cold.objection()
            if objection is not None and (self._was_cold or self._set.on or self._set.unsure):
                await self._switch_off(objection)
            elif objection is None:
                self._was_cold = True
            self.inhibition.look()
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _switch_off(self, objection: str) -> None:
        self.trip.set()
        self.inhibition.switching()
        failure = None
        try:
            await told_while(self.safe(f"interlock: {objection}"), self._look, LONG)
        except Exception as error:  # noqa: BLE001 - the watch must live, even without audit; logged
            failure = error
        self._was_cold = failure is not None
        self.inhibition.tripped(failure)

    async def _look(self) -> None:
        self.inhibition.look(late=True)
