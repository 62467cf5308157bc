"""What is known of an output whose instrument does not answer: when it was on, or read as off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class LastSeen:
    """When each instrument was last switched or found on, and when it last read back as off.

    now: wall time, which a person at the front panel has.
    """

    now: Callable[[], datetime] = _now
    _on: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _off: dict[str, datetime] = field(default_factory=dict)

    def on(self, name: str, how: str = "switched on") -> None:
        """Take note that an output goes on, or was found on; until it reads back as off it is."""
        self._on[name] = self.now(), how
        self._off.pop(name, None)

    def off(self, name: str) -> None:
        """Take note that an instrument was switched off, and read back as off."""
        self._off[name] = self.now()
        self._on.pop(name, None)

    @property
    def may_be_on(self) -> frozenset[str]:
        """The instruments of which an output went on and has not read back as off since."""
        return frozenset(self._on)

    def words(self, name: str) -> str:
        """Say what is known of the outputs of an instrument; "" where that is nothing."""
        if (on := self._on.get(name)) is not None:
            when, how = on
            return f"{name} is not known to be off: last {how} at {_said(when)}"
        if (off := self._off.get(name)) is not None:
            return f"{name} was off when it was last read back, at {_said(off)}"
        return ""


def _said(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
