"""Published values as they come over MQTT or from `kammerton status --json`, for the comparison.

Taken are a document with {"parameters": {"q0.f01": {...}}}, or a list of {"name", "value",
"stderr", "unit"?, "time"}, SI. An entry with an age instead of a time is as old at the time of
its document. Settings, of quality "setting" or without a standard error and a truth, claim nothing
and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from kammerton_sim.ctl.words import unit_of

_TIMELESS = (
    "no time, so that the truth of another time would be told at each asking: give each value its"
    ' "time", or one beside "parameters" that "age_seconds" counts back from, as'
    " `kammerton status --json` does"
)
_TIMES = "unix seconds, or ISO 8601 with its zone (2026-01-31T12:00:00Z)"


class Published(NamedTuple):
    """What a file holds: values to be judged, names of settings, and of which computer it says."""

    values: list[dict[str, Any]]
    settings: list[str]
    computer: str | None
    """Empty where a snapshot does not say it; None of a list."""


def published(path: Path) -> Published:
    """Return what a file holds; its settings claim nothing.

    ValueError when the file holds nothing of the kind, or a value of which nobody knows the time.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from None
    told = content.get("computer") if isinstance(content, dict) else None
    computer = (told if isinstance(told, str) else "") if isinstance(content, dict) else None
    told_at = _told_at(content)
    if isinstance(content, dict) and isinstance(content.get("parameters"), dict):
        content = [_named(name, entry) for name, entry in content["parameters"].items()]
    listed = isinstance(content, list)
    if not listed:
        raise ValueError(f"{path}: neither a snapshot nor a list of values")
    if not content:
        raise ValueError(f"{path}: there is no value in it, so that nothing is proved")
    numbered = enumerate(content, start=1)
    if strange := [said for number, each in numbered for said in _strange(number, each)]:
        raise ValueError("\n".join(f"{path}: {said}" for said in strange))
    settings = [each["name"] for each in content if _is_setting(each)]
    values = [_entry(each, told_at) for each in content if not _is_setting(each)]
    if timeless := [each["name"] for each in values if "time" not in each]:
        raise ValueError(f"{path}: {', '.join(timeless)}: {_TIMELESS}")
    return Published(values, settings, computer)


def _told_at(content: Any) -> float | None:
    """Return when a document was written, in unix seconds, if it tells that."""
    time = content.get("time") if isinstance(content, dict) else None
    return _seconds(time) if time is not None and _is_time(time) else None


def _named(name: str, entry: Any) -> dict[str, Any]:
    return {"name": name, **(entry if isinstance(entry, dict) else {"value": entry})}


def _strange(number: int, each: Any) -> Iterator[str]:
    """Say what of an entry is not of its kind; entries count from 1."""
    if not isinstance(each, dict):
        yield f"entry {number} must be a table with name, value and stderr, not {json.dumps(each)}"
        return
    name = each.get("name")
    if not isinstance(name, str):
        yield f"entry {number}: name must be that of a parameter, such as q0.f01"
        name = f"entry {number}"
    yield from (f"{name}: {said}" for said in _strange_numbers(each))
    if (unit := each.get("unit")) is not None and unit_of(name) not in ("", unit):
        yield f"{name}: unit must be {unit_of(name)}, not {json.dumps(unit)}"
    time = each.get("time")
    if time is not None and not _is_time(time):
        yield f"{name}: time must be {_TIMES}, not {json.dumps(time)}"
    if not isinstance(each.get("extra", {}), dict | None):
        yield f"{name}: extra must be a table, not {json.dumps(each['extra'])}"


def _strange_numbers(each: Mapping[str, Any]) -> Iterator[str]:
    value, stderr, age = (each.get(key) for key in ("value", "stderr", "age_seconds"))
    if not _is_number(value) and not _is_setting(each):
        yield f"value must be a number, not {json.dumps(value)}"
    if not _is_setting(each) and not (_is_number(stderr) and each["stderr"] > 0):
        yield (
            f"stderr must be a number above 0, not {json.dumps(stderr)} "
            '(of a setting, "quality" must be "setting")'
        )
    if age is not None and not _is_number(age):
        yield f"age_seconds must be a number, not {json.dumps(age)}"


def _is_time(time: Any) -> bool:
    if not isinstance(time, str):
        return _is_number(time)
    try:
        return datetime.fromisoformat(time).tzinfo is not None
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    """Whether it is a number; true is 1 for Python alone."""
    return type(value) in (int, float) and isfinite(value)


def _is_setting(each: Mapping[str, Any]) -> bool:
    """Whether it claims nothing: it says so, or has no error bar and is none that has a truth."""
    unsure = each.get("stderr") is None or each["stderr"] == 0
    return each.get("quality") == "setting" or (unsure and not unit_of(str(each.get("name"))))


def _entry(each: Mapping[str, Any], told_at: float | None) -> dict[str, Any]:
    """Keep what the comparison needs; times become unix seconds, and so does an age then."""
    entry = {key: each[key] for key in ("name", "value", "stderr", "extra") if key in each}
    time, age = each.get("time"), each.get("age_seconds")
    if time is not None:
        entry["time"] = _seconds(time)
    elif age is not None and told_at is not None:
        entry["time"] = told_at - age
    return entry


def _seconds(time: str | float) -> float:
    return datetime.fromisoformat(time).timestamp() if isinstance(time, str) else time
