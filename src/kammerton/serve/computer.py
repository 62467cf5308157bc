"""One computer: its instruments, its loop, its database and its relay, until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property

from kammerton.bench import Bench, open_bench
from kammerton.bench.apart import Apart
from kammerton.bench.approval import Approve
from kammerton.bench.guard import said
from kammerton.bench.locks import tells
from kammerton.bench.tasks import settled, told_while
from kammerton.lab import Lab, holdable
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.loop.catalogue import calibration_names
from kammerton.loop.conclusion import DOUBT
from kammerton.loop.loop import Committed
from kammerton.loop.record import Record
from kammerton.loop.runner import SLOW
from kammerton.loop.wishes import Wishes
from kammerton.model import (
    Held,
    InstrumentError,
    InstrumentInUse,
    LabClock,
    LastingFault,
    StoreUnavailable,
)
from kammerton.model.alarm import Tell
from kammerton.model.roles import FridgeMonitor, Queued
from kammerton.publish import Alarms
from kammerton.serve.attending import attending
from kammerton.serve.background import beside_the_loop
from kammerton.serve.backups import backing_up
from kammerton.serve.elsewhere import Elsewhere
from kammerton.serve.errands import Measuring
from kammerton.serve.expected import expected
from kammerton.serve.holding import SWITCHED_OFF, Holds
from kammerton.serve.kernels import Kernels
from kammerton.serve.made_up import believed, made_up
from kammerton.serve.memory import giving_back
from kammerton.serve.moved import moved, note
from kammerton.serve.opened import Doing, Known, opened_store, quiet
from kammerton.serve.outputs import Outputs
from kammerton.serve.relaying import relayed
from kammerton.serve.reports import reporter
from kammerton.serve.set_clock import SetClock
from kammerton.serve.supervised import Supervised
from kammerton.serve.unanswered import Unanswered
from kammerton.serve.warmed import Warmed
from kammerton.store import Store
from kammerton.store.following import going_on
from kammerton.store.plates import Plates, unnamed
from kammerton.store.rows import Lease

log = logging.getLogger(__name__)


async def run_computer(
    lab: Lab,
    *,
    once: bool = False,
    doing: Doing = quiet,
    up: Callable[[], object] = quiet,
    warm: Callable[[], object] = quiet,
    known: Known = quiet,
    supervised: bool = False,
) -> Mapping[str, str]:
    """Keep a computer in tune until cancelled, or with `once` until nothing is worth measuring.

    Returns the parked targets and why. Outputs are off, and verified off, before this returns or
    raises; the database is consistent at any moment. Where the last process ended without that,
    the outputs are verified off before anything else is done, and the audit log says so.

    doing: called with what is done, whenever that changes. up: called once the instruments are
    connected and their outputs known to be off. warm: called once all kernels are compiled.
    known: called at the end with whether all outputs were verified off, and with what it tried to
    switch off in vain. supervised: ask a person before the first write of each kind.

    Raises
    ------
    InstrumentError
        Instruments are unreachable (all are named) or fail while running.
    NotApproved
        A person who was asked said no.
    StoreError
        The database cannot be opened or written.
    """
    alarms = Alarms()
    async with opened_store(lab, alarm=alarms.tell, known=known) as (store, outputs):
        clock = await asyncio.to_thread(going_on, store)
        async with beside_the_loop("picture") as pictures:
            errands = Measuring(lab, calibration_names())
            holds = Holds(lab, store, doing, alarms.tell)
            committed = reporter(lab, pictures)
            away = Unanswered(store, outputs.audit, alarms.tell)
            set_clock = SetClock(store, clock, alarms.tell, outputs.audit)
            tuning = Tuning(
                lab, store, clock, holds, outputs, committed, doing, up, away.tell,
                errands.wishes, warm, answered=away.answered, by_the_loop=set_clock.left,
                supervised=supervised,
            )  # fmt: skip
            set_back = await asyncio.to_thread(made_up, lab, store, clock, alarms.tell)
            async with (
                set_clock.watched(told=set_back),
                attending(store, holds.told, holdable(lab), errands, holds.unread, holds.asked),
                holds.followed(), backing_up(store, tell=alarms.tell),
                relayed(lab, store, clock, alarms, outputs, speaks=tuning.speaks,
                        boxes=lambda: tuning.elsewhere.mine),
                giving_back(),
            ):  # fmt: skip
                return await _tuned(tuning, once=once)


async def _tuned(tuning: Tuning, *, once: bool) -> Mapping[str, str]:
    """Tune; whatever ends it, what is not off then is told while the relay still lives."""
    try:
        return await tuning.run(once=once)
    except BaseException as end:
        if isinstance(end, Exception) or tuning.outputs.tried:  # else it looks: left_safe
            tuning.outputs.left_on(end)
            tuning.may_speak_after(end)
            tuning.may_hope_after(end)
        tuning.store.place.hurry()  # outputs are off; nothing else is worth waiting for long
        raise


@dataclass(frozen=True)
class Tuning:
    """What a computer's loop is made of.

    by_the_loop: held while it calibrates, and follows a clock that was set between two runs.
    answered: called once all instruments are connected, and their outputs read back as off. speaks:
    set once the instruments are ours, or nobody has them. Who is refused them since another
    daemon has them is to say nothing under the topics of that one.
    """

    lab: Lab
    store: Store
    clock: LabClock
    holds: Holds
    outputs: Outputs
    committed: Committed
    doing: Doing
    up: Callable[[], object]
    alarm: Tell
    wishes: Wishes
    warm: Callable[[], object] = quiet
    answered: Callable[[], object] = quiet
    by_the_loop: asyncio.Lock = field(default_factory=asyncio.Lock)
    kernels: Kernels = field(default_factory=Kernels)
    speaks: asyncio.Event = field(default_factory=asyncio.Event)
    supervised: bool = False

    @cached_property
    def plates(self) -> Plates:
        """Return what is known of the boxes of earlier starts."""
        return Plates(self.lab, self.store)

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """Return what is known of the boxes that daemons on other computers have."""
        return Elsewhere(self.lab)

    @cached_property
    def warmed(self) -> Warmed:
        """Return what doubts all that was measured before it was warm, or not seen for long."""
        return Warmed(self._record(), self.lab, self.clock)

    @cached_property
    def ask(self) -> Approve | None:
        """Return what asks a person before the first write of each kind; None: nobody is asked."""
        return Supervised(self.store, self.alarm, self._say) if self.supervised else None

    async def run(self, *, once: bool) -> Mapping[str, str]:
        """Connect the instruments and calibrate; anew after a person had them.

        What an instrument says and lasts sets it aside, until a person releases it; `once` ends.
        """
        ready = asyncio.create_task(self.kernels.load(), name="kernels")
        ready.add_done_callback(lambda _: self.warm())
        try:
            async with self.warmed.watched(self.outputs.audit):
                apart = Apart(self.lab, self.clock, self.warmed.warmth, self.holds.elements)
                try:
                    return await self._tuned(ready, apart, once=once)
                except InstrumentError as failure:
                    mine = not isinstance(failure, InstrumentInUse) and self.outputs.known_off
                    if mine and not once:  # else the next switches off, at once
                        await self.warmed.glanced(apart)
                    raise
        finally:
            await settled(ready)
            await self.elsewhere.end()

    async def _tuned(
        self, ready: asyncio.Task[None], apart: Apart, *, once: bool
    ) -> Mapping[str, str]:
        """Connect and calibrate, again and again; before the first time the fits are ready."""
        planner: Planner | None = None
        loop: Loop | None = None
        doubtful: set[str] = set()
        while True:
            doubtful |= self.holds.aside()
            if (lease := self._left_alone()) is not None:
                self.up()  # as far as it may be: all instruments are a person's
                self.speaks.set()
                self.wishes.withdraw(f"{said(lease)}; ask again when it is released")
                async with apart.reading():
                    await self.holds.free(self.outputs.left_alone())
            words = f"connecting to the instruments{self.outputs.caution}"
            await asyncio.to_thread(self._say, words)
            try:
                async with self._opened() as bench:
                    self.outputs.found_off()
                    self.answered()
                    self.speaks.set()
                    self.up()
                    await self._met(bench, first=loop is None)
                    await told_while(ready, self._waiting, SLOW)
                    planner = planner or Planner(load_calibrations())  # anybody's code: it is off
                    await self.warmed.heeded()
                    async with self.by_the_loop:
                        loop = self._loop(bench, planner, doubtful)
                        self.warmed.forget = loop.warm
                        await loop.keep_doubts("an instrument was set aside")
                        doubtful.clear()
                        work = loop.settle() if once else loop.keep()
                        parked = await self.holds.obeyed(loop, work)
            except Held as held:
                self._left_off()
                log.info("left again while connecting: %s", held)
                continue
            except LastingFault as fault:
                self._left_off()
                doubtful.add(str(fault.instrument))
                async with apart.reading():
                    await self.holds.set_aside(fault)
                if once:
                    raise
                parked = None
            if parked is not None:
                return parked
            await self._may_go_on(once=once)
            if loop is not None:
                loop.patience.forget()

    async def _may_go_on(self, *, once: bool) -> None:
        """Raise StoreLost where `once` would wait for a damaged database, which nobody releases."""
        if once:
            await asyncio.to_thread(self.store.demand_here)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Bench]:
        """Connect; the bench then reads the refrigerator, and tells who doubts."""
        claimed = await self.elsewhere.claimed(wait=self.outputs.known_off)
        with self.elsewhere.having() as has:  # until it is closed: a bias ramps down for minutes
            async with open_bench(
                await expected(self.plates), self.clock, on_change=self.outputs.changed,
                holds=self.holds, ask=self.ask, alarm=self.alarm, on_restart=self._restarted,
                warmth=self.warmed.warmth, claimed=claimed, known=self.outputs.known,
            ) as bench:  # fmt: skip
                has(bench)
                yield bench

    async def _met(self, bench: Bench, *, first: bool) -> None:
        """Doubt what rests on biases that moved unseen; remember, and first name, who answers."""
        record, biases = self._record(), bench.gate.biases
        levels, safe = await biases.levels(), biases.made_safe()
        if names := safe | await record.read(lambda store: moved(self.lab, store, levels)):
            await self._doubted(names, "moved since the last run")
        await record.read(lambda store: note(store, levels))
        answered = bench.gate.guard.boxes.answered
        found = {name: who for name, who in answered.items() if tells(who.serial)}
        try:
            await asyncio.to_thread(self.plates.remember, found)
            serials = await asyncio.to_thread(self.plates.before)
        except StoreUnavailable as problem:  # the next start makes up for it
            log.warning("which boxes answer is not remembered yet: %s", problem)
            return
        mute = answered.keys() - found.keys()
        for words in unnamed(self.lab, serials, mute) if first else ():
            log.warning("%s", words)

    def may_speak_after(self, end: BaseException) -> None:
        """Let what is wrong be told over MQTT where the work failed, unless it was refused."""
        if not isinstance(end, InstrumentInUse):
            self.speaks.set()

    def may_hope_after(self, end: BaseException) -> None:
        """Answer whoever waits for a measurement why there is none; the daemon may try again."""
        if isinstance(end, InstrumentError):
            why = "; ".join(str(end).splitlines())
            self.wishes.withdraw(f"{why}; ask again when that is over")

    def _left_alone(self) -> Lease | None:
        """Return who has the instruments: a person, or nobody with outputs known to be off."""
        lease = self.holds.on_bench()
        if lease is None:
            return None
        alone = lease.owner not in SWITCHED_OFF or self.outputs.known_off
        return lease if alone else None

    def _left_off(self) -> None:
        """Say after an unclean end that outputs are off, though no loop came of the bench."""
        if self.outputs.known_off:
            self.outputs.found_off()

    def _loop(self, bench: Bench, planner: Planner, doubtful: Iterable[str]) -> Loop:
        """Return the loop of a bench. doubtful: instruments that were set aside since the last."""
        book = self.book()
        for name in doubtful:
            box = bench.instruments.get(name)
            if not isinstance(box, Queued | FridgeMonitor):  # asked after each run; makes nothing
                book.doubt_what_uses({name}, DOUBT, self.clock.now())
        return Loop(
            self.lab, self.store, bench, self.clock, planner, book, self.committed,
            said=self.doing, held=self.holds.elements, whose=self.holds.whose, alarm=self.alarm,
            drive_off=bench.gate.inhibition.words, wishes=self.wishes,
        )  # fmt: skip

    def book(self) -> BeliefBook:
        """Return what is believed by what is stored."""
        return believed(self.lab, self.store, self.clock)

    def _record(self) -> Record:
        return Record(self.store, lambda what: asyncio.to_thread(self._say, what), self.alarm)

    async def _restarted(self, names: frozenset[str]) -> None:
        """Doubt what rests on who was switched off and on, before all else: it is told once."""
        await self._doubted(names, "switched off and on since it was last asked")

    async def _doubted(self, names: frozenset[str], how: str) -> None:
        book, words = self.book(), ", ".join(sorted(names))
        book.doubt_what_uses(names, DOUBT, self.clock.now())
        if doubted := book.doubted():
            log.warning("%s: %s; what rests on it is measured again", how, words)
            await self._record().doubt(doubted, f"{words} was {how.partition(' since')[0]}")

    async def _waiting(self) -> None:
        await asyncio.to_thread(self._say, self.kernels.doing)

    def _say(self, what: str) -> None:
        self.doing(what)
        self.outputs.at_work(what)
