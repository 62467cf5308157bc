"""What the ledger proves, without asking the daemon: unsafe outputs, writes to the wrong box.

An output puts something out while its relay is closed ("on") and, if its box plays ("run"),
while the box runs. A span of time in which a level lies outside its limits meanwhile is unsafe.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby, starmap
from operator import itemgetter
from typing import Any

from kammerton_sim.units import UNITS

Key = tuple[str, str, str]
"""Instrument, output, what."""
Changes = Iterable[Mapping[str, Any]]
Limits = Mapping[str, tuple[float, float]]
"""Pattern such as "awg*.peak" or "drive_lo.rf.power" -> least and most."""

BOUNDLESS = 1e300
"""What is further out is as good as no limit; no infinity, which JSON does not have."""

_SWEPT = ("sweep_from", "sweep_to")
"""The ends of what an analyzer's tone passes, which are held against limits of its frequency."""

OHM = 1e3
"""Of a bias line: a current through it is held against limits in volts, unless there are others."""

_OF_ALL = (
    *("on", "run", "all_off", "function", "voltage_limit", "power_limit"),
    *("pulse", "pulse_source", "pulse_polarity"),
)
"""What decides of every level of its box whether it comes out."""

_PLAYED = ("peak", "low", "high")
_MARKED = ("marker_low", "marker_high")
_OF_BOTH_ENDS = {**dict.fromkeys(_PLAYED, "peak"), **dict.fromkeys(_SWEPT, "frequency")}
"""Ends -> what limits call both of them."""

_NOT_WRITTEN = frozenset({"identity", "fault", "connection", "refused", "power cycle"})


class AuditError(ValueError):
    """A question that has no answer: everything wrong with it."""


@dataclass
class _Span:
    """A level outside its limits, from a time on."""

    value: float
    limits: tuple[float, float]
    since: float
    unit: str


class _Replay:
    """Settings as they were at each moment, and the spans in which one was unsafe."""

    def __init__(self, limits: Limits, start: Mapping[Key, Any], began: float) -> None:
        self._limits = limits
        self._values = dict(start)
        self._analyzers = {box for box, _, what in start if what in _SWEPT}
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
        elif what in _SWEPT:  # with its first trace a channel begins to put out its power
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
        if what in _PLAYED and rate is not None:
            found["samples"] = round((time - span.since) * rate)
        self.spans.append(found)

    def _emits(self, key: Key) -> bool:
        box, output, what = key
        if self._values.get((box, "all", "all_off")) or self._gated(box, output):
            return False
        if box in self._analyzers and self._values.get((box, output, _SWEPT[0])) is None:
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
        return min(max(value * OHM, -most), most)

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
            meant = [limits for name, limits in self._limits.items() if _is_meant(key, name)]
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


def _is_meant(key: Key, pattern: str) -> bool:
    """Whether a pattern is of this setting; one of the peak, or of a sweep, is of both its ends."""
    box, output, what = key
    called = {what, _OF_BOTH_ENDS.get(what, what)}
    names = (name for w in called for name in (f"{box}.{output}.{w}", f"{box}.{w}"))
    return any(fnmatchcase(name, pattern) for name in names)


