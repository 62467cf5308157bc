"""Columns that only number what was repeated: seeds, trials, sequences. They hold no signal."""

from __future__ import annotations

import re

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.table import Table

_NUMBERS = re.compile(
    r"(n|num|number of|no of)?[ _]*"
    r"(seed|seq|sequence|circuit|instance|sample|trial|draw|rep|repetition|repeat|index|idx|run|"
    r"iteration|iter|round|shot|average)s?"
    r"[ _]*(index|idx|id|number|num|no|nr|#)?\.?"
)


def is_counter(table: Table, column: int) -> bool:
    """Return whether a column numbers something by its name, and holds whole numbers or words."""
    if not _NUMBERS.fullmatch(table.headings[column].name.strip().casefold()):
        return False
    values = [number(cell) for cell in table.texts(column)]
    return all(value is None or value.is_integer() for value in values)


def without_counters(table: Table, columns: list[int]) -> list[int]:
    """Return the columns that are no counters, where there are such; else all of them."""
    return [column for column in columns if not is_counter(table, column)] or columns
