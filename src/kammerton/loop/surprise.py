"""Results that are not believed at once: far from what was known, or a leap however uncertain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from kammerton.loop.beliefs import BeliefBook
from kammerton.model import Estimate

SURPRISE = 5.0  # sigmas between belief and result, or between two results, that make them differ


@dataclass
class Surprises:
    """Withholds what surprises until a second measurement finds it again.

    A result is a leap when it changes a measured value by more than `step` of its kind, whatever
    the sigmas say: no parameter moves further in one cycle on the word of one run.
    """

    book: BeliefBook
    withheld: dict[str, Estimate] = field(default_factory=dict)

    def among(self, changes: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return those that must be found again first; the others have been, or are no news."""
        found = {name: e for name, e in changes.items() if self._doubted(name, e)}
        for name in changes.keys() - found.keys():
            self.withheld.pop(name, None)
        self.withheld.update(found)
        return found

    def _doubted(self, name: str, new: Estimate) -> bool:
        if self._far(name, new):
            return True
        first = self.withheld.get(name)
        return self._leap(name, new) and not (first is not None and self._same(name, first, new))

    def _far(self, name: str, new: Estimate) -> bool:
        old = self.book.get(name)
        if old is None or old.run is None or new.stderr == 0:
            return False
        sigma = math.hypot(old.sigma_at(new.time), new.stderr)
        return abs(new.value - old.mean) > SURPRISE * sigma

    def _leap(self, name: str, new: Estimate) -> bool:
        old, step = self.book.get(name), self._step(name)
        measured = old is not None and old.run is not None and new.stderr > 0
        return measured and old is not None and 0 < step < abs(new.value - old.mean)

    def _same(self, name: str, first: Estimate, new: Estimate) -> bool:
        sigma = math.hypot(first.stderr, new.stderr)
        return abs(new.value - first.value) <= max(SURPRISE * sigma, 0.1 * self._step(name))

    def _step(self, name: str) -> float:
        old = self.book.get(name)
        return 0.0 if old is None else self.book.kind(name).step_of(old.mean)
