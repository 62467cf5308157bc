"""Which database is the daemon's: what its status says now, not what a broker happens to keep.

A broker that was killed comes back with what it had stored, which may be of a database that a
restored backup has replaced since. So another epoch counts only with a status that names it:

- For who knows nothing yet, any: there is nothing better until the daemon speaks.
- Later, one that the daemon says at this moment ("online" or in safe mode, and not retained), or
  one that was made after the latest of the epoch that counts.
- One that is not newer than an earlier one of its epoch is an echo and proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kammerton.model import BrokerError
from kammerton.publish.received import Status

KNOWN = 100
"""Epochs whose latest status is remembered; a laboratory restores a backup once in a while."""


@dataclass
class Epochs:
    """What the status has said so far. present: the epoch that counts; None: not heard yet."""

    present: str | None = None
    _latest: dict[str, datetime] = field(default_factory=dict)

    def hear(self, said: Status, *, retained: bool) -> None:
        """Take a status.

        Raises
        ------
        BrokerError
            It is of another epoch and proves nothing.
        """
        if self._proves(said, retained):
            self.present = said.epoch
        elif said.epoch != self.present:
            raise BrokerError(
                f"{said.status!r} of epoch {said.epoch[:20]!r} is not newer than"
                f" what is known of {self.present!r}"
            )
        self._latest[said.epoch] = max(said.time, self._latest.pop(said.epoch, said.time))
        if len(self._latest) > KNOWN:
            del self._latest[next(iter(self._latest))]  # the one that counted longest ago

    def _proves(self, said: Status, retained: bool) -> bool:
        if self.present is None:
            return True
        before = self._latest.get(said.epoch)
        if before is not None and said.time <= before:
            return False
        spoken = not retained and said.status != "offline"  # "offline" may be a late last will
        return spoken or said.time > self._latest[self.present]
