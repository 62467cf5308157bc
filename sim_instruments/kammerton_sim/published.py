"""Published values as they come over MQTT, to be compared with the truth.

Taken are a snapshot or delta payload ({"parameters": {"q0.f01": {...}}}), or a list of
{"name", "value", "stderr", "time"?}. Settings (stderr 0 by choice) claim nothing and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def published(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a file; ValueError when it holds nothing of the kind."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict) and isinstance(content.get("parameters"), dict):
        content = [{"name": name, **entry} for name, entry in content["parameters"].items()]
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise ValueError(f"{path}: neither a snapshot nor a list of values")
    return [_entry(each) for each in content if each.get("quality") != "setting"]


def _entry(each: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the comparison needs; times become unix seconds."""
    entry = {key: each[key] for key in ("name", "value", "stderr", "extra") if key in each}
    time = each.get("time")
    if isinstance(time, str):
        entry["time"] = datetime.fromisoformat(time).timestamp()
    elif time is not None:
        entry["time"] = time
    return entry
