"""What the planner may see of the targets: what is held, parked or set aside it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kammerton.lab import Lab
from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.patience import Patience
from kammerton.model import LabClock, Target


@dataclass
class Sight:
    """The targets as they are believed now. held: elements that persons hold now."""

    lab: Lab
    book: BeliefBook
    clock: LabClock
    patience: Patience
    held: Callable[[], frozenset[str]]

    def target(self, calibration: str, name: str) -> Target:
        """Return a target, with the effort that a calibration is worth there."""
        return self.book.target(name, self.clock.now(), self.patience.effort(calibration, name))

    def targets(self, calibration: str) -> list[Target]:
        """Return all on which a calibration may be run."""
        held = self.held()
        return [
            self.target(calibration, name)
            for name, qubit in self.lab.qubits.items()
            if self.patience.allows(calibration, name) and not held & {name, qubit.resonator}
        ]
