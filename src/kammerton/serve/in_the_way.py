"""What stands in the way of a start: said in full once, and when it changes; else rarely."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kammerton.serve.process import Ending

FIRST = 60.0  # s after which it is said that it is still so; then after as long again
LONGEST = 3600.0  # s between two such lines at most


@dataclass
class InTheWay:
    """The reason that a process gave for its end before it was up, for as long as it is the same.

    why: that reason; "" where there is none. said: marks of what it said, which the next process
    need not say again.
    """

    monotonic: Callable[[], float] = time.monotonic
    why: str = ""
    said: frozenset[str] = frozenset()
    _off: bool = False
    _since: float = 0.0
    _said: float = 0.0

    def words(self, ending: Ending, when: str) -> str:
        """Return what is to be said before the next attempt; "": nothing that was not said.

        when: that begins. What the process has said itself is not said by the supervisor, too.
        """
        now = self.monotonic()
        if not ending.explained:
            self.why, self.said = "", frozenset()
            return f"{ending.why}; starting again {when}"
        before, known = (self.why, self._off), self.said
        self.why, self._off = ending.why, ending.off
        self.said = frozenset() if ending.was_up else ending.said  # once up, all is news again
        if ending.was_up or (self.why, self._off) != before or not self.said <= known:
            self._since = self._said = now
            return f"starting again {when}, and again until it succeeds; the same is not said again"
        if now - self._said < min(max(FIRST, self._said - self._since), LONGEST):
            return ""
        self._said = now
        doubt = "" if ending.off else "; outputs are not known to be off"
        span = _span(now - self._since)
        return f"still, {span}: {_head(ending.why)}{doubt}; next attempt {when}"


def _head(why: str) -> str:
    first, *more = why.splitlines() or [""]
    return f"{first} (and {len(more)} more)" if more else first


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
