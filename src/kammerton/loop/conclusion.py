"""What a finished run changes: stored first, believed then, unless somebody else was faster."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from kammerton.lab import Lab
from kammerton.loop.beliefs import AGAIN, BeliefBook
from kammerton.loop.beyond import beyond_t1
from kammerton.loop.coarse import coarser, stays
from kammerton.loop.given_back import GivenBack
from kammerton.loop.going_back import GoingBack
from kammerton.loop.last_good import LastGood
from kammerton.loop.patience import TRIES, Patience
from kammerton.loop.planner import Plan, Planner
from kammerton.loop.provisional import LINE, PROOF, Provisional, provable, with_run
from kammerton.loop.record import Record
from kammerton.loop.rested import (
    OF_THE_TRACE,
    doubt_before_last_try,
    doubt_the_ground,
    rested_on_another,
)
from kammerton.loop.runner import proposals
from kammerton.loop.same_line import SameLine
from kammerton.loop.steps import TO_COME, Steps
from kammerton.loop.surprise import Surprises
from kammerton.model import Belief, Estimate, Fit, LabClock, Overtaken, Run, Value, Verdict
from kammerton.model.belief import meanwhile
from kammerton.model.quantity import show
from kammerton.store import Commit
from kammerton.store.rows import Change

log = logging.getLogger(__name__)

DOUBT = 5.0  # by how much a surprise widens what the calibration rested on


@dataclass
class Conclusions:
    """Stores finished runs and believes them, and whatever else comes into the store.

    revision: up to which the book holds all that the store has. No commit is made on top of a
    revision that was not looked at. held: what persons hold now. withheld: by qubit, why what the
    latest run found of it replaces nothing, or not all of it. counted: what of it was stored.
    """

    lab: Lab
    clock: LabClock
    planner: Planner
    book: BeliefBook
    patience: Patience
    record: Record
    held: Callable[[], frozenset[str]] = frozenset
    revision: int = field(init=False)
    withheld: Mapping[str, str] = field(default_factory=dict)
    _gone: dict[str, str] = field(default_factory=dict)
    counted: Mapping[str, Estimate] = field(default_factory=dict)
    _known: Mapping[str, Change] = field(default_factory=dict)
    _cold: bool = True

    def __post_init__(self) -> None:
        self._surprises = Surprises(self.book)
        self._provisional = Provisional(self.book, provable(self.planner.calibrations))
        self._steps = Steps(self.clock, self.book, self.patience, self._provisional, self.record)
        self._same_line = SameLine(self.book, tuple(self.lab.qubits))
        self._given_back = GivenBack(self.book, self.clock, self.record, self.held)
        self._last_good = LastGood(self.book, set(self.record.store.doubts()))
        self._going_back = GoingBack(
            self.book, self.clock, self.patience, self.record, self._last_good, self.held,
            self._provisional.waiting,
        )  # fmt: skip
        self.revision = self.record.store.revision()

    async def conclude(self, plan: Plan, run: Run, attempt: int, *, asked: bool = False) -> str:
        """Store a run, and believe it; return its identifier.

        What surprises is withheld, with all else that its target proposed, until found again. What
        is found of a qubit before it has answered to a pulse is believed, and stored only then.
        What is much coarser than what is believed is only kept in the record. asked: by a person.
        """
        changes = self._changes(plan, run)
        self._gone.clear()
        self._forget(await self.follow(), changes)
        surprises = self._surprises.among(changes)
        doubtful = {self.book.qubit_of(name) for name in surprises}
        sure = {n: e for n, e in changes.items() if self.book.qubit_of(n) not in doubtful}
        coarse = {n: sure.pop(n) for n in coarser(self.book, sure, asked=asked)}
        commit, ready, waits = await self._commit(run, attempt, sure, surprises)
        known, to = self._known, self.revision
        self.revision = commit.revision or to
        estimates = with_run({n: e for n, e in (ready | waits).items() if n in sure}, commit.run_id)
        self.counted = {n: e for n, e in estimates.items() if n in ready}
        self._say_withheld(surprises, coarse, waits)  # before anything is widened for it
        for fit in run.fits.values():
            self._take_note(plan, fit)
            quick = _quick(plan, fit.target)
            self._last_good.check(plan, commit.run_id, fit, surprises, quick=quick)
        self._last_good.take(plan, with_run(ready, commit.run_id), known, to)
        self._going_back.measured(ready)
        self._wait_for_a_pulse(ready, {n: e for n, e in estimates.items() if n in waits})
        rested = rested_on_another(self.book, self.planner.calibrations, estimates)
        self.book.update(estimates)
        self.book.doubt(rested - estimates.keys(), DOUBT, self.clock.now(), least=AGAIN)
        beyond = set(beyond_t1(self.book, estimates))
        self._last_good.tainted |= (rested - estimates.keys()) | beyond
        self.book.doubt(beyond, DOUBT, self.clock.now(), least=AGAIN)
        self._same_line.look(estimates, self.record.tell)
        if not any(_quick(plan, target.name) for target in plan.targets):  # else no usual sigma
            self.planner.note(plan.calibration.name, estimates)
        for name, e in surprises.items():
            self._surprised(plan, name, e)
        await self.keep_doubts(
            f"{plan.calibration.name} found things otherwise, run {commit.run_id}"
        )
        if self._last_good.any_due():
            await self._go_back()
        return commit.run_id

    async def _go_back(self) -> None:
        await self.follow()
        self.revision, gone = await self._going_back.look(self._known, self.revision)
        for name in gone:
            self._surprises.withheld.pop(name, None)
        self._same_line.look(gone, self.record.tell)

    async def lost(
        self, instruments: Collection[str | None], why: str, already: Collection[str | None] = ()
    ) -> None:
        """Doubt, and store that, what rests on instruments whose settings were lost."""
        self._last_good.forget(self.book.resting_on(instruments, already) if instruments else ())
        self.book.doubt_what_uses(instruments, DOUBT, self.clock.now(), already)
        await self.keep_doubts(why)

    async def keep_doubts(self, why: str) -> None:
        """Store what was doubted since this was last done: a restart shall not forget it."""
        await self.record.doubt(self.book.doubted(), why)

    async def by_the_clock(self) -> None:
        """Follow what the computer's clock was set by; doubt what is of a time to come."""
        while by := self._steps.due():
            await self.follow()
            self._last_good.forget_all()  # how old it is nobody knows that well any more
            with suppress(Overtaken):
                self.revision = await self._steps.follow(by, self.revision)
        if doubted := self._steps.to_come():
            log.warning("doubted: %s: %s", ", ".join(sorted(doubted)), TO_COME)
            await self.record.doubt(doubted, TO_COME)

    async def follow(self) -> frozenset[str]:
        """Believe what somebody else put into the store since the last look; return its names.

        What a person has given back is doubted.
        """
        head = await self.record.snapshot()
        news = {n: c.estimate for n, c in head.parameters.items() if c.revision > self.revision}
        self.revision, self._known = head.revision, head.parameters
        self._last_good.forget(news)
        self._provisional.drop(news)
        self.book.update(news)
        if news:
            doubts = await self.record.doubts()
            self.book.recall({name: sigma for name, sigma in doubts.items() if name in news})
        for qubit in self._provisional.waiting():
            if f"{qubit}.{PROOF}" in news:  # of another frequency than the one that waits
                self._doubt_the_pulse(qubit)
        self._last_good.forget(await self._given_back.look())
        self.book.expire({n: c.estimate for n, c in head.parameters.items()}, self.clock.now())
        return frozenset(news)

    def begin(self) -> None:
        """Take note that a run begins, whose results count unless it gets warm before the end."""
        self._cold = True

    def warm(self) -> None:
        """Take nothing over of a run that has begun, nor what waits for a pulse."""
        self._cold = False
        self._last_good.forget_all()  # and to what was before the warm-up nobody goes back
        for qubit in self._provisional.waiting():
            self.forget(qubit)

    async def _commit(
        self, run: Run, attempt: int, sure: dict[str, Estimate], surprises: dict[str, Estimate]
    ) -> tuple[Commit, dict[str, Estimate], dict[str, Estimate]]:
        """Store what is ready on top of what was looked at; what was set back meanwhile is not.

        Returns also what was ready and what waits; that is decided anew where somebody was faster,
        for the pulse that proved a qubit may be what was set back.
        """
        while True:
            if not self._cold:
                sure.clear()  # it was cold until the end of the run, and is warm since
                surprises.clear()
            ready, waits = self._provisional.divided(sure)
            try:
                commit = await self.record.commit(run, ready, attempt, self.revision, self.clock)
            except Overtaken:
                news = await self.follow()
                self._forget(news, sure)
                self._forget(news, surprises)
            else:
                return commit, ready, waits

    def _forget(self, set_back: Iterable[str], results: dict[str, Estimate]) -> None:
        """Take out of a run's results what somebody set back while it was measured or stored."""
        for name in set_back:
            if results.pop(name, None) is not None:
                words = f"{name} was set back while it was measured; the result is not taken"
                self._gone[name] = words
                log.warning("%s", words)

    def _wait_for_a_pulse(self, stored: dict[str, Estimate], waits: dict[str, Estimate]) -> None:
        """Keep what waits, and have the pi pulse measured at a frequency that is new."""
        self._provisional.drop(stored)
        for name in stored:
            if name.endswith(f".{PROOF}"):
                self.book.proved(self.book.qubit_of(name))
        waited = self._provisional.waiting()
        for qubit in self._provisional.keep(waits):
            log.info("f01 of %s is provisional until the qubit answers to a pulse there", qubit)
            self._doubt_the_pulse(qubit)
            if LINE not in waited.get(qubit, ()):  # what failed elsewhere says nothing of this line
                self._anew(qubit)

    def _anew(self, qubit: str) -> None:
        for each in self.planner.calibrations:
            if PROOF in (give.parameter for give in each.gives):
                self.patience.anew(each.name, qubit)

    def _doubt_the_pulse(self, qubit: str) -> None:
        pulse = self.book.get(f"{qubit}.{PROOF}")
        if pulse is not None and pulse.run is not None:
            name = f"{qubit}.{PROOF}"
            usual = [sigma for (_, given), sigma in self.planner.delivered.items() if given == name]
            tolerance = self.book.kind(name).tolerance_of(pulse.mean)
            self.book.widen(name, 2 * max([tolerance, *usual]))

    def waiting(self) -> list[str]:
        """Say of each qubit what was found and is not stored before the qubit answers."""
        found = self._provisional.waiting().items()
        return [
            f"{', '.join(names)} of {qubit} until it answers to a pulse" for qubit, names in found
        ]

    def forget(self, qubit: str) -> None:
        """Begin a qubit anew from its design."""
        self._provisional.forget(qubit)
        self._last_good.forget(self.book.resting_on_scope(qubit))
        self.book.back_to_design(qubit)

    def _take_note(self, plan: Plan, fit: Fit) -> None:
        if fit.verdict is not Verdict.ACCEPTED and _quick(plan, fit.target):
            return  # fewer shots than usual were asked for: that they show nothing says nothing
        tries = self.patience.note(plan.calibration.name, fit, self.clock.now())
        if self._refuted(plan, fit):
            return
        if fit.verdict is Verdict.REJECTED:
            self._doubt(plan, fit.target, DOUBT**tries)
        elif tries > 1:
            self._doubt(plan, fit.target, DOUBT)
        if (fit.verdict is Verdict.REJECTED and fit.status not in OF_THE_TRACE) or tries > 1:
            self._doubt_the_ground([n.parameter for n in plan.calibration.needs], fit.target)
        if tries == TRIES - 1:
            doubt_before_last_try(self.book, plan.calibration, fit.target, self.clock.now())

    def _doubt_the_ground(self, names: Sequence[str], qubit: str) -> None:
        known, now = self.planner.calibrations, self.clock.now()
        doubt_the_ground(self.book, known, names, qubit, now)

    def _refuted(self, plan: Plan, fit: Fit) -> bool:
        """Say whether a line was found not to be the qubit's; the next search leaves it out."""
        gives = [give.parameter for give in plan.calibration.gives]
        reason = self._provisional.refuted(fit, gives)
        if reason is None:
            return False
        log.warning("%s: %s", fit.target, reason)
        self.patience.anew(plan.calibration.name, fit.target)
        if self._provisional.exhausted(fit.target):
            why = f"no line is its own; {reason}"
            self.patience.park(fit.target, why, self.clock.now(), plan.calibration.name)
        return True

    def _say_withheld(
        self,
        surprises: Mapping[str, Estimate],
        coarse: Mapping[str, Estimate],
        waits: Mapping[str, Estimate],
    ) -> None:
        """Keep in words why results replace nothing; what surprises is logged."""
        far = [(name, self._surprise(name, e)) for name, e in surprises.items()]
        for _, words in far:
            log.warning("%s", words)
        finer = [(name, stays(self.book, name, e)) for name, e in coarse.items() if e.stderr > 0]
        said = dict[str, list[str]]()
        for name, words in [*far, *finer, *self._gone.items()]:
            said.setdefault(self.book.qubit_of(name), []).append(words)
        for qubit in dict.fromkeys(self.book.qubit_of(name) for name in waits):
            counts = f"what is found of {qubit} counts once it answers to a pulse"
            said.setdefault(qubit, []).append(counts)
        self.withheld = {qubit: "; ".join(words) for qubit, words in said.items()}

    def _surprise(self, name: str, new: Estimate) -> str:
        old = self.book[name]
        believed = show(old.mean, new.unit, old.sigma_at(new.time))
        found = show(new.value, new.unit, new.stderr)
        far = f"{name}: {found} is far from {believed}, which was believed"
        return f"{far}; it counts when it is found again"

    def _surprised(self, plan: Plan, name: str, new: Estimate) -> None:
        old = self.book[name].mean
        qubit = self.book.qubit_of(name)
        self._doubt(plan, qubit, DOUBT)
        self._doubt_the_ground([self.book.relative_name(name)], qubit)
        self.book.widen(name, abs(new.value - old))

    def _changes(self, plan: Plan, run: Run) -> dict[str, Estimate]:
        return {
            self.book.full_name(target, name): self._estimate(target, name, value, run)
            for target, values in proposals(plan, run).items()
            for name, value in values.items()
        }

    def _estimate(self, target: str, name: str, value: Value, run: Run) -> Estimate:
        """Return it as of the run's middle: what it drifted meanwhile no fit can see."""
        kind = self.book.kind(self.book.full_name(target, name))
        lasted = run.ended - run.started
        middle, drift = run.started + lasted / 2, kind.drift_of(value.value)
        stderr = value.stderr and math.hypot(value.stderr, meanwhile(drift, lasted))
        until = Belief(value.value, stderr, middle, drift).valid_until(
            kind.tolerance_of(value.value)
        )
        return Estimate(value.value, stderr, kind.unit, middle, "", until)

    def _doubt(self, plan: Plan, qubit: str, times: float) -> None:
        """Widen what the calibration rested on, so that the planner measures it again."""
        needs = [self.book.full_name(qubit, n.parameter) for n in plan.calibration.needs]
        self.book.doubt(needs, times, self.clock.now())


def _quick(plan: Plan, name: str) -> bool:
    """Say whether a target was measured with fewer shots than usual, because a person said so."""
    return any(target.name == name and target.effort.shots < 1 for target in plan.targets)
