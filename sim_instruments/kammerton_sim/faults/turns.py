"""Faults that want the same thing take turns: the latest acts, the one before when it is over.

Without that, the first to end would mend what the other still breaks, and the last would bring
back what the first had changed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from kammerton_sim.faults.course import Undo


@dataclass(eq=False)
class _Turn:
    """A fault that is on; `undo` is None while a later one acts in its place."""

    holds: frozenset[Hashable]
    begin: Callable[[], Undo]
    undo: Undo | None = None

    def rest(self) -> None:
        """Act no longer."""
        undo, self.undo = self.undo, None
        if undo is not None:
            undo()


class Turns:
    """All faults that are on, in the order in which they came."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []

    def take(self, holds: frozenset[Hashable], begin: Callable[[], Undo]) -> Undo:
        """Begin what holds these things, in place of those that held them; returns its end."""
        turn = _Turn(holds, begin)
        for other in reversed(self._turns):
            if other.holds & holds:
                other.rest()
        try:
            turn.undo = begin()
        except ValueError:
            self._wake()
            raise
        self._turns.append(turn)

        def end() -> None:
            turn.rest()
            self._turns.remove(turn)
            self._wake()

        return end

    def _wake(self) -> None:
        """Let those act, the latest first, whose things nobody holds any more."""
        for turn in reversed(self._turns):
            held = {thing for other in self._turns if other.undo for thing in other.holds}
            if turn.undo is None and not turn.holds & held:
                turn.undo = turn.begin()
