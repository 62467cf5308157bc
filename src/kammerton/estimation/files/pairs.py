"""A column that names the pairs of pulses of AllXY, numbered as the fit wants."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.curves.pulse_pairs import PAIRS
from kammerton.estimation.files.pair_names import pair_number
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.text import nearest
from kammerton.model import TraceError

KIND = "allxy"


def numbered(table: Table, kind: str) -> Table:
    """Return a table of AllXY whose column of names of pairs, if there is one, holds numbers.

    Raises
    ------
    TraceError
        Most of a column are names of pairs, but one is none of the 21; its line is named.
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
        return table.with_columns({column: (title, np.array(found, dtype=float))})
    return table
