"""A computer whose clocks a test moves: the wall's, which may be set, and a boot's, which nobody
sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kammerton.store import clock


class Clocks:
    """Stands in for the clocks that the store reads."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wall, self.passed, self.boot = datetime.now(UTC), timedelta(days=3), "the first boot"
        patch.setattr(clock, "wall", lambda: self.wall)
        patch.setattr(clock, "ticks", lambda: self.passed // timedelta(microseconds=1))
        patch.setattr(clock, "boot", lambda: self.boot)

    def passes(self, time: timedelta) -> None:
        """Let time pass, by all clocks."""
        self.wall, self.passed = self.wall + time, self.passed + time

    def is_set(self, by: timedelta) -> None:
        """Set the wall's clock."""
        self.wall += by

    def restarts(self, boot: str, off: timedelta = timedelta()) -> None:
        """Start the computer again, or be another one; it was off for a while."""
        self.wall, self.passed, self.boot = self.wall + off, timedelta(seconds=20), boot
