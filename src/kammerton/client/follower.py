"""The rules by which a consumer's copy of the parameters stays right, whatever the broker does.

- A snapshot of another epoch replaces everything, once a status of the daemon has named that epoch
  (see epochs): the daemon has another database. No other snapshot of another epoch is believed.
- A revision that is not newer than ours is ignored.
- A delta that leaves a gap is kept until a snapshot fills it.
- Past its end of validity a value is stale, though nobody may be there to say so.
- So is a value of a time to come: some clock is wrong, and how old it is nobody knows. How far a
  laboratory's clock is meant to run ahead the daemon says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kammerton.client.epochs import Epochs
from kammerton.model import BrokerError, Estimate
from kammerton.publish.received import ParameterSet, Received, Status

KEPT = 1000
"""Deltas kept while a gap is open; a snapshot comes within a second, so this is ample."""

TO_COME = timedelta(seconds=60)
"""By how much the clocks of daemon and consumer may differ."""

NOTHING_SAID = "none yet (whoever reads snapshots must be allowed to read status too)"


@dataclass(frozen=True)
class Update:
    """A parameter got this estimate, in this revision of this epoch.

    quality: "good", "setting", or "stale" when it was heard, or when its validity ended since.
    """

    name: str
    estimate: Estimate
    quality: str
    epoch: str
    revision: int

    def __str__(self) -> str:
        return f"{self.name} = {self.estimate} ({self.quality})"


class Follower:
    """A copy of one computer's parameters, without input or output of its own.

    ahead: how far laboratory time is ahead of the wall's, s, as the daemon said last; None: it says
    no such thing. note: what it says beside every value, such as that all is simulated.
    """

    def __init__(self) -> None:
        self.ahead: float | None = None
        self.note = ""
        self.epoch: str | None = None
        self.revision = -1
        self._values: dict[str, Received] = {}
        self._kept: dict[int, ParameterSet] = {}
        self._epochs = Epochs()
        self._early: ParameterSet | None = None

    @property
    def parameters(self) -> Mapping[str, Estimate]:
        """The present copy, by full name."""
        return {name: value.estimate(self.note) for name, value in self._values.items()}

    def qualities(self, now: datetime) -> Mapping[str, str]:
        """Return how good each value is at a time, by full name: as published, or "stale"."""
        return {
            name: "stale" if self._over(value, now) else value.quality
            for name, value in self._values.items()
        }

    def as_heard(self, update: Update, now: datetime) -> Update:
        """Return a change with its quality at a time: what was retained may hold no longer."""
        return replace(update, quality="stale") if self._over(update.estimate, now) else update

    def _over(self, value: Received | Estimate, now: datetime) -> bool:
        ends, known = value.valid_until, self.ahead is not None
        return (ends is not None and ends < now) or (known and value.time > now + TO_COME)

    def has(self, update: Update) -> bool:
        """Return whether a value that was told is the present one still."""
        there = self._values.get(update.name)
        return (
            self.epoch == update.epoch and there is not None and there.revision == update.revision
        )

    def status(self, said: Status, *, retained: bool) -> list[Update]:
        """Take a status; return what is new to us by a snapshot that came before it.

        Raises
        ------
        BrokerError
            It is of another epoch, and nothing shows that this is the daemon's now.
        """
        self._epochs.hear(said, retained=retained)
        if said.revision is not None:  # a last will says what was known at the connection
            self.ahead = said.ahead
        early = self._early
        if early is None or early.epoch != said.epoch or early.revision < (said.revision or 0):
            return []
        return self.snapshot(early)

    def snapshot(self, document: ParameterSet) -> list[Update]:
        """Take a snapshot; return what is new to us.

        Raises
        ------
        BrokerError
            It is of an epoch that the daemon's status has not named.
        """
        if document.epoch != self._epochs.present:
            self._early = document  # a broker may send what it retains in any order
            raise BrokerError(
                f"revision {document.revision} of epoch {document.epoch[:20]!r}: the daemon's"
                f" status names {self._epochs.present or NOTHING_SAID}"
            )
        self._early, self.ahead, self.note = None, document.ahead, document.note
        if document.epoch != self.epoch:
            self._forget(document.epoch)
        if document.revision <= self.revision:
            return []
        self.revision = document.revision
        self._values = {k: v for k, v in self._values.items() if k in document.parameters}
        return self._take(document.parameters) + self._catch_up()

    def delta(self, document: ParameterSet) -> list[Update]:
        """Take a delta; return what is new to us: nothing while a gap is open."""
        if document.epoch != self.epoch or document.revision <= self.revision:
            return []
        self.ahead, self.note = document.ahead, document.note
        self._kept[document.revision] = document
        if len(self._kept) > KEPT:
            del self._kept[min(self._kept)]
        return self._catch_up()

    def _forget(self, epoch: str) -> None:
        self.epoch, self.revision = epoch, -1
        self._values.clear()
        self._kept.clear()

    def _catch_up(self) -> list[Update]:
        self._kept = {n: kept for n, kept in self._kept.items() if n > self.revision}
        updates: list[Update] = []
        while document := self._kept.pop(self.revision + 1, None):
            self.revision = document.revision
            updates += self._take(document.parameters)
        return updates

    def _take(self, values: Mapping[str, Received]) -> list[Update]:
        new = {name: value for name, value in values.items() if self._values.get(name) != value}
        self._values |= new
        return [
            Update(name, value.estimate(self.note), value.quality, self.epoch or "", value.revision)
            for name, value in new.items()
        ]
