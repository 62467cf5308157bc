"""What the loop will come to measure by itself, as things are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.planner import WORTH, Planner, View, unmet
from kammerton.model import Calibration, Target


@dataclass(frozen=True)
class Prospect:
    """Foresees that; what is held, parked or set aside is not in the view."""

    planner: Planner
    view: View
    book: BeliefBook
    now: datetime

    def of(self, name: str, parameter: str, beyond: frozenset[str] = frozenset()) -> bool:
        """Say whether a parameter of a target comes to be measured.

        beyond: what is measured after it, so that it cannot wait for that.
        """
        givers = [c for c in self.planner.calibrations if _gives(c, parameter)]
        return any(
            self._comes(giver, target, beyond | {parameter})
            for giver in givers
            for target in self.view(giver.name)
            if target.name == name
        )

    def _comes(self, calibration: Calibration, target: Target, beyond: frozenset[str]) -> bool:
        first = unmet(calibration, target)
        if not first:
            return self.planner.gain(calibration, target, self.book, self.now) > WORTH
        return not beyond & {*first} and all(self.of(target.name, each, beyond) for each in first)


def _gives(calibration: Calibration, parameter: str) -> bool:
    mine = (give.parameter for give in calibration.gives)
    return not calibration.on_request and parameter in mine
