"""Knobs that hands have turned: of several hands at one knob the last one counts.

Each output's knob is one of its own, so a hand at one output leaves the others where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kammerton_sim.faults.amounts import Value
from kammerton_sim.faults.course import Undo

Knob = tuple[str, str, tuple[int, ...]]
"""Instrument, setting, number of the output."""

_ONE = 2
"""A hand, and what was there before it."""


@dataclass(eq=False)
class _Hand:
    """What one hand set a knob to."""

    value: Value


class Knobs:
    """All knobs that are turned at present: what each was set to before, and by every hand since.

    Turned by another hand, a knob goes there at once, not by way of where it was at first.
    """

    def __init__(self) -> None:
        self._hands: dict[Knob, list[_Hand]] = {}

    def forget(self, instrument: str, keeps: Callable[[str, tuple[int, ...]], bool]) -> None:
        """Let go of the knobs of a box that begins anew, but for those where they were before."""
        for knob in [k for k in self._hands if k[0] == instrument and not keeps(*k[1:])]:
            del self._hands[knob]

    def crowded(self, knob: Knob) -> bool:
        """Whether several hands have turned it."""
        return len(self._hands.get(knob, ())) > _ONE

    def turn(self, knob: Knob, before: Value, new: Value, put: Callable[[Value], None]) -> Undo:
        """Set a knob by `put`; returns what takes this hand away.

        before: what it is set to now, which is where it goes when no hand is left.
        """
        hands, hand = self._hands.setdefault(knob, [_Hand(before)]), _Hand(new)
        hands.append(hand)
        put(new)

        def leave() -> None:
            if self._hands.get(knob) is not hands:
                return  # the box was switched off and on since: its knobs are where they are then
            last = hands[-1] is hand
            hands.remove(hand)
            if last:
                put(hands[-1].value)
            if len(hands) == 1:
                del self._hands[knob]

        return leave
