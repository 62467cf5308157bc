"""A set on trial: one run changed it by what would be a surprise, had it not been doubted before.

See ADR 34 for what begins a trial, what ends it, and why so little does.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.surprise import SURPRISE
from kammerton.model import Belief, Estimate
from kammerton.store.rows import Change

CHECKS = 2  # in a row that contradict a set
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Against:
    """A run that contradicts a set, and how."""

    calibration: str
    run: str
    how: str

    @property
    def words(self) -> str:
        """Name the run, and say how it contradicts."""
        return f"{self.calibration} ({self.run}: {self.how})"


@dataclass(frozen=True)
class Trial:
    """What a run changed of a qubit, and what was measured with it since, until it is proved.

    to: the revision before it. core: what the run changed. before: what each value was at `to`;
    made: the revision that made it as it is. tainted: what was no more to be trusted as it began.
    """

    qubit: str
    run: str
    to: int
    core: frozenset[str]
    before: Mapping[str, Estimate]
    made: Mapping[str, int]
    tainted: frozenset[str] = frozenset()
    against: tuple[Against, ...] = ()

    def agrees(self, book: BeliefBook, found: Mapping[str, Estimate]) -> bool:
        """Say whether what was found of the core is what was before, and not a third thing."""
        mine = self.core & found.keys()
        return not any(moved(book, name, self.before[name], found[name]) for name in mine)

    def contradicted(self, by: Against) -> Trial:
        """Return it with one more run against it."""
        return replace(self, against=(*self.against, by))

    def joined(self, names: Collection[str], known: Mapping[str, Change], revision: int) -> Trial:
        """Return it with what was measured with its core; of `known` is what that replaced.

        What had no value at `to`, or has another since, lacks in `before`: nothing is gone back to
        then, since half a set would be.
        """
        there = {n: known[n] for n in names if n in known and n not in self.before}
        first = {n: each.estimate for n, each in there.items() if each.revision <= self.to}
        made = dict.fromkeys(names, revision)
        return replace(self, before={**first, **self.before}, made={**self.made, **made})


def why_no_trial(
    book: BeliefBook,
    new: Mapping[str, Estimate],
    known: Mapping[str, Change],
    tainted: Collection[str],
) -> str | None:
    """Say why what one run found of a qubit is not on trial; None where it is.

    known: what it replaced, as it was stored. tainted: what was no more to be trusted.
    """
    if not new.keys() <= known.keys():
        return "nothing was known before"
    before = {name: known[name].estimate for name in new}
    if any(name in tainted for name in new):
        return "what was before was not to be trusted"
    if any(expired(before[n], each.time) for n, each in new.items()):
        return "what was before had expired"
    if len({each.run for each in new.values()}) > 1:
        return "two runs have found it"
    if not any(moved(book, name, before[name], each) for name, each in new.items()):
        return "it agrees with what was before"
    return None


def why_not(
    trial: Trial,
    now: datetime,
    head: Mapping[str, Change],
    held: Collection[str],
    waits: Collection[str],
    last: timedelta | None,
) -> str | None:
    """Say why a qubit's values do not go back to those before a trial; None where they do.

    head: what is stored now. waits: qubits of which something waits for a pulse. last: how long ago
    any of the values went back by itself; None: never.
    """
    names, elements = trial.made.keys(), {n.partition(".")[0] for n in trial.made}
    reasons = {
        "two runs in a row have not contradicted it": len(trial.against) < CHECKS,
        "a person holds it": not (elements | {trial.qubit}).isdisjoint(held),
        "somebody has changed it since": _revisions(head, names) != trial.made,
        "not all that was measured with it was known before": not names <= trial.before.keys(),
        "what was before was not to be trusted": bool(names & trial.tainted),
        "what was before has expired": any(expired(e, now) for e in trial.before.values()),
        "something of it waits for a pulse": trial.qubit in waits,
        "it went back within the hour": last is not None and last < HOUR,
    }
    return next((why for why, so in reasons.items() if so), None)


def _revisions(head: Mapping[str, Change], names: Collection[str]) -> dict[str, int]:
    return {name: head[name].revision for name in names if name in head}


def expired(estimate: Estimate, now: datetime) -> bool:
    """Return whether the forecast says that a value no longer serves."""
    return estimate.valid_until is not None and estimate.valid_until <= now


def moved(book: BeliefBook, name: str, old: Estimate, new: Estimate) -> bool:
    """Say whether a value moved beyond its tolerance, and by a surprise to who has no doubts."""
    kind, far = book.kind(name), abs(new.value - old.value)
    undoubted = Belief(old.value, old.stderr, old.time, kind.drift_of(old.value))
    sigma = math.hypot(undoubted.sigma_at(new.time), new.stderr)
    return 0 < max(SURPRISE * sigma, kind.tolerance_of(old.value)) < far if new.stderr else False
