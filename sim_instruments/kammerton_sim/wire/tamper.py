"""Settings that do not take: lost, clamped, rounded; and readings that are no numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

from kammerton_sim.wire.settings import Value

Change = Callable[[Value, Value], Value]
"""(old, written) -> what the setting becomes."""


class Tamper:
    """Nothing is tampered with until told; by the setting's key."""

    def __init__(self) -> None:
        self.writes: dict[str, Change] = {}
        self.answers: dict[str, str] = {}

    def written(self, key: str, old: Value, new: Value) -> Value:
        """Return what a setting becomes when `new` is written."""
        change = self.writes.get(key)
        return new if change is None else change(old, new)

    def answered(self, key: str, text: str) -> str:
        """Return what a query gets."""
        return self.answers.get(key, text)


def lost(old: Value, new: Value) -> Value:
    """The write is ignored."""
    return old


def clamped(largest: float) -> Change:
    """What is larger becomes the largest; a whole number stays one, a switch what it is."""

    def change(old: Value, new: Value) -> Value:
        if isinstance(new, bool | str) or new <= largest:
            return new
        return math.floor(largest) if isinstance(new, int) else largest

    return change


def rounded(step: float, possible: Callable[[Value], bool]) -> Change:
    """Only multiples of a step are kept, where the setting can have them."""

    def change(old: Value, new: Value) -> Value:
        if not isinstance(new, float) or not math.isfinite(new):
            return new
        multiple = round(new / step) * step
        return multiple if possible(multiple) else new

    return change
