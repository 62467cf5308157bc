"""What to measure next: the batch that lowers expected loss most per instrument second.

Loss says what being wrong about a parameter costs: 1 when its sigma is at the tolerance, growing
with the square, at most CAP. A calibration promises sigmas; what it would lower the loss by,
divided by the instrument time of its program, decides. No graph is walked: a calibration whose
needs are not believed well enough simply is not ready yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from kammerton.loop.beliefs import BeliefBook
from kammerton.model import Belief, Calibration, Give, Need, Program, Pulse, Target, Wait
from kammerton.model.program import FloatArray

CAP = 10.0
WORTH = 0.5  # a gain below this does not start a run: sigma is still under 0.7 of the tolerance


View = Callable[[str], Sequence[Target]]
"""The targets as a calibration, given by name, shall see them (each with its own effort)."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One calibration on the targets that it is worth running on now."""

    calibration: Calibration
    targets: tuple[Target, ...]
    gain: float
    seconds: float

    @property
    def rate(self) -> float:
        """Loss removed per instrument second."""
        return self.gain / self.seconds


@dataclass(frozen=True)
class Planner:
    """Chooses by value from the installed calibrations."""

    calibrations: tuple[Calibration, ...]

    def choose(self, view: View, book: BeliefBook, now: datetime) -> Plan | None:
        """Return the most worthwhile plan, or None when nothing is worth its time."""
        plans = [p for c in self.calibrations if (p := self._plan(c, view(c.name), book, now))]
        return max(plans, key=lambda p: p.rate, default=None)

    def _plan(
        self, calibration: Calibration, targets: Sequence[Target], book: BeliefBook, now: datetime
    ) -> Plan | None:
        worthy = [
            (t, gain)
            for t in targets
            if ready(calibration, t) and (gain := _gain(calibration, t, book, now)) > WORTH
        ]
        if not worthy:
            return None
        chosen = tuple(t for t, _ in worthy)
        seconds = instrument_seconds(calibration.program(chosen))
        return Plan(calibration, chosen, sum(gain for _, gain in worthy), seconds)


def ready(calibration: Calibration, target: Target) -> bool:
    """Say whether every need is believed precisely enough."""
    return all(_met(need, target) for need in calibration.needs)


def unmet(calibration: Calibration, target: Target) -> list[str]:
    """Return the needs that are not believed precisely enough."""
    return [need.parameter for need in calibration.needs if not _met(need, target)]


def _met(need: Need, target: Target) -> bool:
    belief = target.beliefs.get(need.parameter)
    if belief is None or (need.measured and belief.run is None):
        return False
    within = need.within * abs(belief.mean) if need.relative else need.within
    return target.sigma(need.parameter) <= within


def _gain(calibration: Calibration, target: Target, book: BeliefBook, now: datetime) -> float:
    return sum(_gain_of(give, target, book, now) for give in calibration.gives)


def _gain_of(give: Give, target: Target, book: BeliefBook, now: datetime) -> float:
    belief = target.beliefs.get(give.parameter)
    kind = book.kind(book.full_name(target.name, give.parameter))
    if belief is None or belief.run is None:
        return CAP
    promise = give.promise * abs(belief.mean) if give.relative else give.promise
    tolerance = kind.tolerance_of(belief.mean)
    return max(0.0, loss(belief, now, tolerance) - min(CAP, (promise / tolerance) ** 2))


def loss(belief: Belief, now: datetime, tolerance: float) -> float:
    """Return what the doubt about a parameter costs now, between 0 and CAP."""
    return float(min(CAP, (belief.sigma_at(now) / tolerance) ** 2))


def instrument_seconds(program: Program) -> float:
    """Return the time a program takes, s, before it is compiled: sequences, readout and reset."""
    readout = max(r.length for r in program.readouts.values())
    sequences = [_durations(s, program.points) for s in program.sequences.values()]
    longest = np.max(sequences, axis=0)
    return program.shots * float(np.sum(longest + readout + program.reset))


def _durations(sequence: Iterable[Pulse | Wait], points: int) -> FloatArray:
    total = np.zeros(points)
    for step in sequence:
        total += step.duration if isinstance(step, Wait) else step.length
    return total
