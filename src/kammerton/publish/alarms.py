"""Alarms as others hear them: few, grouped, each with what to do."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn

from kammerton.model.alarm import Alarm

log = logging.getLogger(__name__)

GROUP = 2.0
"""s in which alarms of one kind become one message: what fails together has one cause."""

QUIET = 900.0
"""s in which the same is not told again, for the same cause, however often it comes and goes.

What comes again after that is told again, whether it was over in between or not.
"""

STAYS = 60.0
"""s after which what was told to be over, and began again in the quiet time, is told all the same.

Whoever heard that a refrigerator is cold again must not take it for cold while it is warm.
"""

WAITING = 100
"""Messages kept while the broker is away. The oldest go first, of those that a later one of the
same tells more of; what began, and is not over, goes last."""


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
    """Collects alarms. `tell` may be called from anywhere in the event loop; nothing waits.

    What is told of one subject goes out in the order in which it was told, however long the broker
    was away: whoever hears it last of all must hear what is so now.
    """

    monotonic: Callable[[], float] = time.monotonic
    _new: list[tuple[float, Alarm]] = field(default_factory=list)
    _told: dict[tuple[str, str], tuple[float, bool]] = field(default_factory=dict)
    _causes: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    _said: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # causes, since it is on
    _kept_back: dict[tuple[str, str], int] = field(default_factory=dict)
    _unsaid: dict[tuple[str, str], tuple[float, Alarm]] = field(default_factory=dict)
    _over: dict[tuple[str, str], Alarm] = field(default_factory=dict)  # of which none was heard
    _retained: dict[tuple[str, str], Alarm] = field(default_factory=dict)
    _ready: deque[Notice] = field(default_factory=deque)

    def tell(self, alarm: Alarm) -> None:
        """Take an alarm in; it is logged unless the same was told a short while ago."""
        key, now = (alarm.kind, alarm.subject), self.monotonic()
        when, on = self._told.get(key, (-QUIET, False))
        if not alarm.on:
            self._unsaid.pop(key, None)
            if on or (alarm.earlier and key not in self._told):
                self._say(alarm, when)
            elif key not in self._told:
                self._over[key] = alarm
        elif now - when >= QUIET or self._is_news(alarm, now, on=on):
            self._say(alarm, now)
        else:
            self._kept_back[key] = self._kept_back.get(key, 0) + 1
            if not on:
                since, _ = self._unsaid.get(key, (now, alarm))
                self._unsaid[key] = (since, alarm)

    def _is_news(self, alarm: Alarm, now: float, *, on: bool) -> bool:
        """Say whether a cause is none of those that were told in the quiet time.

        Nor, while it is on, since it began: whoever heard of one takes it for all there is.
        """
        key = alarm.kind, alarm.subject
        told, said = self._causes.get(key, {}), self._said.get(key, set())
        lately = {cause for cause in alarm.causes if now - told.get(cause, -math.inf) < QUIET}
        return not (lately & said if on else lately) >= set(alarm.causes)

    def recall(self, kind: str, subject: str, text: str) -> None:
        """Take note of what an earlier process told, and the broker retains: it is on.

        The same is not published again; that it is over is, though that was seen before this.
        """
        key = kind, subject
        if (over := self._over.pop(key, None)) is not None:
            self._say(over, self.monotonic())
            return
        self._told.setdefault(key, (-math.inf, True))
        same = Alarm(kind, subject, text)
        self._retained[key] = same
        self._new = [each for each in self._new if each[1] != same]
        mine = kind, True, (subject,), (text,)
        others = [n for n in self._ready if (n.kind, n.on, n.subjects, n.texts) != mine]
        self._ready = deque(others)

    @property
    def untold(self) -> bool:
        """Whether something waits to be published."""
        return bool(self._new or self._ready)

    def hurry(self) -> None:
        """Let what was told last be published now: soon nobody is there to do it."""
        if self._new:
            self._group()

    async def followed(self) -> NoReturn:
        """Say in time, for ever, what is to be said late, though no broker takes it: it is logged.

        Else it would wait for a broker to come back, or for ever where there is none.
        """
        while True:
            await asyncio.sleep(GROUP)
            self.due()

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
        if alarm.on:
            self._causes.setdefault(key, {}).update(dict.fromkeys(alarm.causes, when))
            self._said[key] = self._said.get(key, set()) | set(alarm.causes)
        else:
            self._said.pop(key, None)
        self._unsaid.pop(key, None)
        self._over.pop(key, None)
        log.log(logging.ERROR if alarm.on else logging.INFO, "%s", _line(alarm))
        if self._retained.pop(key, None) != replace(alarm, earlier=False):
            self._new.append((self.monotonic(), alarm))

    def _say_late(self) -> None:
        """Tell what began again in the quiet time and has not ended since."""
        now = self.monotonic()
        for since, alarm in tuple(self._unsaid.values()):
            if now - since >= STAYS:
                self._say(alarm, now)

    def _group(self) -> None:
        told = list(self._new)
        self._new.clear()
        for alarms in _batches(told):
            for kind, on in dict.fromkeys((a.kind, a.on) for a in alarms):
                group = [a for a in alarms if (a.kind, a.on) == (kind, on)]
                repeated = sum(self._kept_back.pop((kind, a.subject), 0) for a in group)
                self._ready.append(Notice(
                    kind, on, tuple(a.subject for a in group), tuple(a.text for a in group),
                    group[0].what_to_do, repeated,
                ))  # fmt: skip
        while len(self._ready) > WAITING:
            del self._ready[_least(self._ready)]


def _line(alarm: Alarm) -> str:
    """Return an alarm as the log has it: what it is about, and nothing twice."""
    first, _, _ = alarm.text.partition(":")
    if re.search(rf"\b{re.escape(alarm.subject)}\b", first):
        return alarm.text
    told = alarm.kind in alarm.subject or alarm.kind in first
    who = alarm.subject if told else f"{alarm.kind} {alarm.subject}"
    return f"{who}: {alarm.text}"


def _batches(told: Iterable[tuple[float, Alarm]]) -> Iterator[list[Alarm]]:
    """Part alarms into what came together; no subject is twice in a batch, or its order is lost."""
    batch, began = dict[tuple[str, str], Alarm](), 0.0
    for when, alarm in told:
        key = alarm.kind, alarm.subject
        if batch and (key in batch or when - began >= GROUP):
            yield list(batch.values())
            batch = {}
        began = began if batch else when
        batch[key] = alarm
    if batch:
        yield list(batch.values())


def _least(notices: Iterable[Notice]) -> int:
    """Return the place of the oldest message that later ones make needless.

    Else of the oldest that says that something is over, else of the first.
    """
    later, needless, over = set[tuple[str, str]](), None, 0
    for place, notice in reversed(list(enumerate(notices))):
        keys = {(notice.kind, subject) for subject in notice.subjects}
        needless = place if keys <= later else needless
        over = over if notice.on else place
        later |= keys
    return over if needless is None else needless
