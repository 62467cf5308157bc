"""A session: one QCoDeS instrument on its lane, opened anew after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from qcodes.instrument import Instrument
from qcodes.instrument.visa import VISA_LOGGER

import kammerton_drivers.hislip  # noqa: F401 - mends pyvisa-py for every session
from kammerton.bench import Lane
from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.bench.lane import beyond_reach
from kammerton.model import InstrumentError, KammertonError
from kammerton.model.roles import Identity
from kammerton_drivers.line import hang_up, idn, kept_alive, sockets
from kammerton_drivers.said import cause_of, words_of

I = TypeVar("I", bound=Instrument)  # noqa: E741 - an instrument
T = TypeVar("T")

_numbers = itertools.count(1)

for _name in (VISA_LOGGER, "pyvisa"):  # both log the traceback of a failure that they then raise
    logging.getLogger(_name).addFilter(lambda record: record.exc_info is None)

DEADLINE = 15.0
"""s for one call; the driver's own timeout (5 s) should come first, this is for what hangs."""

HURRY = 5.0
"""s that is left to all that is before switching off, or closing, in a lane; then it is hung up
on. Less where the process was told to end."""

LOST = 60.0
"""s after which what hangs without outputs, and without a line to hang up on, ends the process:
nobody else could work with that instrument before."""

JOIN = 2.0
"""s at most for the thread of a lane that has nothing to do any more."""

LATER = 0.01
"""s after a call's time is over that one looks whether it hangs."""

READS, READING = 3, 6.0
"""How often a reading is tried, as long as the first try began less than so many s ago."""


