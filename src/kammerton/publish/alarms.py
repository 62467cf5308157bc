"""Alarms as others hear them: few, grouped, each with what to do."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kammerton.model.alarm import Alarm

log = logging.getLogger(__name__)

GROUP = 2.0
"""s in which alarms of one kind become one message: what fails together has one cause."""

QUIET = 900.0
"""s in which the same is not told again, however often it comes and goes.

What comes again after that is told again, whether it was over in between or not.
"""

STAYS = 60.0
"""s after which what was told to be over, and began again in the quiet time, is told all the same.

Whoever heard that a refrigerator is cold again must not take it for cold while it is warm.
"""

WAITING = 100
"""Messages kept while the broker is away; the oldest go first."""


@dataclass(frozen=True)
class Notice:
    """One message: alarms of one kind that came together."""

    kind: str
    on: bool
    subjects: tuple[str, ...]
    texts: tuple[str, ...]
    what_to_do: str
    repeated: int
    """How often the same came since the last message of it."""


@dataclass
class Alarms:
    """Collects alarms. `tell` may be called from anywhere in the event loop; nothing waits."""

    monotonic: Callable[[], float] = time.monotonic
    _new: list[tuple[float, Alarm]] = field(default_factory=list)
    _told: dict[tuple[str, str], tuple[float, bool]] = field(default_factory=dict)
    _kept_back: dict[tuple[str, str], int] = field(default_factory=dict)
    _unsaid: dict[tuple[str, str], tuple[float, Alarm]] = field(default_factory=dict)
    _ready: deque[Notice] = field(default_factory=lambda: deque(maxlen=WAITING))

    def tell(self, alarm: Alarm) -> None:
        """Take an alarm in; it is logged unless the same was told a short while ago."""
        key, now = (alarm.kind, alarm.subject), self.monotonic()
        when, on = self._told.get(key, (-QUIET, False))
        if not alarm.on:
            self._unsaid.pop(key, None)
            if on or (alarm.earlier and key not in self._told):
                self._say(alarm, when)
        elif now - when >= QUIET:
            self._say(alarm, now)
        else:
            self._kept_back[key] = self._kept_back.get(key, 0) + 1
            if not on:
                since, _ = self._unsaid.get(key, (now, alarm))
                self._unsaid[key] = (since, alarm)

    def due(self) -> list[Notice]:
        """Return the messages to publish now; call `gone` after each."""
        self._say_late()
        if self._new and self.monotonic() - self._new[0][0] >= GROUP:
            self._group()
        return list(self._ready)

    def gone(self, notice: Notice) -> None:
        """Note that a message was published."""
        if self._ready and self._ready[0] is notice:
            self._ready.popleft()

    def _say(self, alarm: Alarm, when: float) -> None:
        key = (alarm.kind, alarm.subject)
        self._told[key] = (when, alarm.on)
        self._unsaid.pop(key, None)
        level = logging.ERROR if alarm.on else logging.WARNING
        who = alarm.subject if alarm.kind in alarm.subject else f"{alarm.kind} {alarm.subject}"
        log.log(level, "%s: %s", who, alarm.text)
        self._new.append((self.monotonic(), alarm))

    def _say_late(self) -> None:
        """Tell what began again in the quiet time and has not ended since."""
        now = self.monotonic()
        for since, alarm in tuple(self._unsaid.values()):
            if now - since >= STAYS:
                self._say(alarm, now)

    def _group(self) -> None:
        alarms = [alarm for _, alarm in self._new]
        self._new.clear()
        for kind, on in dict.fromkeys((a.kind, a.on) for a in alarms):
            group = [a for a in alarms if (a.kind, a.on) == (kind, on)]
            repeated = sum(self._kept_back.pop((kind, a.subject), 0) for a in group)
            self._ready.append(Notice(
                kind, on, tuple(a.subject for a in group), tuple(a.text for a in group),
                group[0].what_to_do, repeated,
            ))  # fmt: skip
