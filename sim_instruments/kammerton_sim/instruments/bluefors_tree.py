"""The value tree of Bluefors Control Software: nodes, samples, and what a request selects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAXIMUM_AGE = 5000  # ms
_VALID = ("SYNCHRONIZED", "CHANGED", "INDEPENDENT", "QUEUED")

Nodes = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Sample:
    """A value as text, the unix s at which it came, and a status code."""

    value: str
    time: float
    status: str

    @property
    def valid(self) -> bool:
        """Whether its status says that the value counts."""
        return self.status in _VALID

    def shown(self, now: float) -> dict[str, Any]:
        """Return the sample as JSON has it."""
        return {
            "value": self.value,
            "outdated": (now - self.time) * 1e3 > MAXIMUM_AGE,
            "date": int(self.time * 1e3),
            "status": self.status,
            "exception": "" if self.valid else "no reading",
        }


def node(path: str, latest: Sample, valid: Sample | None, now: float) -> dict[str, Any]:
    """Return a measured value of the tree; before its first valid sample it has an empty one."""
    valid = valid or Sample("", 0.0, "INVALID")
    return {
        "name": path,
        "type": "Value.Number.Float",
        "content": {
            "read_only": True,
            "maximum_age": MAXIMUM_AGE,
            "lockable": False,
            "locked": True,
            "owner": path.replace("mapper.bf", "driver.vc", 1),
            "latest_valid_value": valid.shown(now),
            "latest_value": latest.shown(now),
        },
    }


def selected(
    nodes: Nodes, target: str, depth: int, query: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return what a GET of `target` gives; None when there is no such node.

    depth: levels below the target, -1 for all. query: style and fields as they were sent.
    """
    below = {path: n for path, n in nodes.items() if path == target or _inside(path, target)}
    if not below:
        return None
    if depth >= 0:
        level = target.count(".") + depth if target else depth - 1
        below = {path: n for path, n in below.items() if path.count(".") <= level}
    if wanted := [field for field in query.get("fields", "").split(";") if field]:
        below = {path: _fields(n, {*wanted, *_FRAME}) for path, n in below.items()}
    return _tree(below, target) if query.get("style") == "tree" else dict(below)


_FRAME = ("content", "latest_value", "latest_valid_value")


def _inside(path: str, target: str) -> bool:
    return not target or path.startswith(target + ".")


def _fields(value: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    return {
        key: _fields(entry, wanted) if isinstance(entry, dict) else entry
        for key, entry in value.items()
        if key in wanted
    }


def _tree(nodes: Nodes, target: str) -> dict[str, Any]:
    root: dict[str, Any] = {"name": target, "type": "", "children": {}}
    for path, entry in nodes.items():
        place = root
        names = path.removeprefix(target).strip(".").split(".") if path != target else []
        for name in names:
            place = place["children"].setdefault(name, {"name": name, "type": "", "children": {}})
        place.update(entry)
    return root
