"""A computer's process that always measures; with its lab.toml: python -m tests.system.restless.

The process is the daemon's own, but for five things: where its planner finds nothing worth
measuring it measures all the same; after each step it rests for a moment, since whoever waits for
the end of a fault needs no hundred runs meanwhile; pauses between attempts to reach an instrument
end at 5 s; an alarm that comes again is told after a second, not after a minute; after somebody's
hand drive pauses for 6 s, not for a minute.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from kammerton.bench import guard
from kammerton.lab import load
from kammerton.loop import Loop, Planner
from kammerton.loop.planner import Plan
from kammerton.model.backoff import Backoff
from kammerton.publish import alarms
from kammerton.serve import computer
from kammerton.serve.events import run_until_signal
from kammerton.serve.logs import log_to_stderr

REST = 0.3  # s
TURN = ("rabi_amplitude", "ramsey", "rabi_amplitude", "t1")


@dataclass(frozen=True)
class Restless(Planner):
    turn: Iterator[str] = field(default_factory=lambda: cycle(TURN))

    def choose(self, view: Any, book: Any, now: Any) -> Plan | None:
        """Return what is worth it, else one of the turn."""
        if (plan := super().choose(view, book, now)) is not None:
            return plan
        name = next(self.turn)
        calibration = next(c for c in self.calibrations if c.name == name)
        targets = tuple(view(name))
        return Plan(calibration, targets, 1.0, 1.0) if targets else None


@dataclass
class Quick(Loop):
    def __post_init__(self) -> None:
        super().__post_init__()
        self._outage.backoff = Backoff(0.2, 5.0, 2.0)

    async def step(self) -> bool:
        """Do what the daemon does, and rest."""
        done = await super().step()
        await asyncio.sleep(REST)
        return done


if __name__ == "__main__":
    computer.Planner, computer.Loop = Restless, Quick  # type: ignore[misc]
    alarms.STAYS, guard.PAUSE = 1.0, 6.0
    log_to_stderr()
    run_until_signal(computer.run_computer(load(Path(sys.argv[1]))))
