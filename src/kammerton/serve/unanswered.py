"""Instruments that were told to be away: over once they are reached, by whichever process."""

from __future__ import annotations

from collections.abc import Callable

from kammerton.model.alarm import Alarm, Tell
from kammerton.store import Store

KIND = "instrument"

WHAT = "instruments away"
"""What the audit log calls them together."""

NONE, WHY = "none", "as they were told, for whoever starts next"

ANSWER = "it is connected anew, and its outputs were read back as off"


class Unanswered:
    """Passes alarms on, and remembers in the audit log which instruments were told to be away.

    A hold, or the end of a process, brings none of them back: it is over for who connects it next.

    audit: writes a line, beside the work.
    """

    def __init__(self, store: Store, audit: Callable[..., object], alarm: Tell) -> None:
        self._audit, self._alarm = audit, alarm
        last = store.log(1, WHAT)
        self._away = frozenset(last[0].new.split("; ") if last else ()) - {NONE}

    def tell(self, alarm: Alarm) -> None:
        """Pass an alarm on; never blocks."""
        if alarm.kind == KIND:
            mine = frozenset((alarm.subject,))
            self._keep(self._away | mine if alarm.on else self._away - mine)
        self._alarm(alarm)

    def answered(self) -> None:
        """Tell that it is over: all instruments are connected, and read back as off."""
        for name in sorted(self._away):
            self.tell(Alarm(KIND, name, ANSWER, on=False, earlier=True))

    def _keep(self, away: frozenset[str]) -> None:
        before, self._away = self._away, away
        if away != before:
            self._audit("daemon", WHAT, _said(before), _said(away), WHY)


def _said(names: frozenset[str]) -> str:
    return "; ".join(sorted(names)) or NONE
