"""What the gate asks before anything may change, and the record of what it answered."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar, runtime_checkable

from kammerton.bench.approval import Approve, WriteClass
from kammerton.bench.boxes import Boxes
from kammerton.bench.interlock import ColdCheck
from kammerton.bench.last_seen import LastSeen
from kammerton.bench.switching import ALL, OnChange, OutputChange
from kammerton.lab import Lab, keepers
from kammerton.model import (
    DriveInhibited,
    Held,
    InstrumentError,
    LabClock,
    LastingFault,
    OutputRefused,
    SettingsChanged,
)
from kammerton.model.roles import FridgeMonitor

T = TypeVar("T")

PAUSE = 60.0
"""s without drive after somebody else has changed a setting; each change begins it anew."""

HANDS = 3600.0
"""s within which a second change of one instrument is no glitch: a person is asked then."""

LATEST = 100
"""Lines of the audit that are at hand in memory: the store has all."""

PROGRAM = "program"
"""What the audit calls all that plays in a run together."""

COMPUTER = "computer"
"""The scope of a lease on everything."""


def by_hand(name: str) -> str:
    """Return what a person has to say to work with an instrument that the daemon has."""
    return f'to work with it: kammerton hold {name} --why "..."'


class Hold(Protocol):
    """A lease as the bench needs it: who wants hands off what, why, until when (wall time)."""

    @property
    def scope(self) -> str:
        """An element, an instrument, or "computer"."""

    @property
    def owner(self) -> str:
        """The person."""

    @property
    def why(self) -> str:
        """What the person said."""

    @property
    def until(self) -> datetime | None:
        """When it ends by itself."""


Holds = Callable[[], Iterable[Hold]]


@runtime_checkable
class Looked(Protocol):
    """Holds that are read from somewhere, which may fail for a moment."""

    async def certain(self) -> None:
        """Return once what is held is known, or counts as held since it is not."""


def nobody() -> tuple[Hold, ...]:
    """Return no holds."""
    return ()


def said(hold: Hold) -> str:
    """Return a hold in words."""
    until = f", until {hold.until:%Y-%m-%d %H:%M:%S} UTC" if hold.until else ""
    return f"{hold.scope} is held by {hold.owner}: {hold.why}{until}"


def _refused(what: str, words: str) -> str:
    return f"{'' if what == PROGRAM else f'{what}: '}drive is refused{words}"


class Guard:
    """Interlock, leases and audit of one bench.

    changes: the latest lines of the audit. job: what is being done now, for the audit. seen: what
    is known of outputs whose instrument does not answer. ask: asks a person before the first write
    of each kind; None: nobody is asked.
    """

    def __init__(
        self,
        lab: Lab,
        fridges: tuple[FridgeMonitor, ...],
        clock: LabClock,
        *,
        who: str = "daemon",
        on_change: OnChange | None = None,
        holds: Holds = nobody,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lab, self.who, self.job = lab, who, ""
        self.changes: deque[OutputChange] = deque(maxlen=LATEST)
        self.cold = ColdCheck(lab.interlock, fridges, clock, monotonic)
        self._on_change, self._holds, self._monotonic = on_change, holds, monotonic
        self.boxes, self.seen = Boxes(lab, self.note), LastSeen()
        self.ask: Approve | None = None
        self._paused = (-math.inf, "")
        self._hands = dict[str, float]()  # when somebody else changed an instrument last
        self._refused = dict[str, object]()  # for which cause drive was refused last, and noted
        self._failed: tuple[str, str | None] = "", None

    def hold_on(self, *names: str) -> Hold | None:
        """Return the lease that forbids touching one of these instruments, if there is one."""
        scopes = {COMPUTER, *names}
        return next((hold for hold in self._holds() if hold.scope in scopes), None)

    def keeper(self, name: str) -> Hold | None:
        """Return the hold of the qubit that an instrument belongs to, if somebody holds it."""
        mine = keepers(self.lab, name)
        return next((hold for hold in self._holds() if hold.scope in mine), None)

    def kept(self, names: Iterable[str]) -> set[str]:
        """Return those of these instruments that a hold of a qubit keeps."""
        return {name for name in names if self.keeper(name) is not None}

    async def require_unkept(self, name: str) -> None:
        """Refuse while a person holds an instrument, the qubit it belongs to, or the computer."""
        await self.require_free(name, *keepers(self.lab, name))

    def held(self, scope: str) -> bool:
        """Say whether somebody holds exactly this."""
        return any(hold.scope == scope for hold in self._holds())

    async def approved(self, classes: Callable[[], Sequence[WriteClass]]) -> bool:
        """Return once a person has approved these kinds of writes; say whether that was waited for.

        What is off, or stays as it is, is never asked for.
        """
        return self.ask is not None and await self.ask(classes())

    async def certain(self) -> None:
        """Wait while nobody knows for a moment what is held: nothing may be written meanwhile."""
        if isinstance(self._holds, Looked):
            await self._holds.certain()

    async def require_free(self, *names: str) -> None:
        """Refuse while a person holds one of these instruments, or the computer."""
        await self.certain()
        hold = self.hold_on(*names)
        if hold is not None:
            what = names[0] if names else "computer"
            reason = f"{what}: hands off: {said(hold)}"
            self.note(OutputChange(what, None, "any change", self.who, reason))
            raise Held(reason)

    def while_free(
        self, name: str, setting: Callable[[float], Awaitable[None]]
    ) -> Callable[[float], Awaitable[None]]:
        """Return a setting that is asked for anew at each step, and waits while nobody knows."""

        async def step(value: float) -> None:
            await self.require_unkept(name)
            await setting(value)

        return step

    def changed_by_somebody(self, name: str, words: str) -> InstrumentError:
        """Return what is to be raised where somebody else changed an instrument.

        Drive pauses for `PAUSE` s, so that nobody is disturbed, and a glitch ends no night. Who
        changes it again within `HANDS` s is at work there: it is set aside until a person says that
        it may go on. Who holds its qubit may, and nobody is waited for. words: what differs.
        """
        if (hold := self.keeper(name)) is not None:
            return SettingsChanged(f"{name} {words}; {said(hold)}", instrument=name)
        now, before = self._monotonic(), self._hands.get(name, -math.inf)
        self._hands[name] = now
        if now - before < HANDS:
            twice = f"changed by somebody else twice within {HANDS / 60:g} min: it {words}"
            remedy = "see who is at it, or which program"
            return LastingFault(twice, remedy, instrument=name, verb="was")
        reason = f"{name} {words}; {by_hand(name)}"
        self._paused = now + PAUSE, reason
        return SettingsChanged(reason, instrument=name)

    async def require_cold(self, what: str, *others: str) -> None:
        """Refuse unless the interlock allows drive, and nobody holds any of these or is at work.

        Cold is asked last: a trip may come while it is waited for what is held.
        """
        await self.require_free(what, *others)
        causes, objection = tuple(self.cold.causes), self.cold.objection()
        words = self._pause_words() if objection is None else f": {objection}"
        if words is not None:
            cause = self._paused if objection is None else causes
            raise self.drive_refused(what, _refused(what, words), cause)

    async def require_cold_to_begin(self, what: str, *others: str) -> None:
        """Refuse what is not on yet where what is on may stay on, too: above `drive_below`."""
        await self.require_cold(what, *others)
        if objection := self.cold.objection_to_begin():
            raise self.drive_refused(what, _refused(what, f": {objection}"), "begin")

    def drive_refused(self, what: str, reason: str, cause: object) -> DriveInhibited:
        """Return a refusal of drive, to be raised; noted once a cause, until something is changed.

        What is tried again every 2 s until it is allowed would else fill the audit in a night.
        """
        if self._refused.get(what) != cause:
            self._refused[what] = cause
            self.note(OutputChange(what, None, "drive", self.who, reason))
        return DriveInhibited(reason)

    def _pause_words(self) -> str | None:
        until, why = self._paused
        left = until - self._monotonic()
        return f" for {left:.0f} s more: {why}" if left > 0 else None

    def checked(self, what: str, new: object, check: Callable[[], T]) -> T:
        """Return what a check of limits returns; note and raise what it refuses."""
        try:
            return check()
        except OutputRefused as refusal:
            raise self.refusal(what, new, str(refusal)) from None

    def refusal(self, what: str, new: object, reason: str) -> OutputRefused:
        """Note a refusal and return it, to be raised."""
        self.note(OutputChange(what, None, new, self.who, reason))
        return OutputRefused(reason)

    def changed(self, what: str, old: object, new: object, rule: str = "") -> None:
        """Note a change that was made, and the limit that allowed it."""
        self._refused.clear()
        self.note(OutputChange(what, old, new, self.who, rule=rule))

    def switched_off(self, why: str, failures: str | None) -> None:
        """Note what came of switching all off; the same failure again and again is noted once."""
        before, self._failed = self._failed, (why.partition(":")[0], failures)
        if failures is None or self._failed != before:
            self.note(OutputChange(ALL, None, "off", why, failures))

    def note(self, change: OutputChange) -> None:
        """Add a line to the audit."""
        change = replace(change, job=self.job)
        self.changes.append(change)
        if self._on_change is not None:
            self._on_change(change)
