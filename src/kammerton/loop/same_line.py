"""Two qubits that claim one line: one of them may answer for the other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.surprise import SURPRISE
from kammerton.model import Belief
from kammerton.model.alarm import Alarm, Tell
from kammerton.model.quantity import show


@dataclass
class SameLine:
    """Compares the f01 of each qubit with every other's. One alarm a pair, until they part.

    What was measured is compared, with the errors of that: a doubt, such as of a qubit that is
    parked, makes no two lines one.
    The first time that a pair differs is told too: who compared before may have told of it.
    """

    book: BeliefBook
    qubits: tuple[str, ...]
    _told: dict[tuple[str, str], bool] = field(default_factory=dict)

    def look(self, names: Iterable[str], tell: Tell) -> None:
        """Compare those qubits whose f01 is among `names` with all others."""
        new = {qubit for qubit in self.qubits if f"{qubit}.f01" in names}
        for one in self.qubits:
            for other in self.qubits:
                if one < other and new & {one, other}:
                    self._compare((one, other), tell)

    def _compare(self, pair: tuple[str, str], tell: Tell) -> None:
        found = [self.book.get(f"{qubit}.f01") for qubit in pair]
        measured = [b for b in found if b is not None and b.run is not None]
        subject = " and ".join(pair)
        both = len(measured) == len(pair)
        if both and self._one(*measured):
            self._told[pair] = True
            at = " and ".join(show(b.mean, "Hz", b.stderr) for b in measured)
            tell(Alarm("same line", subject, f"f01 of {subject} is the same: {at}"))
        elif self._told.get(pair, both):
            self._told[pair] = False
            tell(Alarm("same line", subject, "each has a line of its own", on=False))

    def _one(self, first: Belief, second: Belief) -> bool:
        tolerance = self.book.kind(f"{self.qubits[0]}.f01").tolerance
        sigma = math.hypot(first.stderr, second.stderr)
        return abs(first.mean - second.mean) <= max(SURPRISE * sigma, tolerance)
