"""CSV as laboratories write it, read into named columns of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kammerton.estimation.files.cells import (
    Row,
    is_number,
    number,
    numbers_in,
    parted_cells,
    parted_columns,
    parted_titles,
)
from kammerton.estimation.files.headers import (
    cells_of,
    commented_header,
    is_comment,
    titles_in_blanks,
)
from kammerton.estimation.files.instruments import body_of
from kammerton.estimation.files.pair_names import pair_number
from kammerton.estimation.files.text import Line, nearest, text_lines
from kammerton.estimation.files.thousands import without_groups
from kammerton.estimation.files.titles import Heading, heading
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

SEPARATORS = (";", "\t", ",", None)
"""None is any white space. The order decides where two separators read a file equally well."""

LARGEST = 1e100
"""Squares of what is measured must stay numbers."""


@dataclass(frozen=True, eq=False)
class Table:
    """A file of columns. Cells stay text until a column is used: others may hold anything."""

    path: Path
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    unread: tuple[str, ...] = ()
    """The comments, where there is no header, and none of them could be read as one."""

    def find(self, name: str) -> int:
        """Return the index of the column with this name or header text.

        Raises
        ------
        TraceError
            No column has this name (the nearest is given), or several have.
        """
        wanted = name.strip().casefold()
        hits = [
            i
            for i, heading in enumerate(self.headings)
            if wanted in (heading.text.casefold(), heading.name.casefold())
        ]
        if len(hits) == 1:
            return hits[0]
        if hits:
            raise TraceError(f"{self.path}: {len(hits)} columns are named {name!r}")
        names = [heading.name for heading in self.headings]
        near = nearest(name, names)
        raise TraceError(
            f"{self.path}: no column {name!r}{near}; the columns are "
            + ", ".join(repr(n) for n in names)
        )

    def numbers(self, column: int, *, empty: bool = False) -> FloatArray:
        """Return one column (M,) as written, before any unit; NaN where a cell is empty.

        empty: whether the whole column may be.

        Raises
        ------
        TraceError
            A cell is no number or too large (file, line and column are named), or no cell is one.
        """
        values = np.array([self._number(row, column) for row in self.rows])
        if not (empty or np.isfinite(values).any()):
            raise TraceError(f"{self.path}: column {self.headings[column].text!r} has no numbers")
        huge = np.flatnonzero((np.abs(values) > LARGEST) & np.isfinite(values))
        if huge.size:
            raise TraceError(
                f"{self.path}, line {self.line(int(huge[0]))}: {values[huge[0]]:.3g} in column"
                f" {self.headings[column].text!r} is beyond any measurement"
            )
        return values

    def texts(self, column: int) -> list[str]:
        """Return the cells of one column as text."""
        return [cells[column].strip() if column < len(cells) else "" for _, cells in self.rows]

    def line(self, row: int) -> int:
        """Return the line of the file, from 1, in which a row stands."""
        return self.rows[row][0]

    def with_columns(self, columns: Mapping[int, tuple[Heading, FloatArray]]) -> Table:
        """Return the same table with other titles and numbers in some columns."""
        headings, rows = list(self.headings), [(n, [*cells]) for n, cells in self.rows]
        for column, (title, values) in columns.items():
            headings[column] = title
            for (_, cells), value in zip(rows, values.tolist(), strict=True):
                cells += [""] * (column + 1 - len(cells))
                cells[column] = repr(value)
        return replace(self, headings=tuple(headings), rows=tuple(rows))

    def without(self, column: int) -> Table:
        """Return the same table without one column."""
        rows = tuple((n, cells[:column] + cells[column + 1 :]) for n, cells in self.rows)
        kept = self.headings[:column] + self.headings[column + 1 :]
        return replace(self, headings=kept, rows=rows)

    def _number(self, row: Row, column: int) -> float:
        line, cells = row
        text = cells[column] if column < len(cells) else ""
        value = number(text)
        if value is None:
            name = self.headings[column].text
            raise TraceError(
                f"{self.path}, line {line}: {text!r} in column {name!r} is not a number"
            )
        return value


def read_table(path: Path) -> Table:
    """Read a file of columns separated by commas, semicolons, tabs or blanks.

    Blank lines do not matter, nor do lines that begin with #, % or !, except that one of them
    serves as the header where there is no other (numpy writes it so). A second header line that
    holds only units is understood, as is what instruments write about their data. A column of
    complex numbers becomes two, its real and its imaginary part. A first column may hold words,
    such as names of series; one without a name that only counts the rows (pandas writes it so) is
    dropped.

    Raises
    ------
    TraceError
        The file is missing, too large, no text, has no numbers or only one column, or it cannot
        be told whether its marks begin decimals or part thousands.
    """
    lines = body_of(path, text_lines(path))
    body = [(n, line) for n, line in lines if not is_comment(line)]
    separator = _separator(path, body)
    rows = [(n, cells_of(line, separator)) for n, line in body]
    begins = _is_data if any(_is_data(cells) for _, cells in rows) else _is_labelled
    start = _with_missing(rows, next(i for i, (_, cells) in enumerate(rows) if begins(cells)))
    width, comments = len(rows[start][1]), [line for _, line in lines if is_comment(line)]
    heads = [cells for _, cells in rows[:start]]
    if heads and separator is None:
        heads[0] = titles_in_blanks(body[0][1], width) or heads[0]
    heads = heads or commented_header(comments, separator, width)
    above = start if _are_numbers(heads) else 0
    rows = without_groups(path, rows[start - above :], heads[0] if heads else ())
    heads, rows = [cells for _, cells in rows[:above]] or heads, rows[above:]
    parted = parted_columns(rows, width)
    if parted:
        heads = parted_titles(heads or [_numbered(width)], parted)
        rows = [(n, parted_cells(cells, parted)) for n, cells in rows]
    headings = _headings(heads, width + len(parted))
    data = tuple(row for row in rows if any(cell.strip() for cell in row[1]))
    _refuse_long_rows(path, data, len(headings))
    _refuse_long_header(path, data, headings)
    return _without_counter(Table(path, headings, data, () if heads else tuple(comments)))


def _are_numbers(heads: Sequence[list[str]]) -> bool:
    """Whether the titles are numbers but for the first, as those of a matrix are."""
    return bool(heads) and all(number(cell) is not None for cell in heads[0][1:])


def _numbered(width: int) -> list[str]:
    return [f"column {i}" for i in range(1, width + 1)]


def _is_data(cells: list[str]) -> bool:
    """Two cells or more, the first a number or empty, and a number among the others."""
    return len(cells) > 1 and number(cells[0]) is not None and numbers_in(cells[1:]) > 0


def _lacks(cells: list[str]) -> bool:
    """Whether a number stands beside cells that could hold one, and are empty or NaN."""
    return numbers_in(cells[:1]) > 0 and any(map(is_number, cells[1:]))


def _with_missing(rows: Sequence[Row], start: int) -> int:
    """Return the first row of data, of which those before `start` miss all that was measured."""
    lacks = _lacks if number(rows[start][1][0]) is not None else _lacks_beside_a_word
    width = len(rows[start][1])
    while start > 0 and len(rows[start - 1][1]) == width and lacks(rows[start - 1][1]):
        start -= 1
    return start


def _lacks_beside_a_word(cells: list[str]) -> bool:
    """Whether a word stands beside numbers and NaN, and no titles or units ("-" may be one)."""
    told = any(cell.strip(" -") for cell in cells[1:])
    return told and number(cells[0]) is None and all(map(is_number, cells[1:]))


def _is_labelled(cells: list[str]) -> bool:
    """A word, such as the name of a series, and two numbers or more; of a pair of pulses, one."""
    if len(cells) < 2 or number(cells[0]) is not None:
        return False
    return numbers_in(cells[1:]) > (0 if pair_number(cells[0]) is not None else 1)


def _separator(path: Path, body: list[Line]) -> str | None:
    some = [line for _, line in body[:200]]
    scores = {separator: sum(_readable(cells_of(s, separator)) for s in some)
              for separator in SEPARATORS}  # fmt: skip
    best = max(SEPARATORS, key=lambda separator: scores[separator])
    if scores[best] > 0:
        return best
    if any(number(line) is not None for line in some):
        raise TraceError(f"{path}: only one column; a trace needs x and y")
    if any(_lacks(cells_of(line, separator)) for line in some for separator in SEPARATORS):
        raise TraceError(f"{path}: nothing was measured: beside x every line is empty or NaN")
    raise TraceError(f"{path}: no line has two numbers")


def _readable(cells: list[str]) -> float:
    if not (_is_data(cells) or _is_labelled(cells)):
        return 0.0
    return sum(is_number(cell) for cell in cells) / len(cells)


def _headings(heads: list[list[str]], width: int) -> tuple[Heading, ...]:
    if not heads:
        return tuple(Heading(name, name, None) for name in _numbered(width))
    headings = [heading(cell) for cell in heads[0]]
    if len(heads) > 1 and len(heads[1]) == len(headings):
        headings = [
            first if first.unit is not None or not unit.strip() else
            Heading(first.text, first.name, unit.strip(" []()"))
            for first, unit in zip(headings, heads[1], strict=True)
        ]  # fmt: skip
    return tuple(headings)


def _refuse_long_rows(path: Path, rows: Sequence[Row], width: int) -> None:
    for line, cells in rows:
        if any(cell.strip() for cell in cells[width:]):
            raise TraceError(
                f"{path}, line {line}: {len(cells)} cells under {width} columns; "
                "where commas separate cells, decimals need a point"
            )


def _refuse_long_header(path: Path, rows: Sequence[Row], headings: Sequence[Heading]) -> None:
    """Refuse more titles than columns: one of them may be two, and those after it be shifted."""
    width = max(len(cells) for _, cells in rows)
    if any(title.text for title in headings[width:]):
        names = ", ".join(repr(title.text) for title in headings)
        raise TraceError(
            f"{path}: {len(headings)} titles over {width} columns ({names}): it cannot be told "
            "which stands over which; a title that has the separator in it needs quotes"
        )


def _without_counter(table: Table) -> Table:
    first = table.headings[0]
    unnamed = not first.name or first.name.lower().startswith("unnamed")
    if not unnamed or len(table.headings) < 3:
        return table
    counts = [number(cells[0]) for _, cells in table.rows]
    if counts != list(range(len(counts))):
        return table
    rows = tuple((line, cells[1:]) for line, cells in table.rows)
    return replace(table, headings=table.headings[1:], rows=rows)
