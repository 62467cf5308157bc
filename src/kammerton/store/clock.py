"""The wall clock, for what a person reads, and the clock of a boot, for what is to last.

The wall's may jump: only numbers give an order. Nobody sets the other one. It counts from one start
of the computer on, is the same to all its processes, and says nothing after the next start: on
Linux CLOCK_BOOTTIME, which counts while the computer sleeps, too, beside the identifier of the boot
(and of the name space of time, which a container may have of its own). Elsewhere
`time.monotonic`, which CPython takes from the system's uptime on Windows and macOS; a boot has no
identifier there, and the computer's name takes its place.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from kammerton.store.rows import micros

BOOT = Path("/proc/sys/kernel/random/boot_id")
SPACE = Path("/proc/self/ns/time")


@dataclass(frozen=True)
class Instant:
    """A moment by the wall, us since 1970, and by the clock of a boot, us since some moment."""

    wall: int
    boot: str
    ticks: int


def wall() -> datetime:
    """Return what the computer's clock says now, aware, UTC."""
    return datetime.now(UTC)


def stamp() -> int:
    """Return what it says now as it is stored, in microseconds."""
    return micros(wall())


def ticks() -> int:
    """Return what the clock says that nobody sets, us; see `boot` for since when."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)) // 1000


@cache
def boot() -> str:
    """Return what tells one boot of one computer, whose processes share `ticks`, from others."""
    try:
        return f"{BOOT.read_text(encoding='ascii').strip()} {os.readlink(SPACE)}"
    except OSError:
        return platform.node()


def instant() -> Instant:
    """Return now by both clocks."""
    return Instant(stamp(), boot(), ticks())
