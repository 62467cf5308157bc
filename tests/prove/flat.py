"""Whether what a process holds stays flat, and whether that can be told at all."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil

EVERY, FEWEST = 0.5, 10  # s between looks, and how many tell something together
STEEPEST = 1.0  # MB/h that is still called flat
BLOCK = 100  # bytes of a small block of Python on average, where a daemon has 500,000 of them
SETTLES = 0.25  # part of a soak in which caches fill
RESTS = 6  # after it, of which the scatter tells an error
ERRORS = 2.78  # standard errors of their slope within which it lies in 95 % (Student's t of 4)


@dataclass(frozen=True)
class Look:
    """What a process holds: hours since the start, MB, open files by name, threads."""

    hours: float
    megabytes: float
    named: Counter[str] = field(repr=False)
    threads: int
    in_use: float | None = None  # MB that were asked for and not freed, where that can be told
    parts: str = ""  # of them

    @property
    def files(self) -> int:
        return self.named.total()

    def words(self) -> str:
        """Return it in a line."""
        held = f"{self.megabytes:.1f} MB, {self.files} files, {self.threads} threads"
        in_use = "" if self.in_use is None else f", {self.in_use:.2f} MB in use{self.parts}"
        return f"{self.hours * 60:.1f} min: {held}{in_use}"


def look(process: psutil.Process, began: float, in_use: Path | None = None) -> Look:
    """Look at a process, which writes itself into the folder what it has in use."""
    with process.oneshot():
        hours = (time.monotonic() - began) / 3600
        megabytes, threads = process.memory_info().rss / 1e6, process.num_threads()
    in_all, parts = (None, "") if in_use is None else used(in_use, process.pid)
    return Look(hours, megabytes, _open_files(process), threads, in_all, parts)


class Watch:
    """Looks at a process all the time, for what it holds swings within seconds."""

    def __init__(self, process: psutil.Process, in_use: Path) -> None:
        self._process, self._in_use = process, in_use
        self._began, self._looks = time.monotonic(), list[Look]()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch")
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(EVERY):
            try:
                seen = look(self._process, self._began, self._in_use)
            except (psutil.NoSuchProcess, FileNotFoundError):  # who asks for a look sees that
                return
            self._looks.append(seen)

    def look(self) -> Look:
        """Return what all looks since the last question tell together; waits for a few."""
        while len(self._looks) < FEWEST:
            if not self._thread.is_alive():
                raise AssertionError(f"process {self._process.pid} is gone")
            time.sleep(EVERY)
        looks, self._looks = self._looks, []
        return together(looks)

    def close(self) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join()


def together(looks: Sequence[Look]) -> Look:
    """Return the last of a few looks, with the least in use, and what the system usually counts.

    What a measurement needs is in use for seconds; what is kept is so at rest, too. What the
    system counts falls by 20 MB when free memory is given back, and is back after seconds.
    """
    told = [each for each in looks if each.in_use is not None] or looks
    rest = min(told, key=lambda each: each.in_use or 0.0)
    held = float(np.median([each.megabytes for each in looks]))
    return replace(looks[-1], megabytes=held, in_use=rest.in_use, parts=rest.parts)


def used(folder: Path, pid: int) -> tuple[float | None, str]:
    """Return the MB of malloc and of Python's small blocks, each of the size of an average one.

    And how much is whose, in words.
    """
    file = folder / str(pid)
    if not file.exists():
        return None, ""
    of_malloc, blocks, of_sqlite = map(int, file.read_text().split())
    words = f" ({blocks} blocks, SQLite {of_sqlite / 1e6:.3f} MB)"
    return (of_malloc + BLOCK * blocks) / 1e6, words


def _open_files(process: psutil.Process) -> Counter[str]:
    """Return how often each file is open; sockets and pipes are one name each."""
    folder = Path(f"/proc/{process.pid}/fd")
    if not folder.exists():
        return Counter({"file": process.num_fds()})
    found = Counter[str]()
    for entry in folder.iterdir():
        try:
            found[re.sub(r":\[\d+\]$", "", os.readlink(entry))] += 1
        except FileNotFoundError:  # closed meanwhile
            continue
    return found


@dataclass(frozen=True)
class Slope:
    """Of something since it has settled, MB/h; `error`: one standard error, inf: no slope yet."""

    steep: float
    error: float

    @property
    def flat(self) -> bool:
        """Whether it is less than 1 MB/h, even if it is so many errors steeper than it seems."""
        return self.steep + ERRORS * self.error < STEEPEST

    @property
    def grows(self) -> bool:
        """Whether it is more than 1 MB/h, even if it is so many errors less steep than it seems."""
        return self.steep - ERRORS * self.error >= STEEPEST

    def __str__(self) -> str:
        return f"{self.steep:+.1f} ± {self.error:.1f} MB/h"


NO_SLOPE = Slope(0.0, np.inf)


@dataclass(frozen=True)
class Memory:
    """What the system counts for a process, and what that has in use, where it can be told.

    Both must be flat: what grows in use is kept by somebody, and what only the system counts is
    kept by the allocator.
    """

    held: Slope
    in_use: Slope | None = None

    @property
    def flat(self) -> bool:
        """Whether neither grows by 1 MB/h."""
        return all(each.flat for each in self._slopes)

    @property
    def grows(self) -> bool:
        """Whether one of them grows by more than 1 MB/h."""
        return any(each.grows for each in self._slopes)

    @property
    def _slopes(self) -> list[Slope]:
        return [self.held] if self.in_use is None else [self.held, self.in_use]

    def __str__(self) -> str:
        undecided = "" if self.flat or self.grows else ", too short to tell"
        in_use = "" if self.in_use is None else f" (in use {self.in_use})"
        return f"memory {self.held}{in_use}{undecided}"


def verdict(rests: Sequence[Look], *, told: bool) -> Memory:
    """Return the slopes after the first quarter of looks at a process at rest, by their scatter.

    What one that measures holds comes and goes within seconds, and what it needs at once now and
    then takes pages that stay: neither says what it keeps. told: whether a process here can tell
    what it has in use; where it can and did not always, that is no slope, and no pass.
    """
    late = rests[int(SETTLES * len(rests)) :]
    hours = [each.hours for each in late]
    held = slope(hours, [each.megabytes for each in late])
    if not told:
        return Memory(held)
    in_use = [np.inf if each.in_use is None else each.in_use for each in late]
    known = bool(np.isfinite(in_use).all())
    return Memory(held, slope(hours, in_use) if known else NO_SLOPE)


def slope(hours: Sequence[float], megabytes: Sequence[float]) -> Slope:
    """Return the slope with the error that the scatter about it tells."""
    if len(hours) < RESTS:
        return NO_SLOPE
    fit, covariance = np.polyfit(hours, megabytes, 1, cov=True)
    return Slope(float(fit[0]), float(np.sqrt(covariance[0, 0])))


def grown(looks: Sequence[Look], what: str) -> int:
    """Return how many more there usually are in the last quarter than in the second.

    They come and go: of jitter by four the least and the most would hide three that stay.
    """
    settled, last = (_usual([getattr(x, what) for x in part]) for part in _quarters(looks))
    return last - settled


def new_files(looks: Sequence[Look]) -> list[str]:
    """Return which files are usually open in the last quarter more often than in the second."""
    settled, last = _quarters(looks)
    names = {name for each in last for name in each.named}
    before = {name: _usual([x.named[name] for x in settled]) for name in names}
    return sorted(
        f"{Path(name).name} +{more}"
        for name in names
        if (more := _usual([x.named[name] for x in last]) - before[name]) > 0
    )


def _usual(counts: Sequence[int]) -> int:
    return int(np.median(counts))


def _quarters(looks: Sequence[Look]) -> tuple[Sequence[Look], Sequence[Look]]:
    quarter = max(1, len(looks) // 4)
    return looks[quarter : 2 * quarter] or looks[:1], looks[-quarter:]
