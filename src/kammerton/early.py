"""Signals that ask a process to end before it can do so in order: kept until it can.

Imported before anything heavy. What comes while the interpreter itself starts still ends it.
"""

from __future__ import annotations

import signal
import sys

WINDOWS = sys.platform == "win32"
ENDING = ("SIGINT", "SIGBREAK") if WINDOWS else ("SIGINT", "SIGTERM", "SIGHUP")

_came: list[int] = []


def remember() -> None:
    """Keep signals from now on; whoever runs an event loop later acts on them."""
    for number in ending():
        signal.signal(number, keep)


def ending() -> list[int]:
    """Return the signals that ask this process to end; a hangup that `nohup` ignores does not."""
    numbers, hangup = [getattr(signal, name) for name in ENDING], getattr(signal, "SIGHUP", None)
    return [n for n in numbers if n != hangup or signal.getsignal(n) is not signal.SIG_IGN]


def keep(number: int, _frame: object) -> None:
    """Keep one signal."""
    _came.append(number)


def end_at_once(number: int, _frame: object) -> None:
    """End this process by the signal itself: there is nothing left to put in order."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def came() -> bool:
    """Say whether this process was asked to end meanwhile."""
    return bool(_came)
