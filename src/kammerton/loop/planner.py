"""What to measure next: the batch that lowers expected loss most per instrument second.

Loss says what doubt about a parameter costs: it grows with the square of sigma up to the tolerance
and with its logarithm beyond, so that a hopeless doubt is still worth halving. A calibration
promises sigmas; what it would lower the loss by, divided by the instrument time of its program,
decides. No graph is walked: a calibration whose needs are not believed well enough simply is not
ready yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.own_code import own_code
from kammerton.model import Calibration, Estimate, Give, Need, Program, Pulse, Target, Wait
from kammerton.model.program import FloatArray

UNKNOWN = 10.0  # the loss of a parameter that was never measured
WORTH = 0.5  # a gain below this does not start a run: sigma is still under 0.8 of the tolerance


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

    @property
    def words(self) -> str:
        """What is run on which targets."""
        return f"{self.calibration.name} on {', '.join(t.name for t in self.targets)}"


@dataclass(frozen=True)
class Planner:
    """Chooses by value from the installed calibrations.

    `delivered` remembers the sigma that a calibration really gave: when it is larger than what
    was promised, it is what to expect again, so that nothing is repeated in vain.
    """

    calibrations: tuple[Calibration, ...]
    delivered: dict[tuple[str, str], float] = field(default_factory=dict)

    def note(self, calibration: str, estimates: Mapping[str, Estimate]) -> None:
        """Take note of what a calibration gave, by full names."""
        self.delivered.update({(calibration, n): e.stderr for n, e in estimates.items()})

    def choose(self, view: View, book: BeliefBook, now: datetime) -> Plan | None:
        """Return the most worthwhile plan, or None when nothing is worth its time.

        Raises
        ------
        CalibrationError
            A calibration's own code failed; no other was chosen.
        """
        chosen = [c for c in self.calibrations if not c.on_request]
        plans = [p for c in chosen if (p := self._plan(c, view(c.name), book, now))]
        return max(plans, key=lambda p: p.rate, default=None)

    def repeated(self, calibration: str, names: Sequence[str], view: View) -> Plan | None:
        """Return the plan to run a calibration again on those targets that are ready for it."""
        for found in self.calibrations:
            targets = tuple(t for t in view(found.name) if t.name in names and ready(found, t))
            if found.name == calibration and targets:
                with own_code(found, "program"):
                    return Plan(found, targets, 0.0, instrument_seconds(found.program(targets)))
        return None

    def _plan(
        self, calibration: Calibration, targets: Sequence[Target], book: BeliefBook, now: datetime
    ) -> Plan | None:
        worthy = [
            (t, gain)
            for t in targets
            if ready(calibration, t) and (gain := self.gain(calibration, t, book, now)) > WORTH
        ]
        if not worthy:
            return None
        chosen = tuple(t for t, _ in worthy)
        with own_code(calibration, "program"):
            seconds = instrument_seconds(calibration.program(chosen))
        return Plan(calibration, chosen, sum(gain for _, gain in worthy), seconds)

    def gain(
        self, calibration: Calibration, target: Target, book: BeliefBook, now: datetime
    ) -> float:
        """Return the loss that a calibration of a target is expected to remove."""
        return sum(
            self._gain_of(calibration.name, give, target, book, now) for give in calibration.gives
        )

    def _gain_of(
        self, calibration: str, give: Give, target: Target, book: BeliefBook, now: datetime
    ) -> float:
        belief = target.beliefs.get(give.parameter)
        full_name = book.full_name(target.name, give.parameter)
        if belief is None or belief.run is None:
            return UNKNOWN
        promise = give.promise * abs(belief.mean) if give.relative else give.promise
        expected = max(promise, self.delivered.get((calibration, full_name), 0.0))
        tolerance = book.kind(full_name).tolerance_of(belief.mean)
        return max(0.0, loss(belief.sigma_at(now), tolerance) - loss(expected, tolerance))


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
    return target.sigma(need.parameter) <= need.within_of(belief.mean)


def loss(sigma: float, tolerance: float) -> float:
    """Return what a doubt of `sigma` costs: ln(1 + (sigma/tolerance)^2)."""
    return math.log1p((sigma / tolerance) ** 2)


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
