"""A column that names the pairs of pulses of AllXY, numbered as the fit wants."""

from __future__ import annotations

import re

import numpy as np

from kammerton.estimation.curves.pulse_pairs import PAIRS
from kammerton.estimation.files.pair_names import pair_number
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.text import nearest
from kammerton.model import TraceError

KIND = "allxy"
_JOINTS = re.compile(r"[^\w/]|_")
_BARE = re.compile(r"[xy](?![\dpπ/])")


def numbered(table: Table, kind: str) -> Table:
    """Return a table of AllXY whose column of names of pairs, if there is one, holds numbers.

    Raises
    ------
    TraceError
        Most of a column are names of pairs, but one is none of the 21, or two are the same in other
        words; its line is named.
    """
    if kind != KIND:
        return table
    for column, title in enumerate(table.headings):
        cells = table.texts(column)
        found = [pair_number(cell) for cell in cells]
        if sum(each is not None for each in found) <= len(cells) / 2:
            continue
        if None in found:
            row, names = found.index(None), [pair.replace(" ", "") for pair in PAIRS]
            raise TraceError(
                f"{table.path}, line {table.line(row)}: {cells[row]!r} in column {title.text!r}"
                f" is none of the 21 pairs{nearest(cells[row], names)}"
            )
        numbers = [number for number in found if number is not None]
        _refuse_doubled(table, cells, numbers)
        return table.with_columns({column: (title, np.array(numbers, dtype=float))})
    return table


def _refuse_doubled(table: Table, cells: list[str], numbers: list[int]) -> None:
    """Raise TraceError where small letters with and without an angle name one pair: xx, x90x90."""
    first: dict[int, str] = {}
    for row, (cell, number) in enumerate(zip(cells, numbers, strict=True)):
        other = first.setdefault(number, cell)
        names = {_JOINTS.sub("", name) for name in (cell, other)}
        if len(names) > 1 and any(_BARE.search(name) for name in names):
            raise TraceError(
                f"{table.path}, line {table.line(row)}: {cell!r} is the same pair as {other!r}:"
                " without an angle small letters turn by pi/2 (X or X180 by pi)"
            )
