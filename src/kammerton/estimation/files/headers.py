"""Lines of titles above the data, or in the comments, divided into columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.titles import heading
from kammerton.estimation.files.units import is_unit, si, untexed

_BETWEEN = re.compile(r"\s+(?![\[(])(?![^\[(]*[\])])")
_WIDE = re.compile(r"\s{2,}|\t")
_QUOTED = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"[^\s,;:/_=\[\]()]+")


def is_comment(line: str) -> bool:
    """Return whether a line is none of the data."""
    return line.lstrip().startswith(("#", "%", "!"))


def cells_of(line: str, separator: str | None) -> list[str]:
    """Return the cells of a line; None is any white space."""
    if separator is None:
        return line.split()
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except csv.Error:  # an unbalanced or endless quote
        return line.split(separator)


def commented_header(comments: Sequence[str], separator: str | None, width: int) -> list[list[str]]:
    """Return the first comment that holds so many titles, as a list of one line, or none.

    A second line has the units where the next comment is a quoted label for each: "Delay (s)". So
    write the files .dat of QCoDeS (`GNUPlotFormat`).
    """
    for comment, after in zip_longest(comments, comments[1:], fillvalue=""):
        line = _uncommented(comment, separator)
        cells = cells_of(line, separator) if separator else titles_in_blanks(line, width)
        if len(cells) == width and number(cells[0]) is None:
            return [cells, *_units_of_labels(_uncommented(after, separator), width)]
    return []


def _units_of_labels(line: str, width: int) -> list[list[str]]:
    """Return the units of so many quoted labels, as a list of one line, or none."""
    labels = _QUOTED.findall(line)
    if len(labels) != width or _QUOTED.sub("", line).strip():
        return []
    return [[heading(label).unit or "" for label in labels]]


def titles_in_blanks(line: str, width: int) -> list[str]:
    """Return so many titles of a line that blanks divide; [] where that cannot be told.

    >>> titles_in_blanks("delay (us)  P1", 2), titles_in_blanks("wait time [us]   P1", 2)
    (['delay (us)', 'P1'], ['wait time [us]', 'P1'])
    """
    return next((each for each in _divided(line.strip()) if _fits(each, width)), [])


def _divided(line: str) -> Iterator[list[str]]:
    """Yield the ways in which titles may be told apart: a unit in brackets ends its title."""
    yield _BETWEEN.split(line)
    yield _WIDE.split(line)
    yield [cell.strip() for cell in line.split(",")]


def _fits(cells: Sequence[str], width: int) -> bool:
    """Return whether cells are so many titles, and none begins with the unit of that before it."""
    if len(cells) != width or number(cells[0]) is not None:
        return False
    return not any(cell.startswith(("(", "[")) or is_unit(cell.split()[0]) for cell in cells
                   if len(cell.split()) > 1 or cell.startswith(("(", "[")))  # fmt: skip


def unread_header(comments: Sequence[str], needed: str) -> tuple[str, str] | None:
    """Return the first comment that names a unit of this dimension by its word, and the unit.

    Not one that stands behind a number, as in "a pulse of 2 us".
    """
    for comment in comments:
        words = _WORD.findall(untexed(comment))
        for before, word in zip(["", *words], words, strict=False):
            if number(before or "-x") is None and is_unit(word) and si(word)[0] == needed:
                return comment.lstrip("#%! \t"), word
    return None


def _uncommented(line: str, separator: str | None) -> str:
    """Return a comment without its mark, which may also be the first title of a header."""
    text = line.lstrip()
    titled = separator is not None and text[1:2] == separator
    return text if titled else text.lstrip("#%! \t")
