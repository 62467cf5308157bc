"""What is known of the outputs: off, verified; or not. It outlives the process in the database."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kammerton.bench import OutputChange
from kammerton.bench.words import COLD, NEVER_REFUSED
from kammerton.model import StoreError
from kammerton.model.alarm import NOT_OFF as IS_NOT
from kammerton.model.alarm import Alarm, Tell, left_on, unheard
from kammerton.model.lasting import Lasting
from kammerton.publish.session import NOT_KNOWN
from kammerton.serve.repeats import AS
from kammerton.store import Activity, Store
from kammerton.store.caution import ALL, NOT_OFF, doubtful

log = logging.getLogger(__name__)

FOUND = "found so; Kammerton did not set it"
"""Of a setting that a look finds changed. Nothing was allowed: nobody asked the gate."""


class Outputs:
    """Writes every change to the audit log, and knows whether all outputs were verified off.

    A process that ends with its outputs verified off says so by taking its activity back. Whoever
    finds an activity of a process that is gone knows that nobody switched off: an unclean end.

    alarm: hears of outputs that may be on and must not be touched. touch: whether anything will be
    switched off first.
    """

    def __init__(
        self,
        store: Store,
        later: Callable[..., object],
        alarm: Tell = unheard,
        *,
        touch: bool = True,
    ) -> None:
        self._store, self._later, self._alarm = store, later, alarm
        self.known_off = self.unclean is None
        self._off_at: datetime | None = None  # when this process last read all of them back as off
        self._read = False  # whether this process has read all of them back as off
        self._earlier = not self.known_off  # a process before this may have raised the alarm
        self._mute = Lasting(log)
        self._why = ""  # what came of the last attempt to switch all off that was not verified
        self._left = ""
        if self.unclean is not None:
            what = doubtful(store) or self.unclean.what
            first = "they are verified off first, unless a person holds them"
            follows = first if touch else "no instrument is touched"
            self._left = f"{_ended(self.unclean)} ({what})"
            same = {AS: f"unclean end ({what}): {follows}"}  # each start that fails is one more
            log.warning("%s; outputs may be on: %s", self._left, follows, extra=same)

    @property
    def tried(self) -> str:
        """What this process tried to switch off in vain; "" where it did not, or all is off."""
        return "; ".join(self._why.splitlines())

    @property
    def unclean(self) -> Activity | None:
        """What was going on at an unclean end whose outputs nobody has verified off yet."""
        return self._store.left

    def at_work(self, what: str) -> None:
        """Say what is done; where the database is locked or full just now, as soon as it is not.

        Else nobody would know after this process was killed that outputs may be on.
        """
        try:
            self._store.activity(what)
        except StoreError as problem:
            self._mute.failed(f"no heartbeat: {problem}")
            self._later(self._store.activity, what)
        else:
            self._mute.over("heartbeats are written again")

    def left_alone(self) -> str:
        """Say what is known while nobody switches off; raise an alarm unless outputs are off."""
        words = self.known()
        if not self.known_off:
            causes = tuple(self._which().splitlines()) or (words,)
            self._alarm(Alarm("outputs", self._store.computer, words, causes=causes))
        return words

    def known(self) -> str:
        """Say what is known of them."""
        if self.known_off:
            if self._off_at is None and self._store.let_go:
                return self._store.let_go
            return _let_go(self._off_at or _off_in(self._store))
        since = "" if self.unclean is None else " since the unclean end"
        which = self._which()
        return f"outputs are NOT known to be off{since}{f': {which}' if which else ''}"

    def _which(self) -> str:
        which = self.tried or (doubtful(self._store) if self.unclean else "")
        return which.replace(IS_NOT, "")  # it is said before

    @property
    def caution(self) -> str:
        """What is to be added to whatever is said while outputs may still be on; "" once off."""
        return "" if self.known_off else "; CAUTION: outputs are not known to be off yet"

    @property
    def words(self) -> str:
        """What is known of them, as the farewell to the broker says it."""
        return "off" if self.known_off and self._read else NOT_KNOWN

    def left_on(self, problem: BaseException) -> None:
        """Raise an alarm where the work ends and no output is known to be off: nobody else may."""
        if not self.known_off:
            if not self._why and str(problem):
                self.not_off(str(problem))  # such as who did not connect
            mine, why = self._store.computer, self._why or str(problem) or "nobody switched off"
            causes = tuple(why.splitlines())  # another one is said though one was said lately
            self._alarm(Alarm("outputs", mine, left_on(mine, why), causes=causes))

    def changed(self, change: OutputChange) -> None:
        """Take note of a change, or a refusal, of the gate."""
        if change.what == ALL:
            self.known_off, self._why = change.refused is None, change.refused or ""
            self._read |= self.known_off
            if self.known_off:
                self._off_at = datetime.now(UTC)
                over, mine = "all outputs are off, read back", self._store.computer
                self._alarm(Alarm("outputs", mine, over, on=False, earlier=self._earlier))
        elif change.refused is None:
            self.known_off, self._why = False, ""
        who = f"{change.who}, {change.job}" if change.job else change.who
        why = change.refused or (FOUND if change.found else _allowed(change.rule))
        new = NOT_OFF if change.what == ALL and change.refused else change.new
        self.audit(who, change.what, change.old, new, why)

    def not_off(self, problem: str) -> None:
        """Note that an attempt to switch all off did not verify it, and why."""
        self.known_off, self._why = False, problem
        self.audit("daemon", ALL, None, NOT_OFF, problem)

    def found_off(self) -> None:
        """Say, after an unclean end, that the outputs have been verified off."""
        if self.unclean is not None:
            words = f"{self._left}: all outputs verified off"
            log.warning("%s", words)
            self.audit("daemon", ALL, self.unclean.what, "off", words)
            self._store.left = None

    def close(self) -> None:
        """Take the activity back, unless outputs are not known to be off."""
        if self.known_off:
            self._store.activity(None)

    def audit(self, *row: Any) -> None:
        """Write a line of the audit log, beside the work: who, what, old, new, why."""
        self._later(self._store.audit, *row)


def _allowed(rule: str) -> str:
    if rule in (COLD, NEVER_REFUSED):
        return f"allowed: {rule}"
    return f"allowed by {rule}" if rule else "allowed"


def _let_go(when: datetime | None) -> str:
    """Say when outputs were off: a person may have switched one on since, and shall."""
    if when is None:
        return "outputs are as they were: no daemon has switched any on"
    return f"outputs were off at {when:%Y-%m-%d %H:%M} UTC, when the daemon let go of them"


def _off_in(store: Store) -> datetime | None:
    """Return when the last process read all outputs back as off; None where none ever did."""
    last = store.log(1, ALL)
    return last[0].time if last and last[0].new == "off" else None


def _ended(end: Activity) -> str:
    return f"unclean end of process {end.pid} at or after {end.time:%Y-%m-%d %H:%M:%S} UTC"
