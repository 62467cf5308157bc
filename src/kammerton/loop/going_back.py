"""Going back by itself to the last good set of a qubit, as a person does by `kammerton revert`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.last_good import LastGood
from kammerton.loop.patience import Patience
from kammerton.loop.record import Record
from kammerton.loop.trial import Trial, why_not
from kammerton.model import LabClock, Overtaken, StoreError
from kammerton.model.alarm import Alarm
from kammerton.store.rows import Change, Doubt

log = logging.getLogger(__name__)


@dataclass
class GoingBack:
    """Makes the revision, says so, and has all of it measured anew.

    held: what persons hold now. waiting: qubits of which something waits for a pulse.
    """

    book: BeliefBook
    clock: LabClock
    patience: Patience
    record: Record
    last_good: LastGood
    held: Callable[[], frozenset[str]]
    waiting: Callable[[], Collection[str]]
    _back: dict[str, frozenset[str]] = field(default_factory=dict)  # names by qubit

    async def look(self, head: Mapping[str, Change], revision: int) -> tuple[int, frozenset[str]]:
        """Go back where it is due. head: what is stored as of `revision`, the newest.

        Returns the newest revision, and the names of all that went back.
        """
        gone = frozenset[str]()
        for trial in self.last_good.due():
            made = await self._tried(trial, head, revision)
            if made is not None:
                revision, gone = made, gone | trial.made.keys()
        return revision, gone

    async def _tried(self, trial: Trial, head: Mapping[str, Change], revision: int) -> int | None:
        last = await self.record.went_back(trial.made.keys())
        known = self.clock.now(), head, self.held(), self.waiting(), last
        if (why := why_not(trial, *known)) is not None:
            log.info("%s does not go back to revision %d: %s", trial.qubit, trial.to, why)
            return None
        doubted, names = self._doubted(trial, revision + 1), sorted(trial.made)
        try:
            made = await self.record.go_back(trial.to, doubted, names, _why(trial), revision)
        except Overtaken:
            return None  # somebody was faster
        except StoreError as problem:
            log.warning("%s does not go back to revision %d: %s", trial.qubit, trial.to, problem)
            return None
        self._gone(trial, made, doubted)
        return made

    def _doubted(self, trial: Trial, made: int) -> dict[str, Doubt]:
        """Doubt what holds again: what contradicts the one may speak of both."""
        before, why = trial.before.items(), f"revision {made} went back to it"
        return {n: Doubt(e.run, self.book.again(n, e), why) for n, e in before if e.run}

    def _gone(self, trial: Trial, made: int, doubted: Mapping[str, Doubt]) -> None:
        """Believe what holds again, as far as it is not doubted."""
        self.book.update(trial.before)
        self.book.recall({name: each.sigma for name, each in doubted.items()})
        self.last_good.forget(trial.made)
        for each in trial.against:
            self.patience.anew(each.calibration, trial.qubit)
        names, why = ", ".join(sorted(trial.made)), _why(trial)
        text = f"{names} are as at revision {trial.to} again (revision {made}): {why}"
        log.warning("%s", text)
        self._back[trial.qubit] = frozenset(trial.made)
        self.record.tell(Alarm("went back", trial.qubit, text))

    def measured(self, names: Collection[str]) -> None:
        """Say that it is over where a run has measured anew what went back."""
        for qubit in [q for q, back in self._back.items() if not back.isdisjoint(names)]:
            del self._back[qubit]
            self.record.tell(Alarm("went back", qubit, "it was measured anew", on=False))


def _why(trial: Trial) -> str:
    against = " and ".join(each.words for each in trial.against)
    return f"{against} contradict what {trial.run} changed"
