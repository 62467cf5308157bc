"""What the interlock does, told: one alarm from when drive goes off until it is allowed again."""

from __future__ import annotations

import logging

from kammerton.bench.guard import Guard
from kammerton.bench.interlock import COOLER
from kammerton.model import InstrumentError
from kammerton.model.alarm import Alarm, Tell, unheard

log = logging.getLogger(__name__)

LONG = 5.0
"""s of switching off after which the alarm no longer waits for its end."""

MAINTENANCE = "maintenance"
"""A scope that forbids nothing: while it is held, a warm refrigerator is no alarm."""


class Inhibition:
    """Tells that drive is off, once a reason, and that it is allowed again; mute under maintenance.

    A bench that has just been opened and reads cold is not yet armed, which is no news. off: all
    outputs that the interlock wanted off are known to be off; that they are not is said once an
    attempt has failed or takes long.
    """

    def __init__(self, guard: Guard, fridge: str, alarm: Tell = unheard) -> None:
        self._guard, self._fridge, self._alarm = guard, fridge, alarm
        self._causes = set[str]()  # that were told since drive went off
        self._told: bool | None = None  # None: not known what was told before this bench was opened
        self.off = True
        self._late = False
        self._failed: str | None = None

    def switching(self) -> None:
        """Take note that outputs are being switched off."""
        if self.off:
            self.off, self._late = False, False

    def words(self) -> str | None:
        """Say that drive is off and why; None when it is allowed."""
        objection = self._guard.cold.objection()
        if objection is None:
            return None
        if self.off and self._guard.cold.allowed:  # only older than it may be, as time leaps
            return f"drive waits for the next reading: {objection}"
        if self.off:
            return f"drive is off: {objection}"
        if self._failed is None and not self._late:
            return f"drive is being switched off: {objection}"
        return f"drive is refused, and not every output is known to be off: {objection}"

    def tripped(self, failure: Exception | None) -> None:
        """Take note of a trip, and how switching off failed; one line in the log for each news."""
        self.off = failure is None
        if failure is None:
            self._failed = None
            level = logging.INFO if self._muted() else logging.WARNING
            log.log(level, "%s; all outputs were switched off", self.words())
        elif str(failure) != self._failed:
            self._failed = str(failure)
            own = failure if not isinstance(failure, InstrumentError) else None  # where it broke
            words = "; ".join(self._failed.splitlines())
            log.error("%s; it is tried again at every reading", words, exc_info=own)

    def look(self, *, late: bool = False) -> None:
        """Raise the alarm, or say that it is over; called after every reading.

        late: what switches off has taken LONG s and goes on.
        """
        self._late = self._late or late
        words = self.words()
        if words is None:
            self._over()
        elif not (self._muted() or self._guard.cold.arming):
            self._say(words)

    def _say(self, words: str) -> None:
        """Raise the alarm; again where another cause has come, and nothing better."""
        causes = self._guard.cold.causes
        if not self._told or causes.keys() - self._causes - {COOLER}:
            self._told = True
            self._causes |= causes.keys()
            self._alarm(Alarm("refrigerator", self._fridge, words, causes=tuple(causes)))

    def _over(self) -> None:
        self.off = True
        self._causes.clear()
        if self._told is not False:
            self._told = False
            self._alarm(Alarm("refrigerator", self._fridge, "drive is allowed again", on=False))

    def _muted(self) -> bool:
        return self._guard.held(MAINTENANCE)