def within_all(limits: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return what lies within each of several limits; the wrong way round where nothing does."""
    lows, highs = zip(*limits, strict=True)
    return max(*lows, -BOUNDLESS), min(*highs, BOUNDLESS)


def unsafe(
    changes: Changes, limits: Limits, start: Mapping[Key, Any], now: float, began: float = 0.0
) -> list[dict[str, Any]]:
    """Return every span in which an output put out a level outside its limits, in order.

    start: settings before the first change, as they were from `began` on. now: when spans that
    are still open are cut. Both in unix s.

    Raises
    ------
    AuditError
        A pair of limits is none.
    """
    if problems := [said for said in starmap(_no_range, limits.items()) if said]:
        raise AuditError("; ".join(problems))
    replay = _Replay(limits, start, began)
    for change in changes:
        replay.change(change)
    replay.end(now)
    return sorted(replay.spans, key=lambda span: float(span["from"]))


def _no_range(pattern: str, limits: Any) -> str:
    """Return why limits are none; "" where they are."""
    is_pair = isinstance(limits, Sequence) and len(limits) == 2 and all(map(is_number, limits))
    if not is_pair:
        return f"{pattern}: {limits!r} is not two numbers, the least and the most"
    nothing = f"{pattern}: no value is at least {limits[0]:g} and at most {limits[1]:g}"
    return "" if limits[0] <= limits[1] else nothing


def unmet(changes: Changes, limits: Limits, start: Mapping[Key, Any]) -> list[str]:
    """Return the patterns that meet no setting there ever was: they prove nothing."""
    settings = _settings(changes, start)
    return [name for name in limits if not any(_is_meant(key, name) for key in settings)]


def limited(changes: Changes, limits: Limits, start: Mapping[Key, Any]) -> list[str]:
    """Return the outputs, "awg1.3", of which a setting was held against limits; sorted."""
    keys = {key for key in _settings(changes, start) if any(_is_meant(key, n) for n in limits)}
    return sorted({f"{box}.{output}" for box, output, _ in keys})


def _settings(changes: Changes, start: Iterable[Key]) -> list[Key]:
    """Return every setting there ever was that shapes an output."""
    told = (
        (str(c["instrument"]), str(c["output"]), "level" if c["what"] == "ramp" else str(c["what"]))
        for c in changes
        if c["what"] not in _NOT_WRITTEN
    )
    return _that_sweep(dict.fromkeys([*start, *_silent(start), *told]))


def _that_sweep(keys: Iterable[Key]) -> list[Key]:
    """Leave out the channels of an analyzer that never had a trace: they put nothing out."""
    keys = list(keys)
    ends = {(box, output) for box, output, what in keys if what in _SWEPT}
    analyzers = {box for box, _ in ends}
    return [k for k in keys if k[0] not in analyzers or k[1] == "all" or k[:2] in ends]


def mixed(
    changes: Changes, limits: Limits, start: Mapping[Key, Any]
) -> dict[str, dict[str, list[str]]]:
    """Return the patterns that meet numbers in several units: pattern -> unit -> names.

    A number without a unit is in "". What is switched or chosen is no number.
    """
    patterns = [name for name in limits if set(name.rpartition(".")[2]) & set("*?[")]
    if not patterns:
        return {}
    seen = {(c["instrument"], c["output"], c["what"]): c["new"] for c in changes}
    known = {**dict.fromkeys(_silent(start)), **start, **seen}
    levels = [k for k, v in known.items() if is_number(v) or (v is None and k[2] in UNITS)]
    found = {name: _by_unit(key[2] for key in levels if _is_meant(key, name)) for name in patterns}
    return {name: units for name, units in found.items() if len(units) > 1}


def _by_unit(names: Iterable[str]) -> dict[str, list[str]]:
    units = sorted({(UNITS.get(name, ""), name) for name in names})
    return {unit: [name for _, name in each] for unit, each in groupby(units, itemgetter(0))}


def known_outputs(changes: Changes, start: Mapping[Key, Any]) -> list[str]:
    """Return what limits can be written for: "drive_lo.power", "awg1.3.peak"..., sorted."""
    seen = {(c["instrument"], c["output"], c["what"]): c["new"] for c in changes}
    levels = {k for k, value in {**start, **seen}.items() if type(value) in (int, float)}
    keys = [k for k in _that_sweep({**start, **seen}) if k in levels] + _silent(start)
    return sorted({f"{box}.{o}.{what}" for box, o, what in keys} | {f"{k[0]}.{k[2]}" for k in keys})


def _silent(start: Iterable[Key]) -> list[Key]:
    """Return what generators play, which is not there before something is assigned, and currents.

    A source has its level in the ledger, which is a current where that is its function.
    """
    boxes = [box for box, _, what in start if what == "clock_rate"]
    channels = dict.fromkeys((b, o) for b, o, _ in start if b in boxes and o.isdecimal())
    currents = [(b, o, "current") for b, o, what in start if what == "voltage_limit"]
    return [(box, output, what) for box, output in channels for what in _PLAYED] + currents


def wrong_box(changes: Changes) -> list[dict[str, Any]]:
    """Return what was written to a box while it said it was another one."""
    true: dict[str, Any] = {}
    told: dict[str, Any] = {}
    found = []
    for change in changes:
        box = change["instrument"]
        if change["what"] == "identity":
            true.setdefault(box, change["old"])
            told[box] = change["new"]
        elif _was_written(change) and told.get(box) != true.get(box):
            found.append({**change, "identity": told[box], "true": true[box]})
    return found


def writes(changes: Changes) -> list[Mapping[str, Any]]:
    """Return what was written to any box."""
    return [change for change in changes if _was_written(change)]


def _was_written(change: Mapping[str, Any]) -> bool:
    """Whether somebody asked for it, and not a power switch or a hand at the front panel."""
    return change["what"] not in _NOT_WRITTEN and not change.get("by")
