"""The loop: choose, measure, judge, commit, believe; and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from kammerton.bench.inhibition import MAINTENANCE
from kammerton.bench.tasks import unbroken
from kammerton.lab import Lab
from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.conclusion import Conclusions
from kammerton.loop.granting import Granting
from kammerton.loop.idle import Stale, idle
from kammerton.loop.looks import BETWEEN, WELL, Looks
from kammerton.loop.outage import Outage, pausing
from kammerton.loop.own_code import traceback_logged
from kammerton.loop.patience import Patience
from kammerton.loop.planner import Plan, Planner
from kammerton.loop.prospect import Prospect
from kammerton.loop.record import Record, outcome_of, why_not_again
from kammerton.loop.rest import Rest
from kammerton.loop.runner import Acquires, run_calibration
from kammerton.loop.saying import Saying, silent, somebodys
from kammerton.loop.sight import Sight
from kammerton.loop.under_way import Interrupted, UnderWay
from kammerton.loop.wishes import ABORTED, ANSWERED, Wish, Wishes, interrupted, planned
from kammerton.model import (
    CalibrationError,
    CalibrationHangs,
    DriveInhibited,
    Estimate,
    InstrumentError,
    KammertonError,
    LabClock,
    LastingFault,
    NotApproved,
    OutputRefused,
    ProgramError,
    Run,
    SettingsChanged,
)
from kammerton.model.alarm import Tell, unheard
from kammerton.store import Attempt, Store

log = logging.getLogger(__name__)

IDLE = 2.0  # s between looks when nothing is worth measuring
ONCE = 20.0  # s that a loop which shall settle waits for an instrument that is away
Committed = Callable[[Run, str, Mapping[str, Estimate], Mapping[str, str]], None]


@dataclass
class Loop:
    """Keeps one computer in tune.

    committed(run, run_id, counted, withheld) is told of every finished run, by name what of it was
    stored, and by qubit why the rest is not; said(what) of what is done now. held: elements that
    persons hold now; the loop leaves them alone. whose: says who holds one, and why. leave: why
    `keep` or `settle` shall end after the step under way; "": they go on. drive_off: says that the
    interlock has switched drive off, and why. wishes: what persons want measured next.
    """

    lab: Lab
    store: Store
    bench: Acquires
    clock: LabClock
    planner: Planner
    book: BeliefBook
    committed: Committed = silent
    patience: Patience = field(default_factory=Patience)
    said: Callable[[str], object] = silent
    held: Callable[[], frozenset[str]] = frozenset
    whose: Callable[[str], str] = somebodys
    leave: str = ""
    alarm: Tell = unheard
    drive_off: Callable[[], str | None] = lambda: None
    wishes: Wishes = field(default_factory=Wishes)
    _waiting: bool = False
    _under_way: UnderWay = field(default_factory=UnderWay)
    _limit: float | None = None
    _outage: Outage = field(init=False)
    _looks: Looks = field(init=False)
    _sight: Sight = field(init=False)
    _again: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._say = Saying(self.store, lambda what: self.said(what), self.wishes)
        self._record = Record(self.store, self._say.unwritten, self.alarm, held=True)
        self._conclusions = Conclusions(
            self.lab, self.clock, self.planner, self.book, self.patience, self._record,
            lambda: self.held(),
        )  # fmt: skip
        self.patience.alarm, self._rest = self.alarm, Rest(self.clock, self.lab.heat_budget)
        who, sleep = self.lab.computer, partial(pausing, self._conclusions.by_the_clock)
        self._outage = Outage(self.bench, self._say, who, self.alarm, sleep=sleep)
        self._looks = Looks(self.bench, well=partial(self._outage.calm, WELL))
        self._sight = Sight(self.lab, self.book, self.clock, self.patience, lambda: self.held())

    async def keep(self) -> None:
        """Measure whatever is worth it, until told to leave.

        Raises
        ------
        LastingFault
            Nothing can be measured with an instrument until a person has seen to it.
        """
        with self._outage.ended(lambda: self.leave):
            await self._take_up()
            while not self.leave:
                for name in self.patience.release(self.clock.now()):
                    log.info("%s gets another chance", name)
                    self._conclusions.forget(name)
                    await self._conclusions.keep_doubts(f"{name} was parked")
                if not await self.step():
                    await self._say(self._idle())
                    await asyncio.sleep(IDLE)
                if not self.leave and (failure := await self._looks.when_due()) is not None:
                    log.error("%s: %s", BETWEEN, failure)
                    await self._brought_back(failure, f"{BETWEEN}: {failure}")

    async def settle(self) -> Mapping[str, str]:
        """Measure until nothing is worth it; return the parked targets and why.

        Raises
        ------
        LastingFault
            As `keep`.
        InstrumentError
            An instrument was away for 20 s; `keep` would wait.
        """
        self._limit = ONCE
        with self._outage.ended(lambda: self.leave):
            await self._take_up()
            while not self.leave and await self.step():
                pass
        return self.patience.left_alone()

    def _idle(self) -> str:
        words = [self.drive_off(), *self.patience.words(self.clock.now())]
        words += [f"waits: {what}" for what in self._conclusions.waiting()]
        stale = Stale(self.lab, self.book, self.held(), self.whose, self.clock.now())
        return idle(words, stale.held_words(), stale.words(self.patience.parked))

    @property
    def measured(self) -> frozenset[str]:
        """The elements that are being measured now."""
        return self._under_way.measured

    def interrupt(self, why: str) -> None:
        """Give up the run under way; nothing of it is stored, and the loop goes on."""
        self._under_way.interrupt(why)

    async def step(self) -> bool:
        """Grant a wish, or choose and run one calibration; False when none is worth its time.

        While a wish waits for what it rests on, both.
        """
        await self._conclusions.by_the_clock()
        granted, waits = await self._granting().grant()
        done = bool(self.leave) or (granted and not waits)
        return done or await self._go_on() or granted

    async def _go_on(self) -> bool:
        """Do what is owed or worth most; False when nothing is worth its time."""
        await self._conclusions.follow()
        try:
            if self._again:
                await self._repeat(self._again.pop(0))
                return True
            plan = self.planner.choose(self._sight.targets, self.book, self.clock.now())
        except CalibrationError as failure:
            self._set_aside(failure.calibration, self.lab.qubits, failure)
            return True
        if plan is not None:
            await self._attempt(plan)
        return plan is not None

    def _granting(self) -> Granting:
        prospect = Prospect(self.planner, self._sight.targets, self.book, self.clock.now())
        return Granting(
            self.wishes,
            held=lambda wish: self._whose(wish.target, self.lab.qubits[wish.target].resonator),
            follow=self._conclusions.follow,
            planned=lambda wish: planned(
                wish, self.planner.calibrations, self._sight.target, prospect.of
            ),
            attempt=lambda plan, wish: self._attempt(plan, wish.again, asked=wish),
            leave=lambda: self.leave,
            withheld=lambda: "; ".join(self._conclusions.withheld.values()),
        )

    def _whose(self, *names: str) -> str:
        """Say who holds elements, and why; "" where nobody does."""
        return "; ".join(map(self.whose, sorted(self.held() & set(names))))

    async def keep_doubts(self, why: str) -> None:
        """Store what is doubted before the first step, in which a hold may end the loop."""
        await self._conclusions.keep_doubts(why)

    def warm(self) -> None:
        """Take nothing over that was measured before now: the mixing chamber is warm."""
        self._conclusions.warm()

    async def _take_up(self) -> None:
        """Mark what the last process left open; it is repeated once, then left alone a while."""
        for left in await self._record.left_open():
            reason = why_not_again(left)
            wish = self.wishes.resume(left.calibration, left.targets, left.number, reason)
            log.warning("%s", interrupted(left, wish, reason))
            if reason is None:
                self._again += [left] if wish is None else []
                continue
            names = set(left.targets) & set(self.lab.qubits)
            self.patience.set_aside(left.calibration, names, reason, self.clock.now())

    async def _repeat(self, left: Attempt) -> None:
        """Run once more what was interrupted, on those targets that are still ready for it."""
        plan = self.planner.repeated(left.calibration, left.targets, self._sight.targets)
        if plan is None:
            await self._record.pass_over(left)
        else:
            await self._attempt(plan, left.number)

    async def _attempt(
        self, plan: Plan, again: int | None = None, *, asked: Wish | None = None
    ) -> str:
        """Run a plan; return the run, or why there is none.

        asked: for whom, who hears what is refused; nothing is parked for it.
        """
        names = [target.name for target in plan.targets]
        await self._say(plan.words)
        attempt = await self._record.begin(plan.calibration.name, names, again)
        try:
            if asked is None or self.wishes.begin(asked):
                return await self._tried(plan, attempt, asked)
            await self._record.end(attempt, ANSWERED)
        except (asyncio.CancelledError, CalibrationHangs) as end:  # in whatever it was
            await unbroken(self._record.ended(attempt, outcome_of(end, self.leave)))
            raise
        return ANSWERED

    async def _tried(self, plan: Plan, attempt: int, asked: Wish | None) -> str:
        try:
            run = await self._run(plan)
        except Interrupted as interruption:
            outcome = f"given up: {interruption}"
            await self._record.end(attempt, outcome)
            log.info("%s was %s", plan.calibration.name, outcome)
        except DriveInhibited as inhibition:
            again = f"not measured: {inhibition}; ask again then"
            outcome = again if asked else f"waits: {inhibition}"
            await self._record.end(attempt, outcome)
            await self._wait(inhibition)
        except NotApproved as refusal:
            await self._record.ended(attempt, f"refused: {refusal}")
            raise
        except (OutputRefused, ProgramError, CalibrationError) as refusal:
            outcome = f"refused: {refusal}"
            await self._record.end(attempt, outcome)
            await self._apart(plan, refusal, asked=asked is not None)
        except InstrumentError as failure:
            outcome = f"{ABORTED}{failure}"
            log.error("%s is aborted, and nothing of it is stored: %s", plan.words, failure)  # noqa: TRY400
            await self._record.ended(attempt, outcome)
            if asked is not None:
                self.wishes.put_back(asked, outcome)
            await self._brought_back(failure, outcome)
        else:
            self._waiting = False
            self._outage.calm()
            outcome = await self._concluded(plan, run, attempt, asked=asked is not None)
        return outcome

    async def _brought_back(self, failure: InstrumentError, why: str) -> None:
        """Bring back what failed; doubt what rests on it, if its settings were lost."""
        if isinstance(failure, LastingFault):
            raise failure  # the next run would be as wrong as this one, and say nothing any more
        changed = {failure.instrument} if isinstance(failure, SettingsChanged) else set()
        await self._doubt(changed, why)
        if not self.leave:  # else all is set up anew after that, and nobody waits for it now
            await self._doubt(await self._outage.after(failure, self._limit), why, changed)

    async def _doubt(
        self, lost: Collection[str | None], why: str, already: Collection[str | None] = ()
    ) -> None:
        """Doubt, and store that, what rests on instruments whose settings were lost."""
        await self._conclusions.lost(lost, why, already)

    async def _run(self, plan: Plan) -> Run:
        """Run a plan in a task of its own, which `interrupt` may cancel without ending the loop.

        Raises
        ------
        Interrupted
            Something of it is held, or came to be.
        """
        names = frozenset({t.name for t in plan.targets} | {t.resonator for t in plan.targets})
        if held := self._whose(*names):  # since it was chosen: beginning may have waited
            raise Interrupted(held)
        self._conclusions.begin()
        words = f"{plan.words}: fitting; the first fit of a kind compiles its kernels"
        play = partial(run_calibration, plan, self.bench, self.clock, partial(self._say, words))
        work = self._rest.around(plan.calibration, play, self._say)
        return await self._under_way.run(names, work)

    async def _wait(self, inhibition: DriveInhibited) -> None:
        """Wait a little for the interlock; it is logged once, until something runs again."""
        if not self._waiting:
            level = logging.INFO if MAINTENANCE in self.held() else logging.WARNING
            log.log(level, "waiting: %s", inhibition)
        self._waiting = True
        self.wishes.withdraw(f"{inhibition}; ask again then")
        await self._say(f"waiting: {self.drive_off() or inhibition}")
        await asyncio.sleep(IDLE)

    async def _apart(self, plan: Plan, refusal: KammertonError, *, asked: bool) -> None:
        """Try each target alone, so that one that cannot be played parks and stops no other."""
        if asked:  # by a person, who hears it: nothing is parked
            traceback_logged(refusal)
        elif len(plan.targets) == 1 and isinstance(refusal, CalibrationError):
            self._set_aside(plan.calibration.name, [plan.targets[0].name], refusal)
        elif len(plan.targets) == 1:
            name = plan.targets[0].name
            reasons = (f"{plan.calibration.name}: {refusal}", self.patience.reasons.get(name))
            reason = "; before: ".join(r for r in reasons if r)
            self.patience.park(name, reason, self.clock.now(), plan.calibration.name)
        else:
            for target in plan.targets:
                await self._attempt(replace(plan, targets=(target,)))

    def _set_aside(self, name: str, targets: Iterable[str], failure: CalibrationError) -> None:
        """Leave a calibration whose code failed alone; everything else goes on."""
        log.error("%s is set aside: %s", name, failure, exc_info=failure)
        self.patience.set_aside(name, targets, str(failure), self.clock.now())

    async def _concluded(self, plan: Plan, run: Run, attempt: int, *, asked: bool) -> str:
        try:
            run_id = await self._conclusions.conclude(plan, run, attempt, asked=asked)
        except CalibrationError as failure:
            outcome = f"failed: {failure}"
            await self._record.end(attempt, outcome)
            await self._apart(plan, failure, asked=asked)
            return outcome
        self.committed(run, run_id, self._conclusions.counted, self._conclusions.withheld)
        return run_id
