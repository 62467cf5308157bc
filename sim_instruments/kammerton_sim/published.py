"""Published values as they come over MQTT or from `kammerton status --json`, for the comparison.

Taken are a document with {"parameters": {"q0.f01": {...}}}, or a list of {"name", "value",
"stderr", "time"?}. An entry with an age instead of a time is as old now. Settings, whose standard
error is 0, claim nothing and are left out by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any


def published(path: Path, now: float) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the entries of a file, and the names of those that claim nothing.

    now: unix s of the laboratory. ValueError when the file holds nothing of the kind.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("parameters"), dict):
        content = [_named(name, entry) for name, entry in content["parameters"].items()]
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise ValueError(f"{path}: neither a snapshot nor a list of values")
    if strange := [name for each in content for name in _strange(each)]:
        raise ValueError("\n".join(f"{path}: {said}" for said in strange))
    settings = [str(each.get("name")) for each in content if _is_setting(each)]
    return [_entry(each, now) for each in content if not _is_setting(each)], settings


def _named(name: str, entry: Any) -> Any:
    return {"name": name, **entry} if isinstance(entry, dict) else entry


def _strange(each: Mapping[str, Any]) -> Iterator[str]:
    """Say what of an entry is not of its kind."""
    name = each.get("name")
    for key in ("value", "stderr", "age_seconds"):
        if not _is_number_or_none(each.get(key)):
            yield f"{name}: {key} is no number: {each[key]!r}"
    time = each.get("time")
    if isinstance(time, str):
        try:
            zone = datetime.fromisoformat(time).tzinfo
        except ValueError:
            yield f"{name}: time is none: {time!r}"
        else:
            if zone is None:
                yield f"{name}: time has no zone, such as Z for UTC: {time!r}"
    elif not _is_number_or_none(time):
        yield f"{name}: time is none: {time!r}"
    if not isinstance(each.get("extra", {}), dict | None):
        yield f"{name}: extra is no table: {each['extra']!r}"


def _is_number_or_none(value: Any) -> bool:
    """Whether it is none, or a number that is one; true is 1 for Python alone."""
    if value is None:
        return True
    return type(value) in (int, float) and isfinite(value)


def _is_setting(each: Mapping[str, Any]) -> bool:
    return each.get("quality") == "setting" or each.get("stderr", 1) in (0, None)


def _entry(each: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Keep what the comparison needs; times become unix seconds."""
    entry = {key: each[key] for key in ("name", "value", "stderr", "extra") if key in each}
    time = each.get("time")
    if isinstance(time, str):
        entry["time"] = datetime.fromisoformat(time).timestamp()
    elif time is not None:
        entry["time"] = time
    elif each.get("age_seconds") is not None:
        entry["time"] = now - each["age_seconds"]
    return entry
