"""The bench of one computer: programs in, records out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from time import perf_counter
from typing import Any

from kammerton.bench.acquire import Collector, amount_of, collector_of
from kammerton.bench.coming import OnProgress, coming, reporter
from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.bench.errors import NoTriggers
from kammerton.bench.fingerprint import fingerprint
from kammerton.bench.gate import Gate
from kammerton.bench.heat import left_behind
from kammerton.bench.keeping import Keeping
from kammerton.bench.readback import OnRestart, ReadBack, untold
from kammerton.bench.recovery import Recovery
from kammerton.bench.setting_up import SettingUp
from kammerton.bench.tasks import together, unbroken
from kammerton.lab import Lab
from kammerton.model import (
    DriveInhibited,
    InstrumentError,
    LabClock,
    Program,
    ProgramError,
    Records,
)
from kammerton.model.roles import (
    Described,
    Digitizer,
    Instrument,
    WaveformGenerator,
)
from kammerton.program.compiled import Compiled

OVERTIME = 30.0
"""s beyond the digitizer's own timeout in which no buffer comes before it is given up: its library
hangs, and the generators play."""

LONGEST = 600.0
"""s beyond the digitizer's own timeout and twice its instrument time before an acquisition is given
up whose records do come: a trigger that is far too slow would keep a computer for hours."""

ABORTED = 1.0
"""s that an acquisition which is given up is waited for before the generators are stopped."""

LATE = 30.0
"""s that the next program waits for the end of one that was given up."""

Compiler = Callable[[Program, Lab], Compiled]


class Bench:
    """The instruments of a computer, behind the gate; plays one program at a time.

    last_stages: wall s of the last program by stage; demodulate is the host's part of acquire.
    """

    def __init__(
        self,
        lab: Lab,
        clock: LabClock,
        instruments: Mapping[str, Instrument],
        gate: Gate,
        compiler: Compiler | None = None,
    ) -> None:
        self.lab, self.clock, self.gate = lab, clock, gate
        self.instruments, self.seen = instruments, gate.guard.seen
        self.last_stages: dict[str, float] = {}
        self._compile = compiler or partial(_compile, minimum_samples=_minimum_samples(instruments))
        self._loaded: dict[str, bytes] = {}
        self._read_back = ReadBack(instruments, gate.guard, gate.verify, gate.alarm, gate.doubtful)
        self._setup = SettingUp(lab, gate, self._read_back)
        self._recovery = Recovery(instruments, gate, self._read_back, self._setup.again)
        self._keeping = Keeping(instruments, gate, self._setup.anew)
        self._turn = asyncio.Lock()
        self._given_up: asyncio.Future[None] | None = None

    async def configure(self, on_restart: OnRestart = untold) -> None:
        """Set clocks, references and own limits; outputs stay off. That is expected from now on.

        on_restart: hears first who was switched off and on since any process last asked.
        """
        self._keeping.look()
        await self._read_back.restarted(on_restart)
        await together(self._setup.configure(device) for device in self.instruments.values())
        await self._read_back.remember(self.instruments)

    async def look(self) -> bool:
        """Ask all how they are set, while nothing plays; what is on and should be off goes off.

        False: not all, as the interlock switches off, which looks itself, or a person holds one.

        Raises
        ------
        InstrumentError
            One is not as it was left, complains, or does not answer, as after a run.
        """
        async with self._turn:
            gate, before = self.gate, self.gate.trip.is_set()

            def moot() -> bool:
                held = gate.guard.hold_on(*self.instruments) is not None
                return held or not gate.inhibition.off or gate.trip.is_set() != before

            if not moot():
                gate.guard.job = ""
                await self._keeping.look_for_given_back()
                described = (n for n, d in self.instruments.items() if isinstance(d, Described))
                names = [n for n in described if n not in self._keeping]
                await together(self._read_back.check({n: gate.commanded(n)}, moot) for n in names)
            if not moot():
                await gate.biases.as_left()
            return not moot()

    async def recover(self, failure: InstrumentError) -> frozenset[str]:
        """After a failure, bring back whichever instrument failed; the others stay as they are.

        Others that are not set as they were left have failed with it. Returns all whose settings
        were lost or changed since this was last asked: what they made is to be doubted.

        Raises
        ------
        InstrumentError
            Names what is still away, or not known to be off; try again later.
        """
        async with self._turn:
            for name in await self._recovery.restore(failure):
                self._loaded.pop(name, None)
            lost = frozenset(self._read_back.lost)
            self._read_back.lost.clear()
            return lost

    async def acquire(self, program: Program, on_progress: OnProgress | None = None) -> Records:
        """Play a program and return its records; generators are stopped afterwards.

        on_progress: called in the event loop with the fraction done. Shots are rounded up to
        whole blocks. When cancelled, the acquisition is aborted, generators stop, and the
        cancellation passes on.

        Raises
        ------
        ProgramError
            The program cannot be played on this bench.
        OutputRefused
            A limit or the interlock forbids it, or the interlock switched drive off meanwhile.
        InstrumentError
            An instrument failed, or no triggers came.
        """
        async with self._turn:
            self.last_stages = {}
            with self._stage("compile"):
                compiled = await asyncio.to_thread(self._compile, program, self.lab)
            await self._keeping.look_for_given_back()
            await self.gate.admit(compiled)
            digitizer = self._digitizer(compiled)
            await self._last_over(digitizer)
            amount = amount_of(program.shots, compiled.points, compiled.window.samples)
            collector = collector_of(compiled, amount, digitizer, shots=program.keep_shots)
            collector.on_turns = reporter(amount, on_progress)
            async with self._stopped_at_the_end(compiled):
                with self._stage("upload"):
                    await self._prepare(compiled)
                with self._stage("acquire"):
                    await self._record(compiled, digitizer, collector)
                with self._stage("read back"):
                    await self._believed(compiled)
            self.last_stages["demodulate"] = collector.reduction.seconds
            return collector.records(compiled, left_behind(self.lab, compiled))

    async def _believed(self, compiled: Compiled) -> None:
        """Raise unless all that played was set as it should be, and cold, until now."""
        names, trip = (*compiled.playlists, *compiled.carriers), self.gate.trip
        commanded = {name: self.gate.commanded(name) for name in names}
        await self._read_back.check(commanded, trip.is_set)
        if trip.is_set():  # what it switched off is nobody's hand
            raise self._tripped()
        await self.gate.biases.as_left()
        await self.gate.still_cold()

    def _digitizer(self, compiled: Compiled) -> Digitizer:
        window = compiled.window
        digitizer = self.instruments[window.digitizer]
        if not isinstance(digitizer, Digitizer):
            raise ProgramError(f"{window.digitizer} is no digitizer")
        if window.samples % digitizer.granularity:
            raise ProgramError(
                f"{window.digitizer} records multiples of {digitizer.granularity} samples, "
                f"not {window.samples}"
            )
        return digitizer

    async def _prepare(self, compiled: Compiled) -> None:
        """Make every output ready that the program uses; nothing plays yet."""
        await self.gate.biases.as_left()
        await self._as_left(compiled.carriers)
        await self._read_back.same_boxes((*compiled.playlists, *compiled.carriers))
        await together(
            [
                *(self.gate.tune(name, hz, dbm) for name, (hz, dbm) in compiled.carriers.items()),
                *(self._load(name, compiled) for name in compiled.playlists),
            ]
        )
        await together(
            self.gate.enable_channels(name, playlist.channels)
            for name, playlist in compiled.playlists.items()
        )
        await together(self.gate.enable_source(name) for name in compiled.carriers)
        await self._read_back.remember((*compiled.playlists, *compiled.carriers))
        await together(self.gate.run(name) for name in compiled.playlists)

    async def _as_left(self, carriers: Mapping[str, tuple[float, float]]) -> None:
        """Raise where a source that is to be tuned is not as it was left: that would hide it."""
        names = (n for n, wanted in carriers.items() if not self.gate.is_tuned(n, *wanted))
        commanded = {n: self.gate.commanded(n) for n in names if n not in self._keeping}
        await self._read_back.check(commanded, self.gate.trip.is_set)

    async def _load(self, generator: str, compiled: Compiled) -> None:
        playlist = compiled.playlists[generator]
        wanted = fingerprint(playlist)
        if self._loaded.pop(generator, None) != wanted:
            await self.gate.load(generator, playlist)
        self._loaded[generator] = wanted

    async def _record(self, compiled: Compiled, digitizer: Digitizer, collector: Collector) -> None:
        """Arm, trigger, stream; what was played counts as laboratory time even if it failed."""
        amount = collector.amount
        capture = amount.capture(compiled.window.samples, compiled.turn_seconds)

        async def armed() -> None:
            collector.began = perf_counter()  # arming passed by the wall, beside what is played
            await self.gate.trigger(self.lab.sync.master)

        try:
            acquisition = digitizer.acquire(capture, armed, collector)
            records = coming(collector, OVERTIME + capture.timeout)
            limit = LONGEST + capture.timeout + 2 * amount.turns * compiled.turn_seconds
            await self._while_cold(acquisition, digitizer, records, limit)
        except NoTriggers as silence:
            raise InstrumentError(f"{silence}; {self._hint(compiled)}") from silence
        except InstrumentError as failure:
            failure.instrument = failure.instrument or digitizer.name
            raise
        finally:
            self.clock.played(collector.turns * compiled.turn_seconds, collector.lasted)

    @asynccontextmanager
    async def _stopped_at_the_end(self, compiled: Compiled) -> AsyncIterator[None]:
        """Stop the generators, whatever happens inside; the first failure is what is raised."""
        try:
            yield
        except BaseException as failure:
            try:
                await unbroken(self.gate.stop(compiled.playlists))
            except InstrumentError as second:
                failure.add_note(str(second))
            raise
        await unbroken(self.gate.stop(compiled.playlists))

    async def _while_cold(
        self,
        acquisition: Coroutine[Any, Any, None],
        digitizer: Digitizer,
        coming: Coroutine[Any, Any, float],
        limit: float,
    ) -> None:
        """Wait while records are coming, `limit` s at most, unless the interlock trips."""
        work, come = asyncio.ensure_future(acquisition), asyncio.ensure_future(coming)
        trip = asyncio.ensure_future(self.gate.trip.wait())
        try:
            await asyncio.wait(
                {work, trip, come}, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
            if self.gate.trip.is_set():
                raise self._tripped()
            if not work.done() and come.done():
                raise InstrumentError(f"{digitizer.name} gave no record for {come.result():.0f} s")
            if not work.done():
                raise InstrumentError(f"{digitizer.name} did not finish within {limit:.0f} s")
            work.result()
        finally:
            trip.cancel()
            come.cancel()
            await unbroken(self._ended(work))

    def _tripped(self) -> DriveInhibited:
        return DriveInhibited(f"drive was switched off: {self.gate.cold.objection()}")

    async def _ended(self, acquisition: asyncio.Future[None]) -> None:
        """Give an acquisition up, and wait a moment for its end: outputs must not wait longer."""
        acquisition.cancel()
        acquisition.add_done_callback(lambda end: end.cancelled() or end.exception())
        await asyncio.wait({acquisition}, timeout=end_of_process().share(ABORTED, QUARTER))
        if not acquisition.done():
            self._given_up = acquisition

    async def end(self) -> None:
        """Wait no longer for an acquisition that was given up; outputs are off."""
        if self._given_up is not None:
            self._given_up.cancel()
            await asyncio.wait({self._given_up}, timeout=end_of_process().share(ABORTED, QUARTER))

    async def _last_over(self, digitizer: Digitizer) -> None:
        """Wait for the end of an acquisition that was given up: no two may be under way."""
        late = self._given_up
        if late is not None and not (await asyncio.wait({late}, timeout=LATE))[0]:
            raise InstrumentError(
                f"{digitizer.name}: the last acquisition was given up and does not end",
                instrument=digitizer.name,
            )
        self._given_up = None

    def _hint(self, compiled: Compiled) -> str:
        marker = self.lab.feedlines[compiled.window.feedline].trigger
        return (
            f"records are triggered by marker 1 of {marker}, started by {self.lab.sync.master}: "
            f"see that both are wired, switched on and share the 10 MHz reference"
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.last_stages[name] = perf_counter() - start


def _compile(program: Program, lab: Lab, *, minimum_samples: int) -> Compiled:
    from kammerton.program import (
        compile as compile_program,
    )  # slow to import, and not always needed

    return compile_program(program, lab, minimum_samples=minimum_samples)


def _minimum_samples(instruments: Mapping[str, Instrument]) -> int:
    generators = (d for d in instruments.values() if isinstance(d, WaveformGenerator))
    return max((g.minimum_samples for g in generators), default=1)
