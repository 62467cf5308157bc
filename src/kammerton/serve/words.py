"""What the supervisor and a computer's process say to each other: one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any


class Mode(StrEnum):
    """What a computer's process does."""

    TUNE = "tune"
    """Calibrates for ever."""
    ONCE = "once"
    """Calibrates until nothing is worth measuring any more."""
    SAFE = "safe"
    """Switches all outputs off, verifies it, and calibrates nothing."""
    IDLE = "idle"
    """Touches no instrument: even switching off has failed."""


class Code(IntEnum):
    """Exit codes of the daemon, and of the process of a computer."""

    DONE = 0
    FAILED = 1  # instruments, database or broker stand in the way
    BAD_INPUT = 2
    NOT_ACCEPTED = 3
    CRASHED = 70  # an error that nobody foresaw


@dataclass(frozen=True)
class Order:
    """The first line that a computer's process reads.

    text: lab.toml as the daemon read it when it started, so that an edit while it runs counts at
    the next start of the daemon and not, half finished, at the next restart of a process; None
    where it could not be read. why: what led to safe mode. named: whether each line of the log
    names the computer. ends: the word to end follows at once, so that it loads only what switches
    off. said: marks of what the last one said, which was not up: the same is not said again.
    supervised: a person is asked before the first write of each kind.
    """

    lab: Path
    text: str | None
    mode: Mode = Mode.TUNE
    why: str = ""
    beat: float = 0.5
    named: bool = False
    ends: bool = False
    said: tuple[str, ...] = ()
    supervised: bool = False

    def line(self) -> bytes:
        """Return the order as it is sent."""
        return line({**asdict(self), "lab": str(self.lab)})

    @classmethod
    def read(cls, text: bytes) -> Order:
        """Return the order of a line."""
        fields = json.loads(text)
        told = {"lab": Path(fields["lab"]), "mode": Mode(fields["mode"])}
        return cls(**{**fields, **told, "said": tuple(fields.get("said", ()))})


KEPT_READY = "--kept-ready"
"""What a process gets instead of a lab.toml that is to wait until one is needed."""

AT_ONCE = "--at-once"
"""And what it gets that is to load no more than what switches off, and before others."""

READY = b"ready?\n"
GO = b"go\n"
STOP = b"stop"
"""And in how many s the process shall be gone, of itself."""

SPARED = 0.5
"""s by which it is told less than it gets: it leaves in order, and is not killed while it does."""


def stop(patience: float) -> bytes:
    """Return the word to end for one that is killed after so many s."""
    return STOP + b" %.2f\n" % (patience - SPARED)


def seconds_of(word: bytes) -> float:
    """Return in how many s a process shall be gone that is told to end so."""
    return float(word.removeprefix(STOP))


def line(message: dict[str, Any]) -> bytes:
    """Return a message as it is sent."""
    return json.dumps(message, allow_nan=False).encode() + b"\n"
