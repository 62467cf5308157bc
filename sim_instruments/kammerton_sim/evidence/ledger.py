"""The output ledger: what every output of the laboratory really did, in order, for ever."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kammerton_sim.evidence.units import UNITS

_UNHEARD = ("connection", "refused", "written")
_ASIDE = ("connection", "fault", "identity")
"""What comes while something is written and is not what was written."""

Scalar = float | int | str | bool | None


@dataclass(frozen=True)
class Change:
    """One change of one output; `what` is "on", "amplitude", "frequency", "connection"...

    by: "" for who asked over the wire; else what else it was, such as "power switch". unit: what
    old and new are in; "" of what is no number.
    """

    index: int
    time: float
    instrument: str
    output: str
    what: str
    old: Scalar
    new: Scalar
    by: str = ""
    unit: str = ""


class Ledger:
    """Append-only. `version` counts the changes that can be seen at an output.

    Kept in memory: the last `length` entries, and of those before the last of each kind, so that
    what was switched on long ago is known to be on. An index is never used twice.
    """

    def __init__(self, now: Callable[[], float], length: int = 200_000) -> None:
        self.now = now
        self.began = now()
        """When everything was switched on, in unix s."""
        self._changes: deque[Change] = deque(maxlen=length)
        self._lock = threading.Lock()
        self._next = 0
        self._last: dict[str, int] = {}
        self._before: dict[tuple[str, str, str], Change] = {}
        self._hand = threading.local()
        self.version = 0

    def record(
        self,
        instrument: str,
        output: str,
        what: str,
        old: Scalar,
        new: Scalar,
        unit: str | None = None,
    ) -> None:
        """Append one change, stamped with laboratory time; unit: where it is not the usual one."""
        with self._lock:
            by = getattr(self._hand, "by", "")
            unit = UNITS.get(what, "") if unit is None else unit
            change = Change(self._next, self.now(), instrument, output, what, old, new, by, unit)
            if len(self._changes) == self._changes.maxlen:
                self._forget(self._changes[0])
            self._changes.append(change)
            if what not in _ASIDE:
                self._last[instrument] = self._next
            self._next += 1
            self.version += what not in _UNHEARD

    @contextlib.contextmanager
    def by(self, hand: str) -> Iterator[None]:
        """Say of what this thread records meanwhile that nobody asked for it over the wire."""
        before, self._hand.by = getattr(self._hand, "by", ""), hand
        try:
            yield
        finally:
            self._hand.by = before

    def last(self, instrument: str) -> int:
        """Return the index of what was last written to an instrument, or else changed; or -1."""
        with self._lock:
            return self._last.get(instrument, -1)

    @property
    def complete(self) -> bool:
        """Whether nothing has been forgotten."""
        with self._lock:
            return not self._changes or self._changes[0].index == 0

    def _forget(self, change: Change) -> None:
        """Keep the last of each kind; of an identity also the one that was the first."""
        if change.what in _UNHEARD:
            return
        key = change.instrument, change.output, change.what
        if change.what == "identity" and key in self._before:
            change = replace(change, old=self._before[key].old)
        self._before[key] = change

    def whole(self) -> list[dict[str, Any]]:
        """Return all changes, of those that are forgotten the last of each kind."""
        with self._lock:
            before = sorted(self._before.values(), key=lambda change: change.index)
            changes = [*before, *self._changes]
        return [dict(vars(change)) for change in changes]

    def since(self, index: int = 0) -> list[dict[str, Any]]:
        """Return the changes from this index on."""
        with self._lock:
            first = self._changes[0].index if self._changes else 0
            recent = list(self._changes)[max(0, index - first) :]
        return [dict(vars(change)) for change in recent]
