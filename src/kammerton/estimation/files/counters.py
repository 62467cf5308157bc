"""Columns that only number what was repeated: seeds, trials, sequences. They hold no signal."""

from __future__ import annotations

import re
from itertools import pairwise

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.layouts import Axis, named_after, named_wholly
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.units import si

_NUMBERS = re.compile(
    r"(n|num|number of|no of)?[ _]*"
    r"(seed|seq|sequence|circuit|instance|sample|trial|draw|rep|repetition|repeat|index|idx|run|"
    r"iteration|iter|round|shot|averages)s?"
    r"[ _]*(index|idx|id|number|num|no|nr|#)?\.?"
    r"|(lfd\.? ?)?(nr|no|num|number|id|#|row|point|pt|punkt|messpunkt|zeile)"
    r"[ _.]*(no|nr|number|index|id|#)?\.?"
)
_CLOCK = re.compile(r"elapsed([ _]time)?|unix[ _]?time|epoch|time ?stamp|wall[ _]?time|zeitstempel")
"""When a point was taken: no axis, beside one."""
TRIALS = ("n", "total", "schüsse", "schuesse", "wiederholungen", "anzahl")
"""Of how many a value is the mean: no signal, beside one."""

LEAST = 4  # rows that are numbered
_SIGNAL_TOO = re.compile(r"samples?|averages")
_AXIS_TOO = re.compile(r"(?<![a-z])(seq|sequence|rep|repetition|repeat|round)s?(?![a-z])")
"""Words for how often a gate was played, or how long a sequence is, too."""


def is_counter(table: Table, column: int) -> bool:
    """Return whether a column numbers something by its name, and holds whole numbers or words.

    What may be a signal by its name (samples) must number it from 0 or 1 without gaps, or be one
    number.
    """
    name = table.headings[column].name.strip().casefold()
    if _CLOCK.fullmatch(name):
        return True
    if not _NUMBERS.fullmatch(name):
        return False
    values = _numbers(table, column)
    if not all(value is None or value.is_integer() for value in values):
        return False
    return not _SIGNAL_TOO.fullmatch(name) or _counted({v for v in values if v is not None})


def _numbers(table: Table, column: int) -> list[float | None]:
    return [number(cell) for cell in table.texts(column)]


def _counted(values: set[float]) -> bool:
    if len(values) < 2:
        return True
    return min(values) in (0, 1) and max(values) - min(values) == len(values) - 1


def numbers_the_rows(table: Table, column: int) -> bool:
    """Return whether a column without a unit holds 0, 1, 2 ... or 1, 2 ..., whatever its name."""
    values = _numbers(table, column)
    first = 0.0 if not values or values[0] == 0 else 1.0
    return (
        not table.headings[column].unit
        and len(values) >= LEAST
        and values == [first + k for k in range(len(values))]
    )


def without_counters(table: Table, columns: list[int]) -> list[int]:
    """Return the columns that number nothing, where there are such; else all of them."""
    signals = [
        column
        for column in columns
        if not (is_counter(table, column) or table.headings[column].name.casefold() in TRIALS)
    ]
    return (
        [column for column in signals if not numbers_the_rows(table, column)] or signals or columns
    )


def may_be_swept(table: Table, column: int) -> bool:
    """Return whether a column is no counter, or one whose name may be that of an axis, too."""
    name = table.headings[column].name.casefold()
    return not is_counter(table, column) or bool(_AXIS_TOO.search(name))


def swept_column(table: Table, axis: Axis) -> int:
    """Return the first column, or where that is a counter the first that is named after x.

    Repetitions and sequences that differ in every row number no repeats: they give way only to
    what is called by the name of x, or holds its values again and again, or unsorted.
    """
    if not is_counter(table, 0):
        return _measured_axis(table, axis) if numbers_the_rows(table, 0) else 0
    first = _numbers(table, 0)
    axis_too = axis.unit == "" and len(set(first)) == len(first) and may_be_swept(table, 0)
    for column, title in enumerate(table.headings):
        if column == 0 or not _stands_for(table, column, axis):
            continue
        if not axis_too or named_after(title, axis):
            return column
        if title.name.casefold() != "n" and not _ascends(_numbers(table, column)):
            return column
    return 0 if axis_too else _measured_axis(table, axis)


def _measured_axis(table: Table, axis: Axis) -> int:
    """Return the first column in the unit of a time or a frequency axis, if one more follows it."""
    if axis.unit not in ("s", "Hz"):
        return 0
    for column, title in enumerate(table.headings[:-1]):
        if column and title.unit and _in_unit(title.unit, axis):
            return column
    return 0


def _stands_for(table: Table, column: int, axis: Axis) -> bool:
    """Return whether a column has name, unit and numbers of an axis."""
    title, values = table.headings[column], _numbers(table, column)
    if is_counter(table, column) or not _in_unit(title.unit, axis):
        return False
    whole = all(value is not None and value.is_integer() for value in values)
    if len(set(values)) < 2 or (axis.unit == "" and not whole):
        return False
    measured = bool(axis.unit) and title.unit is not None
    return named_wholly(title, axis) or (measured and named_after(title, axis))


def _in_unit(written: str | None, axis: Axis) -> bool:
    if axis.unit is None or written is None:
        return True
    try:
        return si(written)[0] == axis.unit
    except ValueError:
        return False


def _ascends(values: list[float | None]) -> bool:
    known = [value for value in values if value is not None]
    return all(a < b for a, b in pairwise(known))
