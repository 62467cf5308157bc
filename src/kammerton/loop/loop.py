"""The loop: choose, measure, judge, commit, believe; and again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from kammerton.bench.tasks import unbroken
from kammerton.lab import Lab
from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.outage import Outage
from kammerton.loop.patience import Patience
from kammerton.loop.planner import Plan, Planner
from kammerton.loop.record import Record
from kammerton.loop.runner import Acquires, proposals, run_calibration
from kammerton.loop.surprise import Surprises
from kammerton.model import (
    Belief,
    CalibrationError,
    DriveInhibited,
    Estimate,
    Fit,
    InstrumentError,
    KammertonError,
    LabClock,
    OutputRefused,
    ProgramError,
    Run,
    SettingsChanged,
    StoreError,
    Target,
    Value,
    Verdict,
)
from kammerton.model.alarm import Tell, unheard
from kammerton.model.quantity import show
from kammerton.store import Attempt, Store

log = logging.getLogger(__name__)

DOUBT = 5.0  # by how much a surprise widens what the calibration rested on
NOTE = 1.0  # s that outputs stay on for a note in the database
IDLE = 2.0  # s between looks when nothing is worth measuring
ONCE = 20.0  # s that a loop which shall settle waits for an instrument that is away

Committed = Callable[[Run, str], None]

MAINTENANCE = "maintenance"
"""A scope that forbids nothing: while it is held, waiting for the refrigerator is no alarm."""

Names = Callable[[], frozenset[str]]


def _silent(run: Run, run_id: str) -> None:
    pass


def _unheard(what: str) -> None:
    pass


class Interrupted(Exception):
    """A run was given up because somebody said so."""


@dataclass
class Loop:
    """Keeps one computer in tune.

    committed(run, run_id) is told of every finished run, said(what) of what is done now.
    held: elements that persons hold now; the loop leaves them alone. leave: end `keep` or `settle`
    after the step under way.
    """

    lab: Lab
    store: Store
    bench: Acquires
    clock: LabClock
    planner: Planner
    book: BeliefBook
    committed: Committed = _silent
    patience: Patience = field(default_factory=Patience)
    said: Callable[[str], object] = _unheard
    held: Names = frozenset
    leave: bool = False
    alarm: Tell = unheard
    _waiting: bool = False
    _running: asyncio.Task[Run] | None = None
    _measured: frozenset[str] = frozenset()
    _interruption: str | None = None
    _limit: float | None = None
    _revision: int = field(init=False)
    _outage: Outage = field(init=False)
    _again: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._record = Record(self.store, self._say)
        self._surprises = Surprises(self.book)
        self._revision = self.store.revision()  # which the book holds already
        self._outage = Outage(self.bench, self._say, self.alarm)

    async def keep(self) -> None:
        """Measure whatever is worth it, until told to leave."""
        await self._take_up()
        while not self.leave:
            for name in self.patience.release(self.clock.now()):
                log.info("%s gets another chance", name)
                self.book.back_to_design(name)
            if not await self.step():
                await self._say(self._idle())
                await asyncio.sleep(IDLE)

    async def settle(self) -> Mapping[str, str]:
        """Measure until nothing is worth it; return the parked targets and why.

        Raises
        ------
        InstrumentError
            An instrument was away for 20 s; `keep` would wait.
        """
        self._limit = ONCE
        await self._take_up()
        while not self.leave and await self.step():
            pass
        return self.patience.left_alone()

    def _idle(self) -> str:
        alone = self.patience.left_alone().items()
        parked = "; ".join(f"{name} is parked: {reason}" for name, reason in alone)
        return f"idle: {parked or 'everything is known well enough'}"

    @property
    def measured(self) -> frozenset[str]:
        """The elements that are being measured now."""
        return self._measured if self._running else frozenset()

    def interrupt(self, why: str) -> None:
        """Give up the run under way; nothing of it is stored, and the loop goes on."""
        if self._running is not None:
            self._interruption = why
            self._running.cancel()

    async def step(self) -> bool:
        """Choose and run one calibration; False when none is worth its time."""
        await self._follow()
        try:
            if self._again:
                await self._repeat(self._again.pop(0))
                return True
            plan = self.planner.choose(self._view, self.book, self.clock.now())
        except CalibrationError as failure:
            self._set_aside(failure.calibration, self.lab.qubits, failure)
            return True
        if plan is None:
            return False
        await self._attempt(plan)
        return True

    async def _take_up(self) -> None:
        """Mark what the last process left open; it is repeated once, then left alone a while."""
        for left in await self._record.left_open():
            words = f"{left.calibration} on {', '.join(left.targets)}"
            log.warning("%s was interrupted when the last process ended", words)
            if left.again is None:
                self._again.append(left)
                continue
            reason = "the process ended twice while it ran"
            names = set(left.targets) & set(self.lab.qubits)
            self.patience.set_aside(left.calibration, names, reason, self.clock.now())

    async def _repeat(self, left: Attempt) -> None:
        """Run once more what was interrupted, on those targets that are still ready for it."""
        plan = self.planner.repeated(left.calibration, left.targets, self._view)
        if plan is not None:
            await self._attempt(plan, left.number)

    async def _attempt(self, plan: Plan, again: int | None = None) -> None:
        names = [target.name for target in plan.targets]
        await self._say(f"{plan.calibration.name} on {', '.join(names)}")
        attempt = await self._record.begin(plan.calibration.name, names, again)
        try:
            run = await self._run(plan)
        except Interrupted as interruption:
            await self._record.end(attempt, f"given up: {interruption}")
            log.info("%s was given up: %s", plan.calibration.name, interruption)
        except asyncio.CancelledError:
            person = "given up: a person took the instruments"
            await unbroken(self._ended(attempt, person if self.leave else "stopped"))
            raise
        except DriveInhibited as inhibition:
            await self._record.end(attempt, f"waits: {inhibition}")
            await self._wait(inhibition)
        except (OutputRefused, ProgramError, CalibrationError) as refusal:
            await self._record.end(attempt, f"refused: {refusal}")
            await self._apart(plan, refusal)
        except InstrumentError as failure:
            await self._ended(attempt, f"aborted: {failure}")
            if isinstance(failure, SettingsChanged):
                self.book.doubt_what_uses(failure.instrument, DOUBT, self.clock.now())
            await self._outage.after(failure, self._limit)
        else:
            self._waiting = False
            self._outage.calm()
            await self._concluded(plan, run, attempt)

    async def _ended(self, attempt: int, how: str) -> None:
        """Note how an attempt ended; outputs are on, so whatever blocks the disk is not awaited."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._record.end(attempt, how), NOTE)

    async def _run(self, plan: Plan) -> Run:
        """Run a plan in a task of its own, which `interrupt` may cancel without ending the loop."""
        names = {t.name for t in plan.targets} | {t.resonator for t in plan.targets}
        self._measured, self._interruption = frozenset(names), None
        self._running = asyncio.ensure_future(run_calibration(plan, self.bench, self.clock))
        try:
            return await self._running
        except asyncio.CancelledError:
            myself = asyncio.current_task()
            if self._interruption is None or (myself is not None and myself.cancelling()):
                raise
            raise Interrupted(self._interruption) from None
        finally:
            self._running = None

    def _view(self, calibration: str) -> list[Target]:
        now, held = self.clock.now(), self.held()
        return [
            self.book.target(name, now, self.patience.effort(calibration, name))
            for name, qubit in self.lab.qubits.items()
            if self.patience.allows(calibration, name) and not held & {name, qubit.resonator}
        ]

    async def _wait(self, inhibition: DriveInhibited) -> None:
        """Wait a little for the interlock; it is logged once, until something runs again."""
        if not self._waiting:
            level = logging.INFO if MAINTENANCE in self.held() else logging.WARNING
            log.log(level, "waiting: %s", inhibition)
        self._waiting = True
        await self._say(f"waiting: {inhibition}")
        await asyncio.sleep(IDLE)

    async def _apart(self, plan: Plan, refusal: KammertonError) -> None:
        """Try each target alone, so that one that cannot be played parks and stops no other."""
        if len(plan.targets) == 1 and isinstance(refusal, CalibrationError):
            self._set_aside(plan.calibration.name, [plan.targets[0].name], refusal)
            return
        if len(plan.targets) == 1:
            name = plan.targets[0].name
            reasons = (f"{plan.calibration.name}: {refusal}", self.patience.reasons.get(name))
            reason = "; before: ".join(r for r in reasons if r)
            log.error("%s is parked: %s", name, reason)
            self.patience.park(name, reason, self.clock.now())
            return
        for target in plan.targets:
            await self._attempt(replace(plan, targets=(target,)))

    def _set_aside(self, name: str, targets: Iterable[str], failure: CalibrationError) -> None:
        """Leave a calibration whose code failed alone; everything else goes on."""
        log.error("%s is set aside: %s", name, failure, exc_info=failure)
        self.patience.set_aside(name, targets, str(failure), self.clock.now())

    async def _say(self, what: str) -> None:
        """Tell what is being done. Whoever holds the database locked shall not stop the loop."""
        self.said(what)
        try:
            await asyncio.to_thread(self.store.activity, what)
        except StoreError as problem:
            log.warning("no heartbeat: %s", problem)

    async def _concluded(self, plan: Plan, run: Run, attempt: int) -> None:
        try:
            await self._conclude(plan, run, attempt)
        except CalibrationError as failure:
            await self._record.end(attempt, f"failed: {failure}")
            await self._apart(plan, failure)

    async def _conclude(self, plan: Plan, run: Run, attempt: int) -> None:
        """Store a run, and believe it.

        What surprises is withheld, with all else that its target proposed, until found again.
        """
        changes = self._changes(plan, run)
        for name in await self._follow() & set(changes):
            log.warning("%s was set back while it was measured; the result is not taken", name)
            del changes[name]
        surprises = self._surprises.among(changes)
        doubtful = {self._qubit_of(name) for name in surprises}
        sure = {n: e for n, e in changes.items() if self._qubit_of(n) not in doubtful}
        commit = await self._record.commit(run, sure, attempt)
        self._revision = commit.revision or self._revision
        estimates = {name: replace(e, run=commit.run_id) for name, e in sure.items()}
        for fit in run.fits.values():
            self._take_note(plan, fit)
        self.book.update(estimates)
        self.planner.note(plan.calibration.name, estimates)
        for name, e in surprises.items():
            self._surprised(plan, name, e)
        self.committed(run, commit.run_id)

    async def _follow(self) -> frozenset[str]:
        """Believe what somebody else put into the store since the last look; return its names."""
        head = await asyncio.to_thread(self.store.snapshot)
        news = {n: c.estimate for n, c in head.parameters.items() if c.revision > self._revision}
        self._revision = head.revision
        self.book.update(news)
        return frozenset(news)

    def _take_note(self, plan: Plan, fit: Fit) -> None:
        tries = self.patience.note(plan.calibration.name, fit, self.clock.now())
        if fit.verdict is Verdict.REJECTED:
            self._doubt(plan, fit.target, DOUBT**tries)
        elif tries > 1:
            self._doubt(plan, fit.target, DOUBT)

    def _surprised(self, plan: Plan, name: str, new: Estimate) -> None:
        old = self.book[name].mean
        log.warning(
            "%s: %s is far from %s, which was believed; it counts when it is found again",
            name, show(new.value, new.unit, new.stderr), show(old, new.unit, new.stderr),
        )  # fmt: skip
        self._doubt(plan, self._qubit_of(name), DOUBT)
        self.book.widen(name, abs(new.value - old))

    def _changes(self, plan: Plan, run: Run) -> dict[str, Estimate]:
        return {
            self.book.full_name(target, name): self._estimate(target, name, value, run)
            for target, values in proposals(plan, run).items()
            for name, value in values.items()
        }

    def _estimate(self, target: str, name: str, value: Value, run: Run) -> Estimate:
        kind = self.book.kind(self.book.full_name(target, name))
        middle = run.started + (run.ended - run.started) / 2
        belief = Belief(value.value, value.stderr, middle, kind.drift_of(value.value))
        until = belief.valid_until(kind.tolerance_of(value.value))
        return Estimate(value.value, value.stderr, kind.unit, middle, "", until)

    def _qubit_of(self, full_name: str) -> str:
        element = full_name.split(".", 1)[0]
        owners = [q.name for q in self.lab.qubits.values() if element in (q.name, q.resonator)]
        return owners[0]

    def _doubt(self, plan: Plan, qubit: str, times: float) -> None:
        """Widen what the calibration rested on, so that the planner measures it again."""
        needs = [self.book.full_name(qubit, n.parameter) for n in plan.calibration.needs]
        self.book.doubt(needs, times, self.clock.now())
