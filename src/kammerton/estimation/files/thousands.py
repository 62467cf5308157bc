"""Points and commas that part groups of three digits, told from those that begin decimals.

Each of the two may do either. Of one column it is often open ("3.333"); the others tell which of
them begins decimals in the file, and then the other can only part thousands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kammerton.estimation.files.cells import Row, number
from kammerton.model import TraceError

MARKS = ".,"
_GROUPED = {mark: re.compile(rf"[-+]?[1-9]\d{{0,2}}\{mark}\d{{3}}") for mark in MARKS}
_PLAIN = re.compile(r"[-+]?\d+")


def without_groups(path: Path, rows: Sequence[Row], titles: Sequence[str]) -> list[Row]:
    """Return rows of cells without the marks that part thousands.

    titles: of the columns, for what is said.

    Raises
    ------
    TraceError
        A column has decimals behind points and behind commas, or it cannot be told what its
        marks mean beside those of the others; file and line are named.
    """
    if not all(any(mark in cell for _, cells in rows for cell in cells) for mark in MARKS):
        return list(rows)
    columns = range(max(len(cells) for _, cells in rows))
    begins = [{mark for mark in MARKS if _decimal(rows, column, mark)} for column in columns]
    anywhere = set().union(*begins)
    cleaned = [(line, [*cells]) for line, cells in rows]
    for column, own in zip(columns, begins, strict=True):
        title = titles[column] if column < len(titles) else f"column {column + 1}"
        if len(own) > 1:
            line, cell = next(_with_mark(rows, column, ","))
            raise TraceError(
                f"{path}, line {line}: {cell!r} has a decimal comma, but others in column"
                f" {title!r} a decimal point"
            )
        for mark in set(MARKS) - (own or anywhere):
            if anywhere and any(True for _ in _with_mark(rows, column, mark)):
                _refuse_open(path, rows, column, mark, title, sure=bool(own))
                _strip(cleaned, column, mark)
    return cleaned


def _with_mark(rows: Sequence[Row], column: int, mark: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the cell of the numbers of a column that have a mark."""
    for line, cells in rows:
        cell = cells[column].strip() if column < len(cells) else ""
        if mark in cell and number(cell) is not None:
            yield line, cell


def _decimal(rows: Sequence[Row], column: int, mark: str) -> bool:
    """Whether in some cell of a column a mark can only begin decimals."""
    (other,) = set(MARKS) - {mark}
    return any(
        cell.rfind(mark) > cell.rfind(other)
        and cell.count(mark) == 1
        and not _GROUPED[mark].fullmatch(cell)
        for _, cell in _with_mark(rows, column, mark)
    )


def _refuse_open(
    path: Path, rows: Sequence[Row], column: int, mark: str, title: str, *, sure: bool
) -> None:
    """Raise TraceError unless a column says itself that a mark parts thousands.

    sure: whether its decimals begin with the other. Without any, two groups do, or a final 0
    beside a plain number: a format either keeps all decimals or drops each last 0.
    """
    cells = [cell for _, cell in _with_mark(rows, column, mark)]
    plain = any(_PLAIN.fullmatch(cells[column].strip()) for _, cells in rows if column < len(cells))
    if (
        sure
        or any(c.count(mark) > 1 for c in cells)
        or (plain and any(c[-1] == "0" for c in cells))
    ):
        return
    line, cell = next(_with_mark(rows, column, mark))
    raise TraceError(
        f"{path}, line {line}: {cell!r} in column {title!r} is {cell.replace(mark, '')} or has"
        f" three decimals, and other columns have decimals behind the other mark: write it without"
        f" {mark!r}, or with one decimal sign in all columns"
    )


def _strip(rows: Sequence[Row], column: int, mark: str) -> None:
    for _, cells in rows:
        if column < len(cells) and number(cells[column]) is not None:
            cells[column] = cells[column].replace(mark, "")
