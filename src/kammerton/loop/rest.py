"""After a sweep of powers, or a search, what measures coherence waits for the heat to go."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kammerton.model import Calibration, LabClock, Program, Pulse, Run

COHERENCE = frozenset({"t1", "t2_star", "t2_echo"})
LOOK = 0.5  # s between looks at laboratory time

Say = Callable[[str], Awaitable[object]]


@dataclass
class Rest:
    """Keeps laboratory time free after a run that swept powers or searched.

    As long as the budget of the stage would take to carry the same heat away: never longer than the
    run was, and nothing where lab.toml has no budget. budget: stage -> W.
    """

    clock: LabClock
    budget: Mapping[str, float]
    _until: float = -math.inf
    _after: str = ""

    async def around(
        self, calibration: Calibration, play: Callable[[], Awaitable[Run]], say: Say
    ) -> Run:
        """Play a run, after the rest that is due before it; note the rest that is due after it."""
        if (left := self.left(calibration)) > 0:
            await say(
                f"{calibration.name} waits {left:.3g} s: the refrigerator rests {self._after}"
            )
        while (left := self.left(calibration)) > 0:  # noqa: ASYNC110 - the clock sets no event
            await asyncio.sleep(min(left, LOOK))
        run = await play()
        self._note(run)
        return run

    def left(self, calibration: Calibration) -> float:
        """Return for how many s of laboratory time a calibration has to wait yet."""
        if COHERENCE.isdisjoint(give.parameter for give in calibration.gives):
            return 0.0
        return max(0.0, self._until - self.clock.elapsed())

    def _note(self, run: Run) -> None:
        parts = {s: watts / self.budget[s] for s, watts in run.records.heat.items()}
        if parts and strains(run.program):
            stage = max(parts, key=lambda each: parts[each])
            until = self.clock.elapsed() + run.records.seconds * parts[stage]
            if until > self._until:
                self._until, self._after = until, f"after {run.calibration} ({stage})"


def strains(program: Program) -> bool:
    """Say whether a program sweeps powers, or searches for a line."""
    pulses = [p for s in program.sequences.values() for p in s if isinstance(p, Pulse)]
    swept = [p.amplitude for p in pulses] + [p.frequency for p in pulses]
    swept += [tone.frequency for tone in program.readouts.values()]
    return any(np.ptp(np.atleast_1d(values)) > 0 for values in swept)
