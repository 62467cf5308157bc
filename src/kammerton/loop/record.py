"""What the loop tells the store. Where that cannot be written now, the loop waits.

A result in hand is kept until it is stored; nothing new is begun meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.model import (
    Belief,
    CalibrationHangs,
    Estimate,
    LabClock,
    Run,
    StoreError,
    StoreLost,
    StoreUnavailable,
)
from kammerton.model.alarm import CLOCK, DAMAGED, DATABASE, Alarm, Tell, unheard
from kammerton.store import Attempt, Commit, Doubt, Snapshot, Store
from kammerton.store import clock as walls
from kammerton.store.attempts import ABORTED, HUNG
from kammerton.store.following import follow
from kammerton.store.given_back import GIVEN_BACK
from kammerton.store.leases import DAEMON
from kammerton.store.rows import GivenBack

log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE = 2.0  # s between tries
NOTE = 1.0  # s that outputs stay on for a note in the database
LATELY = 4000  # revisions
TAKEN_BACK = 2.0  # s that the end waits for an attempt that had just begun


def outcome_of(end: BaseException, leave: str) -> str:
    """Return the outcome of a run that ended with the loop. leave: who took the instruments."""
    if isinstance(end, CalibrationHangs):
        return f"{HUNG}{end}"
    return f"given up: {leave}" if leave else "stopped"


def why_not_again(left: Attempt) -> str | None:
    """Say why what was left open is left alone for a while; None where it is repeated, once."""
    if left.outcome != ABORTED:
        return left.outcome  # its own code hung
    return None if left.again is None else "the process ended twice while it ran"


@dataclass
class Begun:
    """An attempt that is noted in a thread, and taken back where nobody waits for it any more."""

    store: Store
    calibration: str
    targets: list[str]
    again: int | None
    number: int | None = None
    gone: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> int:
        """Note that it begins; return its number: 0 where it was taken back before."""
        with self.turn:
            if self.gone:
                return 0
            self.number = self.store.begin(self.calibration, self.targets, self.again)
            return self.number

    def take_back(self) -> None:
        """Note that it ended, if it has begun; it does not begin afterwards."""
        with self.turn:
            self.gone = True
            if self.number is not None:
                self.store.end(self.number, "stopped")


@dataclass(frozen=True)
class Record:
    """The store as the loop writes it.

    say: tells what the loop waits for. tell: hears the alarm of a store that cannot be written.
    held: whether one to which nothing more is written is waited for, too: a hold breaks that off.
    """

    store: Store
    say: Callable[[str], Awaitable[None]]
    tell: Tell = unheard
    held: bool = False

    async def begin(self, calibration: str, targets: list[str], again: int | None) -> int:
        """Note that a calibration begins, as soon as there is room for what it will give.

        Told to end meanwhile, it has not begun: its thread may write that it has a moment later.
        """
        begun = Begun(self.store, calibration, targets, again)
        try:
            number = await self._patiently(begun)
        except asyncio.CancelledError:
            with suppress(TimeoutError, StoreError):
                await asyncio.wait_for(asyncio.to_thread(begun.take_back), TAKEN_BACK)
            raise
        self._over()  # what waited for it last may have been broken off
        return number

    async def commit(
        self,
        run: Run,
        changes: Mapping[str, Estimate],
        attempt: int,
        expected: int,
        clock: LabClock,
    ) -> Commit:
        """Store a run, however long that takes; Overtaken: `expected` is not the newest.

        When that was is by the clock that laboratory time follows, as the run's times are.
        """
        return await self._patiently(
            lambda: self.store.commit(run, changes, attempt, expected, clock.wall())
        )

    async def follow(self, clock: LabClock, by: timedelta, why: str, expected: int) -> int:
        """Let laboratory time go by `by`; Overtaken: `expected` is not the newest, and it did not.

        The clock goes with the times though nobody waits for that any more.
        """
        return await self._patiently(lambda: follow(self.store, clock, by, why, expected))

    async def clock_set(self, before: datetime, after: datetime, why: str) -> None:
        """Note in the audit log what laboratory time was, and is."""
        old, new = (f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in (before, after))
        await self._patiently(lambda: self.store.audit(DAEMON, CLOCK, old, new, why))

    async def doubt(self, doubted: Mapping[str, Belief], why: str) -> None:
        """Keep over a restart what is doubted of measured values, by full name."""
        found = {n: Doubt(b.run, b.sigma, why) for n, b in doubted.items() if b.run is not None}
        if found:
            await self._patiently(lambda: self.store.doubt(found))

    async def doubts(self) -> dict[str, float]:
        """Return the sigma that each doubted value is believed with, as soon as it can be read."""
        return await self._patiently(self.store.doubts)

    async def go_back(
        self, to: int, doubted: Mapping[str, Doubt], names: Sequence[str], why: str, expected: int
    ) -> int:
        """Set names back to a revision, as a person may; return the revision that does.

        Overtaken: `expected` is not the newest. StoreError: a person holds one of them.
        """
        return await self._patiently(
            lambda: self.store.revert(
                to, names, who=DAEMON, why=why, expected=expected, doubted=doubted
            )
        )

    async def went_back(self, names: Collection[str]) -> timedelta | None:
        """Return how long ago, by the wall, one of these went back by itself; None: never, lately.

        A revision takes a run of a second and more, so that the last hour is among so many.
        """
        latest = await self._patiently(lambda: self.store.revisions(LATELY))
        mine = [r for r in latest if r.who == DAEMON and not set(r.names).isdisjoint(names)]
        return walls.wall() - mine[0].committed if mine else None

    async def warm(self, doubt_all: Callable[[], list[str]]) -> list[str]:
        """Have all doubted that was measured before it was warm; return what was, by full name."""
        return await self._patiently(doubt_all)

    async def read(self, question: Callable[[Store], T]) -> T:
        """Return the answer to a question to the database, as soon as it can be read."""
        return await self._patiently(lambda: question(self.store))

    async def given_back(self) -> list[GivenBack]:
        """Return holds that persons gave back, and nobody noted, as soon as they can be read."""
        return await self._patiently(self.store.given_back)

    async def note_given_back(self, hold: GivenBack, why: str) -> None:
        """Note in the audit log that a hold was given back: it is not again, after a restart."""
        row = DAEMON, hold.note, "over", GIVEN_BACK, why
        await self._patiently(lambda: self.store.audit(*row))

    async def snapshot(self) -> Snapshot:
        """Return the whole parameter set, as soon as it can be read."""
        return await self._patiently(self.store.snapshot)

    async def end(self, attempt: int, outcome: str) -> None:
        """Note that an attempt led to no run, and why."""
        await self._patiently(lambda: self.store.end(attempt, outcome))

    async def ended(self, attempt: int, how: str) -> None:
        """Note how an attempt ended; outputs are on, so whatever blocks the disk is not awaited."""
        with suppress(TimeoutError):
            within = end_of_process().share(NOTE, QUARTER)
            await asyncio.wait_for(self.end(attempt, how), within)

    async def pass_over(self, left: Attempt) -> None:
        """Note that what was left open cannot be repeated now, and will not be."""
        await self._patiently(lambda: self.store.pass_over(left))

    async def left_open(self) -> list[Attempt]:
        """Mark as aborted what the process before this one left open; return that.

        So is returned what is still to be repeated, and a last one that hung.
        """
        left = list(await self._patiently(self.store.abort_open))
        self._over()
        return left

    async def _patiently(self, write: Callable[[], T]) -> T:
        said: str | None = None
        while True:
            try:
                done = await asyncio.to_thread(write)
            except (StoreUnavailable, StoreLost) as problem:
                if isinstance(problem, StoreLost) and not self.held:
                    raise
                if str(problem) != said:
                    log.warning("waiting: %s", problem)
                said = str(problem)
                causes = DAMAGED if self.store.lost else ("",)
                self.tell(Alarm(DATABASE, self.store.computer, said, causes=causes))
                await self.say(f"waiting: {problem}")
                await asyncio.sleep(PAUSE)
            else:
                if said is not None:
                    self._over()
                return done

    def _over(self) -> None:
        if not self.store.lost:
            self.tell(Alarm(DATABASE, self.store.computer, "it is written again", on=False))
