"""What the corner of a matrix, and the titles of its columns, say of its axes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.layouts import Axis, measured_in, named_after
from kammerton.estimation.files.titles import Heading, heading
from kammerton.estimation.files.units import is_unit, si
from kammerton.model import TraceError

_VALUE = re.compile(
    r"(?:(?P<name>[^=]*[^=\s])\s*=\s*)?(?P<value>[-+]?[\d.,]+(?:[eE][-+]?\d+)?)"
    r"\s*(?P<unit>[^\s\d.,=].*)?"
)
"""A value of the axis of the columns, perhaps with its name and unit: bias=-0.6 V."""

_APART = re.compile(r"\\|/(?![^\[(]*[\])])")
_BRACKETS = ("[]", "()")


def column_value(text: str) -> float | None:
    """Return the value that the title of a column is, None for any other title.

    >>> [column_value(text) for text in ("-0.6", "-0.6 V", "bias=-0.6V", "I", "S21")]
    [-0.6, -0.6, -0.6, None, None]
    """
    value = number(_parts(text)[1])
    return value if value is not None and math.isfinite(value) else None


def axis_of_columns(path: Path, titles: Sequence[str]) -> Heading | None:
    """Return name and unit that all titles of columns say, None where they are bare numbers.

    Raises
    ------
    TraceError
        The titles do not say the same.
    """
    parts = [_parts(title) for title in titles]
    names = dict.fromkeys(name for name, _, _ in parts)
    units = list(dict.fromkeys(unit for _, _, unit in parts))
    if len(names) > 1:
        raise TraceError(f"{path}: the columns of a matrix are one axis, but {_among(names)}")
    if len({si(unit) if unit else None for unit in units}) > 1:
        raise TraceError(
            f"{path}: the columns of a matrix are one axis in one unit, but {_among(units)}"
        )
    name, unit = parts[0][0], units[0]
    if not (name or unit):
        return None
    return Heading(f"{name} [{unit}]" if name and unit else name or unit, name, unit or None)


def _parts(text: str) -> tuple[str, str, str]:
    """Return name, value and unit of the title of a column; a text that has none is the value."""
    match = _VALUE.fullmatch(text.strip())
    if match is None:
        return "", text, ""
    unit = (match["unit"] or "").strip()
    if unit[:1] + unit[-1:] in _BRACKETS:
        unit = unit[1:-1].strip()
    if unit and not is_unit(unit):
        return "", text, ""
    return match["name"] or "", match["value"], unit


def _among(said: Iterable[str]) -> str:
    words = [repr(text) if text else "nothing" for text in said]
    return f"the titles say {', '.join(words[:-1])} and {words[-1]}"


def corner_titles(corner: str) -> list[Heading]:
    r"""Return the title of the rows and, where the corner names it, that of the columns.

    What stands behind a slash and is a unit is that of the name before it.

    >>> [[t.text for t in corner_titles(c)] for c in ("f / GHz", "bias/V \\ f/GHz", "f/bias")]
    [['f / GHz'], ['bias/V', 'f/GHz'], ['f', 'bias']]
    """
    titles: list[str] = []
    begins = 0
    for mark in [*_APART.finditer(corner), None]:
        part = corner[begins : mark.start() if mark else len(corner)]
        if begins and corner[begins - 1] == "/" and _unit_of(titles[-1], part):
            titles[-1] += "/" + part
        else:
            titles.append(part)
        begins = mark.end() if mark else begins
    return [heading(title) for title in titles]


def _unit_of(title: str, part: str) -> bool:
    """Return whether what stands behind a slash is the unit of the title before it."""
    unit = part.strip()
    return bool(unit) and is_unit(unit) and not is_unit(title) and heading(title).unit is None


def side_of(title: Heading, axes: Sequence[Axis]) -> int | None:
    """Return which axis a title is of: by its name, by its unit, or as no other can have that."""
    for n, axis in enumerate(axes):
        if named_after(title, axis) or measured_in(title, axis):
            return n
    if title.unit is None or not is_unit(title.unit):
        return None
    free = [n for n, axis in enumerate(axes) if axis.unit is None]
    return free[0] if len(free) == 1 and not title.name else None
