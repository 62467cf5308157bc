"""One computer: its instruments, its loop, its database and its relay, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from kammerton.bench import Bench, open_bench
from kammerton.bench.guard import said
from kammerton.bench.tasks import settled, told_while, unbroken
from kammerton.lab import Lab, holdable
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.loop.catalogue import calibration_names
from kammerton.loop.conclusion import DOUBT
from kammerton.loop.loop import Committed
from kammerton.loop.runner import SLOW
from kammerton.loop.wishes import Wishes
from kammerton.model import Held, LabClock, LastingFault, Run, StoreInUse, Verdict
from kammerton.model.alarm import Tell, unheard
from kammerton.model.roles import FridgeMonitor, Queued
from kammerton.publish import Alarms
from kammerton.serve.attending import attending
from kammerton.serve.background import Background
from kammerton.serve.backups import backing_up
from kammerton.serve.errands import Measuring
from kammerton.serve.holding import SWITCHED_OFF, Holds
from kammerton.serve.kernels import Kernels
from kammerton.serve.memory import giving_back
from kammerton.serve.outputs import Outputs
from kammerton.serve.pictures import draw_run
from kammerton.serve.relaying import relayed
from kammerton.serve.unrecorded import off_without_store
from kammerton.store import Store
from kammerton.store.rows import Lease
from kammerton.verify import library_warning

log = logging.getLogger(__name__)

HALF_OPEN = 1.0  # s that an opening under way is waited for when told to end
ORPHAN = 10.0  # s that a process whose supervisor was killed gets to switch off and end
ANOTHERS = "the instruments are of that process, and none was touched; see kammerton status"
NOT_TOUCHED = "no instrument was touched: outputs are not known to be off"

Doing = Callable[[str], object]
Known = Callable[[bool, str], object]


def quiet(*what: object) -> None:
    """Tell nobody."""


async def run_computer(
    lab: Lab,
    *,
    once: bool = False,
    doing: Doing = quiet,
    up: Callable[[], object] = quiet,
    warm: Callable[[], object] = quiet,
    known: Known = quiet,
) -> Mapping[str, str]:
    """Keep a computer in tune until cancelled, or with `once` until nothing is worth measuring.

    Returns the parked targets and why. Outputs are off, and verified off, before this returns or
    raises; the database is consistent at any moment. Where the last process ended without that,
    the outputs are verified off before anything else is done, and the audit log says so.

    doing: called with what is done, whenever that changes. up: called once the instruments are
    connected and their outputs known to be off. warm: called once all kernels are compiled.
    known: called at the end with whether all outputs were verified off, and with what it tried to
    switch off in vain.

    Raises
    ------
    InstrumentError
        Instruments are unreachable (all are named) or fail while running.
    StoreError
        The database cannot be opened or written.
    """
    alarms = Alarms()
    async with opened_store(lab, alarm=alarms.tell, known=known) as (store, outputs):
        clock = LabClock.not_before(store.now())
        async with _drawing() as pictures:
            errands = Measuring(lab, calibration_names())
            holds, committed = (
                Holds(lab, store, doing, alarms.tell),
                _reporter(lab, store, pictures),
            )
            tuning = Tuning(
                lab, store, clock, holds, outputs, committed, doing, up, alarms.tell,
                errands.wishes, warm,
            )  # fmt: skip
            async with (
                attending(store, holds.told, holdable(lab), errands, holds.unread),
                holds.followed(), backing_up(store),
                relayed(lab, store, clock.now, alarms, outputs),
                giving_back(),
            ):  # fmt: skip
                try:
                    return await tuning.run(once=once)
                except BaseException as end:
                    if isinstance(end, Exception) or outputs.tried:  # else it looks: left_safe
                        outputs.left_on(end)
                    store.place.hurry()  # outputs are off; nothing else is worth waiting for long
                    raise


@asynccontextmanager
async def _drawing() -> AsyncIterator[Background]:
    """Draw pictures beside the loop, which turns on until the last; told to end, draw no more."""
    pictures = Background("picture")
    try:
        yield pictures
    except asyncio.CancelledError:
        pictures.drop()
        raise
    finally:
        await unbroken(asyncio.to_thread(pictures.close))


@asynccontextmanager
async def opened_store(
    lab: Lab, *, touch: bool = True, alarm: Tell = unheard, known: Known = quiet
) -> AsyncIterator[tuple[Store, Outputs]]:
    """Open the database, and the audit log of the outputs; say at the end whether they are off.

    The log says first what lab.toml says of the device, beside every result.

    known: hears that too, for the database may be silent by then.

    Where it does not open, outputs are switched off (if `touch`) before that is raised, with a note
    that says what is known of them.
    """
    async with AsyncExitStack() as stack:
        try:
            store = stack.enter_context(await _open(lab))
        except StoreInUse as in_use:
            in_use.add_note(ANOTHERS)
            raise
        except Exception as problem:
            words = NOT_TOUCHED
            if touch:
                known(False, "")  # until it is: what nobody foresaw may come between
                off, words = await off_without_store(lab)
                known(off, "")
            problem.add_note(words)
            raise
        if lab.note:
            log.info("%s", lab.note)
        if store.place.file is not None and (warning := library_warning()):
            log.warning("%s", warning)
        audit = Background("audit log")
        outputs = Outputs(store, audit.add, alarm)
        stack.callback(outputs.close)
        stack.push_async_callback(lambda: unbroken(asyncio.to_thread(audit.close)))
        stack.callback(
            lambda: known(outputs.known_off, outputs.tried)
        )  # before those, which may fail or wait
        yield store, outputs


async def _open(lab: Lab) -> Store:
    """Open the database; wait a little for a process whose supervisor was killed to let it go."""
    until = time.monotonic() + ORPHAN
    while True:
        opening = asyncio.ensure_future(
            asyncio.to_thread(Store.open, lab.database, lab.computer, data=lab.data, note=lab.note)
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await _given_up(opening)
            raise
        except StoreInUse:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def _given_up(opening: asyncio.Future[Store]) -> None:
    """Close what is opened soon; what takes longer (a check, a server) is left to the end.

    Half open it would still be locked by us where it is asked for last words.
    """
    await asyncio.wait({opening}, timeout=HALF_OPEN)
    if not opening.done():
        log.warning("told to end while the database is being opened: that is not waited for")
        opening.add_done_callback(lambda done: done.cancelled() or done.exception())
    elif opening.exception() is None:
        opening.result().close()


@dataclass(frozen=True)
class Tuning:
    """What a computer's loop is made of."""

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
    kernels: Kernels = field(default_factory=Kernels)

    async def run(self, *, once: bool) -> Mapping[str, str]:
        """Connect the instruments and calibrate; anew after a person had them.

        What an instrument says and lasts sets it aside, until a person releases it; `once` ends.
        """
        ready = asyncio.create_task(self.kernels.load(), name="kernels")
        ready.add_done_callback(lambda _: self.warm())
        try:
            return await self._tuned(ready, once=once)
        finally:
            await settled(ready)

    async def _tuned(self, ready: asyncio.Task[None], *, once: bool) -> Mapping[str, str]:
        """Connect and calibrate, again and again; before the first time the fits are ready."""
        planner: Planner | None = None
        loop: Loop | None = None
        doubtful: set[str] = set()
        while True:
            doubtful |= self.holds.aside()
            if (lease := self._left_alone()) is not None:
                self.up()  # as far as it may be: all instruments are a person's
                self.wishes.withdraw(f"{said(lease)}; ask again when it is released")
                await self.holds.free(self.outputs.left_alone())
            await asyncio.to_thread(self._say, "connecting to the instruments")
            try:
                async with open_bench(
                    self.lab,
                    self.clock,
                    on_change=self.outputs.changed,
                    holds=self.holds,
                    alarm=self.alarm,
                ) as bench:
                    self.outputs.found_off()
                    self.up()
                    await told_while(ready, self._waiting, SLOW)
                    # anybody's code: outputs are off
                    planner = planner or Planner(load_calibrations())
                    loop = self._loop(bench, planner, doubtful)
                    await loop.keep_doubts("an instrument was set aside")
                    doubtful.clear()
                    parked = await self.holds.obeyed(loop, loop.settle() if once else loop.keep())
            except Held as held:
                self._left_off()
                log.info("left again while connecting: %s", held)
                continue
            except LastingFault as fault:
                self._left_off()
                doubtful.add(str(fault.instrument))
                await self.holds.set_aside(fault)
                if once:
                    raise
                parked = None
            if parked is not None:
                return parked
            if loop is not None:
                loop.patience.forget()

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
        book = BeliefBook(self.lab, self.clock.now())
        book.update(self.store.parameters())
        book.recall(self.store.doubts())
        for name in doubtful:
            box = bench.instruments.get(name)
            if not isinstance(box, Queued | FridgeMonitor):  # asked after each run; makes nothing
                book.doubt_what_uses({name}, DOUBT, self.clock.now())
        return Loop(
            self.lab, self.store, bench, self.clock, planner, book, self.committed,
            said=self.doing, held=self.holds.elements, whose=self.holds.whose, alarm=self.alarm,
            drive_off=bench.gate.inhibition.words, wishes=self.wishes,
        )  # fmt: skip

    async def _waiting(self) -> None:
        await asyncio.to_thread(self._say, self.kernels.doing)

    def _say(self, what: str) -> None:
        self.doing(what)
        self.outputs.at_work(what)


def _reporter(lab: Lab, store: Store, pictures: Background) -> Committed:
    """Return what tells of a committed run: one line in the log, and a picture."""

    def committed(run: Run, run_id: str) -> None:
        log.info("%s", _summary(run, run_id))
        if lab.pictures:
            pictures.add(_draw, lab, store, run, run_id)

    return committed


def _draw(lab: Lab, store: Store, run: Run, run_id: str) -> None:
    """Read what is believed beside the loop: a store that is away costs a picture, no more."""
    believed = {n: e for n, e in store.parameters().items() if e.run == run_id}
    draw_run(lab, run, run_id, believed)


def _summary(run: Run, run_id: str) -> str:
    """Say in one line what a run found."""
    good = [name for name, fit in run.fits.items() if fit.verdict is Verdict.ACCEPTED]
    bad = [
        f"{name} {fit.said()}"
        for name, fit in run.fits.items()
        if fit.verdict is not Verdict.ACCEPTED
    ]
    words = ([f"{', '.join(good)} accepted"] if good else []) + bad
    seconds = f"{run.instrument_seconds:.1f} s of instrument time"
    return f"{run_id} {run.calibration}: {'; '.join(words)}; {seconds}"
