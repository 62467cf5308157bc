"""What we hold about a parameter now: a mean, and a sigma that grows with age."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FORESEEN = 30 * 86400.0
"""s: an assumed drift says nothing of what comes after a cool-down, which lasts some weeks."""


@dataclass(frozen=True)
class Belief:
    """Mean and sigma of a parameter at `time`; afterwards sigma grows as a random walk.

    `drift` is the walk per square root of a second, in the unit of the parameter.
    `run` names the run behind it; None means it is only the design value. `stderr` is the error of
    what that run measured, which doubt and age leave alone; 0 where nothing was measured.
    """

    mean: float
    sigma: float
    time: datetime
    drift: float = 0.0
    run: str | None = None
    stderr: float = 0.0

    def sigma_at(self, time: datetime) -> float:
        """Return the standard deviation at a laboratory time (never smaller than at `time`)."""
        age = max(0.0, (time - self.time).total_seconds())
        return math.hypot(self.sigma, self.drift * math.sqrt(age))

    def valid_until(self, tolerance: float) -> datetime | None:
        """Return when sigma reaches `tolerance`, in 30 d at most; None when it never does."""
        if self.drift == 0 or self.sigma >= tolerance:
            return self.time if self.sigma >= tolerance else None
        root = math.sqrt((tolerance - self.sigma) * (tolerance + self.sigma)) / abs(self.drift)
        return self.time + timedelta(seconds=min(root * root, FORESEEN))

    def doubted(self, sigma: float) -> Belief:
        """Return the same mean with at least this much doubt."""
        return replace(self, sigma=max(self.sigma, sigma))


def meanwhile(drift: float, lasted: timedelta) -> float:
    """Return the sigma of a random walk's mean over a run about the walk's middle.

    Either half's mean is off by drift^2 (T/2)/3 in variance; that of both by drift^2 T/12.
    """
    return abs(drift) * math.sqrt(max(lasted.total_seconds(), 0.0) / 12.0)
