"""What the broker tells others about this computer, compared with what was published."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kammerton.publish.received import Seal

PATIENCE = 10.0
"""s that what is heard may differ from what was published before somebody is told."""

WAR, MINUTE = 5, 60.0
"""So many snapshots of somebody else in so many s: two programs publish under one name."""


@dataclass
class Mirror:
    """The daemon as its own subscriber; without input or output of its own.

    spoilt: what the broker holds is not ours, so that it must be published again. denied: others
    were told that we are offline, by the last will of a connection that we had left long before, or
    that somebody else is this computer's daemon.
    """

    monotonic: Callable[[], float] = time.monotonic
    spoilt: bool = False
    denied: bool = False
    _published: Seal | None = None
    _heard: Seal | None = None
    _differs: float | None = None
    _again: float = -math.inf
    _own: deque[Seal] = field(default_factory=lambda: deque(maxlen=100))
    _foreign: deque[float] = field(default_factory=lambda: deque(maxlen=WAR))
    _denials: deque[float] = field(default_factory=lambda: deque(maxlen=WAR))

    def publishing(self, seal: Seal) -> None:
        """Note what is published next: its echo may come before the acknowledgement."""
        self._own.append(seal)
        self._published, self.spoilt = seal, False
        self._compare()

    def heard(self, seal: Seal | None, *, retained: bool = False) -> str | None:
        """Take in a snapshot that came back; say what is wrong if somebody else made it.

        seal: None where it could not be read. retained: it was there before we listened; what we
        publish replaces it.
        """
        self._heard = seal
        self._compare()
        if retained or self._published is None or self._heard in self._own:
            return None
        self.spoilt = True
        self._foreign.append(self.monotonic())
        return f"somebody else published a snapshot: {self._words()}"

    def problem(self) -> str | None:
        """Say what differs, once it has for longer than PATIENCE or is denied again and again."""
        if self._often(self._denials):
            return "somebody keeps saying that this computer is offline"
        if not self._unheard:
            return None
        return f"the broker does not tell what was published: {self._words()}"

    def once_more(self) -> None:
        """Have published again what was not heard, every PATIENCE s: it may be heard by then.

        A broker acknowledges what its rights forbid, too, and nobody hears when they are mended.
        """
        now = self.monotonic()
        if self._unheard and now - self._again > PATIENCE:
            self._again, self.spoilt = now, True

    @property
    def _unheard(self) -> bool:
        return self._differs is not None and self.monotonic() - self._differs > PATIENCE

    def at_war(self) -> bool:
        """Whether somebody else keeps publishing under this computer's name."""
        return self._often(self._foreign)

    def deny(self) -> None:
        """Note that others were told that we are offline."""
        self.denied = True
        self._denials.append(self.monotonic())

    def _often(self, times: deque[float]) -> bool:
        return sum(self.monotonic() - t < MINUTE for t in times) >= WAR

    def _compare(self) -> None:
        if self._heard == self._published:
            self._differs = None
        elif self._differs is None:
            self._differs = self.monotonic()

    def _words(self) -> str:
        if self._heard is None:
            return "nothing that can be read was heard"
        return f"epoch {self._heard.epoch}, revision {self._heard.revision} was heard"
