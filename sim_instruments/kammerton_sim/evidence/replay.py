"""What outputs put out, change by change, held against limits.

An output puts something out while its relay is closed ("on") and, if its box plays ("run"),
while the box runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kammerton_sim.evidence.units import UNITS

Key = tuple[str, str, str]
"""Instrument, output, what."""
Limits = Mapping[str, tuple[float, float]]
"""Pattern such as "awg*.peak" or "drive_lo.rf.power" -> least and most."""

BOUNDLESS = 1e300
"""What is further out is as good as no limit; no infinity, which JSON does not have."""

SWEPT = ("sweep_from", "sweep_to")
"""The ends of what an analyzer's tone passes, which are held against limits of its frequency."""

_OHM = 1e3
"""Of a bias line: a current through it is held against limits in volts, unless there are others."""

_OF_ALL = (
    *("on", "run", "all_off", "function", "voltage_limit", "power_limit"),
    *("pulse", "pulse_source", "pulse_polarity"),
)
"""What decides of every level of its box whether it comes out."""

PLAYED = ("peak", "low", "high")
_MARKED = ("marker_low", "marker_high")
_OF_BOTH_ENDS = {**dict.fromkeys(PLAYED, "peak"), **dict.fromkeys(SWEPT, "frequency")}
"""Ends -> what limits call both of them."""


@dataclass
class _Span:
    """A level outside its limits, from a time on."""

    value: float
    limits: tuple[float, float]
    since: float
    unit: str


