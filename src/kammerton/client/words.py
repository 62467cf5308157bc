"""Numbers and times as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from kammerton.lab.nearest import nearest
from kammerton.model import Estimate
from kammerton.model.quantity import show

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def duration(time: timedelta) -> str:
    """Return a time in at most two units.

    >>> duration(timedelta(seconds=7503))
    '2 h 5 min'
    """
    left = int(time.total_seconds())
    if left < 0:
        return f"-{duration(-time)}"
    parts: list[str] = []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def validity(until: datetime | None, now: datetime) -> str:
    """Return how long a value still serves, or since when it does not."""
    if until is None:
        return "no forecast"
    if until < now:
        return f"expired {duration(now - until)} ago"
    return f"for {duration(until - now)}"


def table(parameters: Mapping[str, Estimate], now: datetime) -> str:
    """Return parameters as aligned text: name, value, age, validity, run."""
    rows = [("parameter", "value", "age", "valid", "run")]
    rows += [
        (
            name,
            show(each.value, each.unit, each.stderr),
            duration(now - each.time),
            validity(each.valid_until, now),
            each.run,
        )
        for name, each in parameters.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def meant(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that names the nearest known name, or nothing."""
    found = nearest(name, known)
    return f'; did you mean "{found}"?' if found else ""
