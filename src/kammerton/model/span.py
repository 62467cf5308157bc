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


def ago(age: timedelta) -> str:
    """Return when something was; by a clock that was ahead it may be yet to come.

    >>> ago(timedelta(hours=2)), ago(timedelta(hours=-2))
    ('2 h ago', '2 h later than now')
    """
    return f"{duration(-age)} later than now" if _to_come(age) else f"{duration(age)} ago"


def aged(age: timedelta) -> str:
    """Return how old something is, or by how much its time is yet to come.

    >>> aged(timedelta(hours=2)), aged(timedelta(hours=-2))
    ('2 h', 'none: 2 h later than now')
    """
    return f"none: {ago(age)}" if _to_come(age) else duration(age)


def _to_come(age: timedelta) -> bool:
    return int(age.total_seconds()) < 0