class Replay:
    """Settings as they were at each moment, and the spans in which one was unsafe."""

    def __init__(self, limits: Limits, start: Mapping[Key, Any], began: float) -> None:
        self._limits = limits
        self._values = dict(start)
        self._analyzers = {box for box, _, what in start if what in SWEPT}
        self._begun: dict[Key, Any] = {}
        self._open: dict[Key, _Span] = {}
        self._known: dict[Key, tuple[float, float] | None] = {}  # a month has few names
        self.spans: list[dict[str, Any]] = []
        for key in list(self._values):
            self._judge(key, began)

    def change(self, change: Mapping[str, Any]) -> None:
        """Take one entry of the ledger into account."""
        box, output, what = change["instrument"], change["output"], change["what"]
        if what in ("ramp", "level"):  # which is at both its ends until there is a level again
            self._begun[box, output, "level"] = change["old"] if what == "ramp" else None
            what = "level"
        self._values[box, output, what] = change["new"]
        if what in _OF_ALL:
            touched = [key for key in self._values if key[0] == box]
        elif what in SWEPT:  # with its first trace a channel begins to put out its power
            touched = [key for key in self._values if key[:2] == (box, output)]
        else:
            touched = [(box, output, what)]
        for key in touched:
            self._judge(key, change["time"])

    def end(self, now: float) -> None:
        """Close every span that is still open."""
        for key in list(self._open):
            self._close(key, now)

    def _judge(self, key: Key, time: float) -> None:
        limits, value = self._limit_of(key), self._level(key, self._values[key])
        begun = self._level(key, self._begun.get(key))
        if limits is not None and _is_out(begun, limits) and not _is_out(value, limits):
            value = begun
        unsafe = limits is not None and _is_out(value, limits) and self._emits(key)
        unsafe = unsafe and not self._told_elsewhere(key, value, limits)
        known = self._open.get(key)
        if known is not None and (not unsafe or known.value != value):
            self._close(key, time)
            known = None
        if unsafe and known is None and limits is not None:
            self._open[key] = _Span(value, limits, time, self._unit(key))

    def _close(self, key: Key, time: float) -> None:
        span, (box, output, what) = self._open.pop(key), key
        rate = self._values.get((box, "all", "clock_rate"))
        found = {
            "output": f"{box}.{output}",
            "what": what,
            "value": span.value,
            "limits": list(span.limits),
            "unit": span.unit,
            "from": span.since,
            "to": time,
        }
        if what in PLAYED and rate is not None:
            found["samples"] = round((time - span.since) * rate)
        self.spans.append(found)

    def _emits(self, key: Key) -> bool:
        box, output, what = key
        if self._values.get((box, "all", "all_off")) or self._gated(box, output):
            return False
        if box in self._analyzers and self._values.get((box, output, SWEPT[0])) is None:
            return False  # a channel without a trace
        run = self._values.get((box, "all", "run"), "running")
        running = run == "running" or what == "offset"  # that is there while nothing plays, too
        running = running or (run == "waiting" and what in _MARKED)  # whichever it holds meanwhile
        relays = (output, output.partition(".")[0], "all")
        closed = (self._values[box, r, "on"] for r in relays if (box, r, "on") in self._values)
        return running and bool(next(closed, False))

    def _level(self, key: Key, value: Any) -> Any:
        """Return what is held against the limits: what comes out below the box's own limiter.

        Of amperes the volts, if limits are in volts.
        """
        if key[2] == "power" and is_number(value):
            return min(value, self._values.get((key[0], key[1], "power_limit"), math.inf))
        current = self._current(key)
        if current is None or self._judged_by(current) is not None or not is_number(value):
            return value
        most = self._values.get((key[0], key[1], "voltage_limit"), math.inf)
        return min(max(value * _OHM, -most), most)

    def _gated(self, box: str, output: str) -> bool:
        """Whether nothing comes out for want of pulses.

        A source's own generator gives them, and an inverted input is open while none come.
        """
        own = self._values.get((box, output, "pulse_source")) == "INT"
        open_ = own or self._values.get((box, output, "pulse_polarity")) == "INV"
        return bool(self._values.get((box, output, "pulse"))) and not open_

    def _current(self, key: Key) -> Key | None:
        """Return what the limits call the current of a source that puts one out."""
        box, output, what = key
        amperes = self._values.get((box, output, "function")) == "CURR"
        return (box, output, "current") if amperes and what in ("level", "low", "high") else None

    def _unit(self, key: Key) -> str:
        current = self._current(key)
        amperes = current is not None and self._judged_by(current) is not None
        return "A" if amperes else UNITS.get(key[2], "")

    def _limit_of(self, key: Key) -> tuple[float, float] | None:
        current = self._current(key)
        limits = None if current is None else self._judged_by(current)
        return self._judged_by(key) if limits is None else limits

    def _judged_by(self, key: Key) -> tuple[float, float] | None:
        if key not in self._known:
            meant = [limits for name, limits in self._limits.items() if is_meant(key, name)]
            self._known[key] = within_all(meant) if meant else None
        return self._known[key]

    def _told_elsewhere(self, key: Key, value: float, limits: tuple[float, float] | None) -> bool:
        """Whether this would be found twice.

        A peak has no sign: its low and its high are judged. And a low above all that is allowed
        is found as the high of the same output, if that has the same limits; so the other way.
        """
        box, output, what = key
        if what == "peak":
            return (box, output, "low") in self._values
        if limits is None or what != ("low" if value > limits[1] else "high"):
            return False
        other = "high" if what == "low" else "low"
        return self._limit_of((box, output, other)) == limits


def is_number(value: Any) -> bool:
    """Whether it is a number; true and false are numbers for Python alone."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_out(value: Any, limits: tuple[float, float]) -> bool:
    return is_number(value) and not limits[0] <= value <= limits[1]


def is_meant(key: Key, pattern: str) -> bool:
    """Whether a pattern is of this setting; one of the peak, or of a sweep, is of both its ends."""
    box, output, what = key
    called = {what, _OF_BOTH_ENDS.get(what, what)}
    names = (name for w in called for name in (f"{box}.{output}.{w}", f"{box}.{w}"))
    return any(fnmatchcase(name, pattern) for name in names)


def within_all(limits: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return what lies within each of several limits; the wrong way round where nothing does."""
    lows, highs = zip(*limits, strict=True)
    return max(*lows, -BOUNDLESS), min(*highs, BOUNDLESS)
