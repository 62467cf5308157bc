"""What is on trial, and what checks say of it; see `trial`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.planner import Plan
from kammerton.loop.rested import OF_THE_TRACE
from kammerton.loop.trial import CHECKS, Against, Trial, why_no_trial
from kammerton.model import Estimate, Fit, Verdict
from kammerton.model.fit import BY_CALIBRATION
from kammerton.store.rows import Change

AMISS = {"no signal", "model does not fit", "clouds not separated", BY_CALIBRATION}
"""Statuses of a trace that was played with something wrong."""

OF_THE_RECORD = OF_THE_TRACE | {"overload"}
"""Statuses that say nothing of what a trace was played with."""


@dataclass
class LastGood:
    """Keeps trials in memory, one for each set of a qubit.

    tainted: names whose present values nobody goes back to once they are replaced: a run has
    contradicted them, or something else may have changed since they were measured.
    """

    book: BeliefBook
    tainted: set[str] = field(default_factory=set)
    _trials: list[Trial] = field(default_factory=list)

    def check(
        self, plan: Plan, run: str, fit: Fit, surprises: Mapping[str, Estimate], *, quick: bool
    ) -> None:
        """Take note of what a run says of what is on trial. surprises: what it found otherwise."""
        gives = {self.book.full_name(fit.target, give.parameter) for give in plan.calibration.gives}
        needs = {self.book.full_name(fit.target, need.parameter) for need in plan.calibration.needs}
        if found := {n: e for n, e in surprises.items() if n in gives}:
            self._otherwise(found, Against(plan.calibration.name, run, "found it as before"))
        elif fit.verdict is Verdict.ACCEPTED:
            self._end([t for t in self._trials if gives & t.core])
        elif fit.verdict is Verdict.REJECTED and fit.status not in OF_THE_RECORD and not quick:
            self.tainted |= needs
            on_trial = [t for t in self._trials if needs & t.core]
            if fit.status in AMISS and len(on_trial) == 1:  # else nobody knows which is wrong
                self._contradict(on_trial, Against(plan.calibration.name, run, fit.status))

    def _otherwise(self, found: Mapping[str, Estimate], by: Against) -> None:
        """What is found as it was before contradicts a set; a third thing contradicts both."""
        on_trial = [t for t in self._trials if found.keys() & t.core]
        as_before = [t for t in on_trial if t.agrees(self.book, found)]
        self._contradict(as_before, by)
        self._end([t for t in on_trial if t not in as_before])
        self.tainted |= found.keys()

    def _end(self, trials: Collection[Trial]) -> None:
        """Take off trial what was found again, or replaced: nobody goes back to that either."""
        self.tainted.update(*(t.core for t in trials))
        self._trials = [t for t in self._trials if t not in trials]

    def _contradict(self, trials: Collection[Trial], by: Against) -> None:
        self._trials = [t.contradicted(by) if t in trials else t for t in self._trials]

    def take(
        self, plan: Plan, stored: Mapping[str, Estimate], known: Mapping[str, Change], to: int
    ) -> None:
        """Put on trial what a run has changed. known: what that was at the revision `to`."""
        by_qubit: dict[str, dict[str, Estimate]] = {}
        for name, each in stored.items():
            by_qubit.setdefault(self.book.qubit_of(name), {})[name] = each
        for qubit, new in by_qubit.items():
            self._take(plan, qubit, new, known, to)
        self.tainted -= stored.keys()

    def _take(
        self,
        plan: Plan,
        qubit: str,
        new: Mapping[str, Estimate],
        known: Mapping[str, Change],
        to: int,
    ) -> None:
        needs = {self.book.full_name(qubit, need.parameter) for need in plan.calibration.needs}
        base = next((t for t in self._trials if needs & t.core), None)
        if base is not None:
            joined = base.joined(new.keys(), known, to + 1)
            self._trials[self._trials.index(base)] = joined
        elif why_no_trial(self.book, new, known, self.tainted) is None:
            (run,) = {each.run for each in new.values()}
            before = {name: known[name].estimate for name in new}
            made, tainted = dict.fromkeys(new, to + 1), frozenset(self.tainted)
            core = frozenset(new)
            self._trials.append(Trial(qubit, run or "", to, core, before, made, tainted))

    def forget(self, names: Iterable[str]) -> None:
        """Go back to nothing that these names are: it is somebody's, or of another time."""
        gone = frozenset(names)
        self.tainted |= gone
        self._trials = [t for t in self._trials if not gone & t.made.keys()]

    def forget_all(self) -> None:
        """Put nothing on trial that is."""
        self._trials.clear()

    def any_due(self) -> bool:
        """Say whether as many checks as it takes have contradicted anything."""
        return any(len(t.against) >= CHECKS for t in self._trials)

    def due(self) -> list[Trial]:
        """Return, once, what as many checks as it takes have contradicted."""
        found = [t for t in self._trials if len(t.against) >= CHECKS]
        self._trials = [t for t in self._trials if t not in found]
        return found
