"""Tables with a column for each of the sequences of one length: made long, a row for each."""

from __future__ import annotations

import re
from collections import defaultdict

from kammerton.estimation.files.table import Table
from kammerton.estimation.files.titles import Heading

REPEATED = ("randomized_benchmarking", "interleaved_randomized_benchmarking", "allxy")
"""Kinds with many values at one x."""

_NUMBERED = re.compile(
    r"(seed|seq|sequence|circuit|instance|sample|trial|draw|rep|repetition)s?[\s._#-]*\d+",
    flags=re.IGNORECASE,
)  # q0 and q1 are two qubits, p0 and p1 two states: none of these is one below the other


def unfolded(table: Table, kind: str, chosen: set[str | None]) -> Table:
    """Return a table whose numbered columns ("seed 0", "seed 1" ...) are one below the other.

    So are those of the kinds with many values at one x, where the user chose no column. A table
    with two such sets of columns stays as it is.
    """
    sets = _numbered(table)
    if kind not in REPEATED or chosen != {None} or len(sets) != 1:
        return table
    (columns,) = sets
    first, last = (table.headings[c] for c in (columns[0], columns[-1]))
    title = Heading(f"{first.text} ... {last.text}", f"{first.name} ... {last.name}", first.unit)
    kept = [c for c in range(len(table.headings)) if c not in columns]
    rows = [
        (line, [*(cells[c] for c in kept if c < len(cells)), cells[column]])
        for line, cells in table.rows
        for column in columns
        if column < len(cells) and cells[column].strip()
    ]
    return Table(table.path, (*(table.headings[c] for c in kept), title), tuple(rows))


def _numbered(table: Table) -> list[list[int]]:
    """Return the sets of columns, besides the first, that differ by their number alone."""
    found = defaultdict[tuple[str, str | None], list[int]](list)
    for column, title in enumerate(table.headings[1:], 1):
        if match := _NUMBERED.fullmatch(title.name):
            found[match[1].casefold(), title.unit].append(column)
    return [columns for columns in found.values() if len(columns) > 1]