class Session(Generic[I]):
    """Calls functions of a QCoDeS instrument in the lane that owns it.

    Whatever a driver raises becomes an InstrumentError that names instrument, address and action.
    After a failure nobody knows what the next answer belongs to, so the session is closed and the
    next call opens a new one; whoever answers then must be who answered first. `open` gets a
    QCoDeS name that is unique in the process, and must change no output. `identify` asks who is
    there. openings: how often it was opened.

    guarded: for instruments with outputs. After a failure nobody knows either what the outputs
    do: every call is refused, but those `in_doubt`, until `trust` says that they were verified.
    """

    def __init__(
        self,
        name: str,
        address: str,
        open: Callable[[str], I],
        identify: Callable[[I], Identity] = idn,
        *,
        guarded: bool = False,
    ) -> None:
        self.name, self.address = name, address
        self._open, self._identify = open, identify
        self._guarded = guarded
        self._doubt: str | None = None
        self._ended = False
        self._heard = ""
        self._lane = Lane(name)
        self._turn = threading.Lock()
        self._instrument: I | None = None
        self._known: Identity | None = None
        self.openings = 0

    @property
    def connected(self) -> bool:
        """Whether it is open, and nothing has failed on it since."""
        return self._instrument is not None and not self._lane.poisoned

    @property
    def doubt(self) -> str | None:
        """What was lost since the outputs were last verified; None: nothing."""
        return self._doubt

    def connect(self) -> None:
        """Open the session now, blocking; when that fails, no thread is left behind."""
        try:
            with self._named("connect"):
                self._lane.call(self._opened, timeout=DEADLINE)
        except BaseException:
            self._end()  # what opens late is closed by the call that opens it
            self._lane.close()
            raise

    async def do(
        self,
        action: str,
        fn: Callable[[I], T],
        *,
        deadline: float | None = DEADLINE,
        queued: bool = False,
        in_doubt: bool = False,
        verifies: bool = False,
    ) -> T:
        """Return fn(instrument), called in the lane within `deadline` s; it is tried once.

        queued: the deadline counts from when the lane begins it, not from now.
        in_doubt: do it even though the outputs are not verified; for what only makes them safer.
        verifies: fn switches off, and returns what stays on: nothing, and the outputs are verified.

        Raises
        ------
        InstrumentError
            Names the instrument, its address, the action and the cause.
        """
        in_doubt = in_doubt or verifies
        self._require_trust(action, in_doubt=in_doubt)
        self.hang_up()
        if verifies:
            self._lane.hurry(end_of_process().share(HURRY, QUARTER))
        self._hang_up_in_time()
        try:
            with self._named(action):
                return await self._lane.run(
                    self._perform, action, fn, in_doubt, verifies, timeout=deadline, queued=queued
                )
        finally:
            self.hang_up()  # now: what waits must not begin where it would be hung up on later
            self._hang_up_in_time()

    async def read(self, action: str, fn: Callable[[I], T]) -> T:
        """Return fn(instrument), which only reads: a lost answer is asked for again.

        Raises
        ------
        InstrumentError
            No try succeeded; it is the last one's. What the adapter itself objects to is final.
        """
        began = time.monotonic()
        for _ in range(READS - 1):
            try:
                return await self.do(action, fn, in_doubt=True)
            except InstrumentError as failure:
                if failure.__cause__ is None or time.monotonic() - began > READING:
                    raise
            await asyncio.sleep(random.uniform(0.05, 0.2))
        return await self.do(action, fn, in_doubt=True)

    async def identity(self) -> Identity:
        """Ask who is there; on a new session whoever it is must be who answered first."""
        return await self.read("identity", self._identify)

    def hang_up(self) -> None:
        """Hang up on a call that did not end in time, if there is one: who waits goes on."""
        if self._lane.poisoned:
            self._leave_behind(self._lane.poisoned)

    def _hang_up_in_time(self) -> None:
        """See to it that what is under way is hung up on in time, though its caller may be gone."""
        if not math.isinf(left := self._lane.remaining):
            asyncio.get_running_loop().call_later(max(0.0, left) + LATER, self._late)

    def _late(self) -> None:
        with contextlib.suppress(InstrumentError):  # no thread for what waits: the next call tries
            self.hang_up()

    def expects(self, other: Session[I]) -> None:
        """Want the same instrument at the other end as another session has."""
        self._known = other._known

    def trust(self) -> None:
        """Say that the outputs were verified."""
        self._doubt = None

    async def close(self, within: float = HURRY) -> None:
        """Close the session and end the lane; outputs stay as they are, which is off.

        within: s that a call under way gets to end.
        """
        join = 0.0  # s in which the event loop would stand still
        try:
            if not self._lane.poisoned:
                await self._lane.run(self._discard, timeout=within)
                join = JOIN  # it is idle, and ends at once
        finally:
            call, left = self._lane.under_way, self._end()
            if left is not None:
                hang_up(left, call)  # the call that hangs ends, and closes what it has
            self._lane.close(join)

    def _end(self) -> I | None:
        with self._turn:
            self._ended = True
            left, self._instrument = self._instrument, None
            return left

    def _require_trust(self, action: str, *, in_doubt: bool) -> None:
        if (doubt := self._doubt) and not in_doubt:
            cause = f"the connection was lost ({doubt}); outputs must be verified first"
            raise self._error(action, cause)

    def _opened(self) -> I:
        with self._ours():
            instrument = self._instrument
        if instrument is None:
            instrument = self._open(f"{self.name}_{next(_numbers)}")
            try:
                kept_alive(instrument)
                self._recognise(instrument)
                with self._ours():
                    self._instrument = instrument
                    self.openings += 1
            except BaseException:
                _close(instrument)
                raise
        return instrument

    @contextlib.contextmanager
    def _ours(self) -> Iterator[None]:
        """Keep the session as it is for a moment; raise in a call that it no longer waits for.

        Such a call would talk beside the one that came after, or leave open what nobody closes.
        """
        with self._turn:
            if self._ended or self._lane.left_behind:
                how = "closed" if self._ended else "opened anew"
                raise InstrumentError(f"{self.name} ({self.address}): it was {how} meanwhile")
            yield

    def _recognise(self, instrument: I) -> None:
        found = self._identify(instrument)
        if self._known is None:
            self._known = self._identify(instrument)  # twice: what is misheard would stay
        if found != self._known:
            raise InstrumentError(
                f"{self.name} ({self.address}): another instrument answers than before: "
                f"{words_of(found)} instead of {words_of(self._known)}"
            )

    def _perform(self, action: str, fn: Callable[[I], T], in_doubt: bool, verifies: bool) -> T:
        self._require_trust(action, in_doubt=in_doubt)  # what it waited for may have failed
        haunted = beyond_reach(self.name)  # before: it may switch on and end while this one looks
        instrument = self._opened()
        try:
            told = fn(instrument)
        except KammertonError:
            raise  # said by the adapter itself: the session is sound
        except Exception as failure:
            if self._instrument is instrument:
                self._instrument = None
                self._doubts(cause_of(failure))
            self._heard = getattr(instrument, "last_heard", "")
            raise
        else:
            if verifies and not told:  # here: what fails right after it counts
                if haunted:
                    raise self._error(action, f"it may come on again: {haunted[0]}")
                with self._ours():
                    self.trust()
            return told
        finally:
            if self._instrument is not instrument:  # it failed, or was left behind while it hung
                hang_up(instrument)
                _close(instrument)

    def _leave_behind(self, why: str) -> None:
        """Begin with a new thread; hang up, so that the call that hangs ends."""
        with self._turn:
            call, instrument, self._instrument = self._lane.under_way, self._instrument, None
            self._doubts(why)
            lost = instrument is not None and not any(sockets(instrument))
            loose = (0.0 if self._guarded else LOST) if lost else None
            try:
                self._lane.rebuild(loose=loose)
            finally:
                if instrument is not None:
                    hang_up(instrument, call)

    def _doubts(self, why: str) -> None:
        if self._guarded:
            self._doubt = why

    def _discard(self) -> None:
        instrument, self._instrument = self._instrument, None
        if instrument is not None:
            _close(instrument)

    @contextlib.contextmanager
    def _named(self, action: str) -> Iterator[None]:
        self._heard = ""
        try:
            yield
        except InstrumentError as error:
            error.instrument = error.instrument or self.name
            raise
        except KammertonError:
            raise
        except Exception as error:
            heard = f"; last heard: {self._heard!r}" if self._heard else ""
            raise self._error(action, cause_of(error) + heard) from error

    def _error(self, action: str, cause: str) -> InstrumentError:
        text = f"{self.name} ({self.address}): {action}: {cause}"
        return InstrumentError(text, instrument=self.name)


def _close(instrument: Instrument) -> None:
    with contextlib.suppress(Exception):  # a dead session may fail to close in any way
        instrument.close()
