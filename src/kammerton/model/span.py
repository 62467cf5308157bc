"""Times as a person says them."""

from __future__ import annotations

from datetime import timedelta

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
