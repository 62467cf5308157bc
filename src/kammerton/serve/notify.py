"""Telling systemd: ready, alive, and what is done (sd_notify's protocol, in ten lines)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

log = logging.getLogger(__name__)


@dataclass
class Notify:
    """Sends to the service manager's socket; without one it says nothing.

    watchdog: s within which the manager wants to hear from us; None when it does not.
    """

    address: str | None = None
    watchdog: float | None = None
    _fails: str = field(default="", init=False, repr=False, compare=False)
    _unsaid: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Notify:
        """Return what systemd set for this very process."""
        limit = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog = int(limit) / 1e6 if limit.isdigit() and int(limit) > 0 and meant else None
        return cls(environment.get("NOTIFY_SOCKET") or None, watchdog)

    def say(self, *assignments: str) -> None:
        """Send assignments such as READY=1; that nobody listens is told once, and tried again.

        It is not waited for: what one that is busy does not take is said with the next.
        """
        if self.address is None:
            return
        self._unsaid |= {each.partition("=")[0]: each for each in assignments}
        path = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.setblocking(False)
                end.sendto("\n".join(self._unsaid.values()).encode(), path)
        except BlockingIOError:
            return
        except OSError as problem:
            if self._fails != str(problem):
                log.warning("the service manager is not told on %s: %s", self.address, problem)
            self._fails = str(problem)
            return
        self._unsaid.clear()
        self._fails = ""
