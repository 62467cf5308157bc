"""Laboratory time: wall time plus the instrument seconds that passed faster than the wall."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class LabClock:
    """What ages are ages of.

    With real instruments a program of 20 s takes 20 s and nothing is ever skipped. A simulated
    laboratory may play it in 0.4 s; the rest is added here, so that drift and age stay true.
    """

    _wall: datetime = field(default_factory=lambda: datetime.now(UTC))
    _start: float = field(default_factory=time.monotonic)
    _skipped: float = 0.0

    @classmethod
    def not_before(cls, time: datetime) -> LabClock:
        """Return a clock that starts now, or at `time` when that is later.

        After a restart laboratory time must not step back behind what was already recorded.
        """
        return cls(max(datetime.now(UTC), time))

    def now(self) -> datetime:
        """Return laboratory time, aware, UTC."""
        return self._wall + timedelta(seconds=time.monotonic() - self._start + self._skipped)

    def played(self, instrument_seconds: float, wall_seconds: float) -> None:
        """Account for a program whose instrument time may exceed the wall time it took."""
        self._skipped += max(0.0, instrument_seconds - wall_seconds)
