"""Published values as they come over MQTT or from `kammerton status --json`, for the comparison.

Taken are a document with {"parameters": {"q0.f01": {...}}}, or a list of {"name", "value",
"stderr", "time"?}. An entry with an age instead of a time is as old now. Settings, whose standard
error is 0, claim nothing and are left out by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
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
        content = [{"name": name, **entry} for name, entry in content["parameters"].items()]
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise ValueError(f"{path}: neither a snapshot nor a list of values")
    settings = [str(each.get("name")) for each in content if _is_setting(each)]
    return [_entry(each, now) for each in content if not _is_setting(each)], settings


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
    elif "age_seconds" in each:
        entry["time"] = now - each["age_seconds"]
    return entry
