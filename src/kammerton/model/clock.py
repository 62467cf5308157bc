"""Laboratory time: wall time plus the instrument seconds that passed faster than the wall."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kammerton.model.span import duration

APART = 5.0
"""s that this computer's clock may have been set by before laboratory time follows it. Clocks drift
by less in a day, and NTP moves the monotonic one alike where it only slews."""


LASTS = 1.0
"""s after which a step of the computer's clock is one that lasts."""


def _utc() -> datetime:
    return datetime.now(UTC)


def was_set(by: timedelta) -> str:
    """Say by how much a computer's clock was set, to the second."""
    span = duration(timedelta(seconds=round(abs(by).total_seconds())))
    return f"this computer's clock was set {'back' if by < timedelta() else 'forward'} by {span}"


@dataclass
class LabClock:
    """What ages are ages of.

    With real instruments a program of 20 s takes 20 s and nothing is ever skipped. A simulated
    laboratory may play it in 0.4 s; the rest is added here, so that drift and age stay true.
    before: laboratory time does not begin earlier. What this computer's clock is set by counts only
    once it is followed. followed: by how much it was, in all, s.
    """

    before: datetime | None = None
    utc: Callable[[], datetime] = _utc
    monotonic: Callable[[], float] = time.monotonic
    _skipped: float = 0.0
    followed: float = field(default=0.0, init=False)
    _ahead: float = field(init=False)
    _wall: datetime = field(init=False)
    _start: float = field(init=False)

    def __post_init__(self) -> None:
        self._start, self._wall = self.monotonic(), self.utc()
        before = self.before or self._wall
        self._ahead = max(0.0, (before - self._wall).total_seconds())

    @classmethod
    def not_before(cls, time: datetime) -> LabClock:
        """Return a clock that starts now, or at `time` when that is later.

        After a restart laboratory time must not step back behind what was already recorded.
        """
        return cls(time)

    def now(self) -> datetime:
        """Return laboratory time, aware, UTC."""
        return self.wall() + timedelta(seconds=self.ahead)

    def wall(self) -> datetime:
        """Return what the computer's clock would say, had it not been set since it was followed."""
        return self._wall + timedelta(seconds=self.monotonic() - self._start)

    def elapsed(self) -> float:
        """Return the laboratory seconds since the start, whatever the wall's clock was set to."""
        return self.monotonic() - self._start + self._skipped

    @property
    def ahead(self) -> float:
        """By how much laboratory time is ahead of the wall's, s: as it is meant to be."""
        return self._ahead + self._skipped

    def played(self, instrument_seconds: float, wall_seconds: float) -> None:
        """Account for a program whose instrument time may exceed the wall time it took."""
        self._skipped += max(0.0, instrument_seconds - wall_seconds)

    def apart(self) -> float:
        """Return by how much this computer's clock was set since the start, or followed, s."""
        passed = self.monotonic() - self._start
        return (self.utc() - self._wall).total_seconds() - passed

    def follow(self, by: float) -> None:
        """Let laboratory time go by what this computer's clock was set by, s."""
        self._wall += timedelta(seconds=by)
        self.followed += by


@dataclass
class Step:
    """The step that a computer's clock made and laboratory time has not followed yet."""

    clock: LabClock
    _seen: tuple[float, float] | None = None

    def due(self) -> timedelta:
        """Return by how much the clock was set, once that has lasted; 0: it was not.

        A step that comes after one that was followed lasts for itself, though it be as large.
        """
        by, now = self.clock.apart(), self.clock.elapsed()
        if abs(by) < APART:
            self._seen = None
            return timedelta()
        in_all = self.clock.followed + by
        if self._seen is None or abs(in_all - self._seen[0]) > APART:
            self._seen = in_all, now
        return timedelta(seconds=by) if now - self._seen[1] >= LASTS else timedelta()
