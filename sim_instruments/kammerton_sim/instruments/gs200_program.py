"""The programs of a Yokogawa GS200: levels, each reached along a slope and held for an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kammerton_sim.wire.errors import ScpiError

_TICK = 0.1  # s: the clock of the programs
_MOST_STEPS = 10_000
_MOST_FILES = 100


@dataclass
class Program:
    """Levels in V or A. Times in s: of a step (`interval`) and of the slope at its beginning."""

    interval: float = 1.0
    slope: float = 0.0
    repeat: bool = False
    editing: bool = False
    _levels: list[float] = field(default_factory=list)
    _files: dict[str, list[float]] = field(default_factory=dict)
    _loaded: str = ""
    _steps: list[float] = field(default_factory=list)
    """What runs: editing and loading meanwhile change the program and not its run."""
    _began: float | None = None
    _paused: float | None = None
    _from: float = 0.0

    @property
    def running(self) -> bool:
        """Whether it was started and not yet stopped."""
        return self._began is not None

    @property
    def count(self) -> int:
        """The number of steps."""
        return len(self._levels)

    def anew(self) -> Program:
        """Return one as it is at power-on, with the files of this one."""
        return Program(_files=self._files)

    def set_repeat(self, repeat: bool) -> None:
        """Set whether it begins again at its end."""
        self.repeat = repeat

    def set_interval(self, seconds: float) -> None:
        """Set the length of a step, 0.1 to 3600 s."""
        self.interval = _ticks(seconds, _TICK)

    def set_slope(self, seconds: float) -> None:
        """Set the length of the slope, 0 to 3600 s."""
        self.slope = _ticks(seconds, 0.0)

    def edit(self) -> None:
        """Begin a new program; levels that are set now are its steps."""
        self.editing, self._levels = True, []

    def add(self, level: float) -> bool:
        """Append a step; False when no program is being edited."""
        if self.editing:
            if len(self._levels) >= _MOST_STEPS:
                raise ScpiError(-223, f"{_MOST_STEPS} steps are the most")
            self._levels.append(level)
        return self.editing

    def finish(self) -> None:
        """End the editing."""
        self.editing = False

    def run(self, now: float, start: float, taken: Callable[[float], float]) -> list[float]:
        """Start at unix time `now` from the level `start`; returns the steps.

        taken(level): what becomes of a level that is written.
        """
        if self.editing or not self._levels:
            raise ScpiError(-221, "there is no program to run")
        self._began, self._paused, self._from = now, None, start
        self._steps = [taken(level) for level in self._levels]
        return self._steps

    def pause(self, now: float) -> None:
        """Stay at the level that has been reached, until `resume`."""
        if self._began is not None and self._paused is None:
            self._paused = now

    def resume(self, now: float) -> None:
        """Go on after a pause."""
        if self._began is not None and self._paused is not None:
            self._began, self._paused = self._began + now - self._paused, None

    def hold(self, now: float) -> None:
        """Pause, or go on after a pause."""
        (self.pause if self._paused is None else self.resume)(now)

    @property
    def loaded(self) -> str:
        """The name of the file that was loaded last."""
        return self._loaded

    def save(self, name: str) -> None:
        """Keep the steps under a name."""
        if len(self._files) >= _MOST_FILES:
            raise ScpiError(-223, "the memory is full")
        self._files[name] = list(self._levels)

    def load(self, name: str) -> None:
        """Take the steps that were kept under a name."""
        if name not in self._files:
            raise ScpiError(-256, name[:40])
        self._loaded, self._levels = name, list(self._files[name])

    def stop(self) -> None:
        """Stop; the level is whatever the caller keeps."""
        self._began = self._paused = None

    def ended(self, now: float) -> bool:
        """Whether every step has had its interval."""
        began = now if self._began is None else self._began
        until = now if self._paused is None else self._paused
        return not self.repeat and until - began >= self.interval * len(self._steps)

    def level(self, now: float) -> float | None:
        """Return the level at unix time `now`; None when nothing runs."""
        if self._began is None:
            return None
        until = now if self._paused is None else self._paused
        step, within = divmod(max(0.0, until - self._began), self.interval)
        number = int(step)
        if not self.repeat and number >= len(self._steps):
            return self._steps[-1]
        target = self._steps[number % len(self._steps)]
        before = self._steps[(number - 1) % len(self._steps)] if number else self._from
        done = min(1.0, within / self.slope) if self.slope else 1.0
        return before + (target - before) * done


def _ticks(seconds: float, least: float) -> float:
    if not least <= seconds <= 3600:
        raise ScpiError(-222, f"{seconds:g} s is not in {least:g} to 3600 s")
    return round(seconds / _TICK) * _TICK
