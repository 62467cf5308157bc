"""What the ledger proves, without asking the daemon: unsafe outputs, writes to the wrong box.

A span of time in which an output puts out a level outside its limits is unsafe; see `replay`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, starmap
from operator import itemgetter
from typing import Any

from kammerton_sim.evidence.replay import PLAYED, SWEPT, Key, Limits, Replay, is_meant, is_number
from kammerton_sim.evidence.units import UNITS

Changes = Iterable[Mapping[str, Any]]

_NOT_WRITTEN = frozenset({"identity", "fault", "connection", "refused", "power cycle"})


class AuditError(ValueError):
    """A question that has no answer: everything wrong with it."""


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
    replay = Replay(limits, start, began)
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
    return [name for name in limits if not any(is_meant(key, name) for key in settings)]


def limited(changes: Changes, limits: Limits, start: Mapping[Key, Any]) -> list[str]:
    """Return the outputs, "awg1.3", of which a setting was held against limits; sorted."""
    keys = {key for key in _settings(changes, start) if any(is_meant(key, n) for n in limits)}
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
    ends = {(box, output) for box, output, what in keys if what in SWEPT}
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
    found = {name: _by_unit(key[2] for key in levels if is_meant(key, name)) for name in patterns}
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
    return [(box, output, what) for box, output in channels for what in PLAYED] + currents


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
