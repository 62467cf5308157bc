"""Cells of tables: numbers in any dress, and complex ones, which become two."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
_GROUPED = re.compile(
    r"[-+]?[1-9]\d{0,2}((\.\d{3})+,\d+|(,\d{3})+\.\d+|(\.\d{3}){2,}|(,\d{3}){2,})"
)
_MISSING = {"", "nan", "na", "n/a", "none", "null", "--", "-", "#n/a"}
_INFINITE = {"inf", "+inf", "-inf", "infinity", "-infinity"}

Row = tuple[int, list[str]]
"""The line of the file, from 1, and its cells."""


def number(text: str) -> float | None:
    """Return the number in a cell, NaN for an empty one, None for other text.

    A comma is a decimal comma here; where it separates cells it is gone already. Thousands may be
    parted where that cannot be mistaken: "1.234,5", "4,912,000".
    """
    text = text.strip()
    if _GROUPED.fullmatch(text):
        text = text.replace(next(mark for mark in text if mark in ".,"), "")
    if _NUMBER.fullmatch(text) or text.lower() in _INFINITE:
        return float(text)
    if _DECIMAL_COMMA.fullmatch(text):
        return float(text.replace(",", "."))
    return float("nan") if text.lower() in _MISSING else None


def complex_number(text: str) -> complex | None:
    """Return the number in a cell such as "(-0.01+0.02j)" or "1-2i", None for any other text."""
    text = text.strip().strip("()").replace(" ", "").replace("*", "")
    if not text.endswith(("i", "j")) or not (any(map(str.isdigit, text)) or "nan" in text):
        return None
    try:
        return complex(text[:-1] + "j")
    except ValueError:
        return None


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, real or complex, or empty."""
    return number(cell) is not None or complex_number(cell) is not None


def numbers_in(cells: Sequence[str]) -> int:
    """Return how many cells hold a number that is one."""
    values = [complex_number(cell) if number(cell) is None else number(cell) for cell in cells]
    return sum(value is not None and value == value for value in values)


def parted_columns(rows: Sequence[Row], width: int) -> set[int]:
    """Return which of the first columns hold complex numbers."""
    found = (i for _, cells in rows for i, cell in enumerate(cells[:width]) if _complex(cell))
    return set(found)


def _complex(cell: str) -> bool:
    return complex_number(cell) is not None


def parted_cells(cells: Sequence[str], columns: set[int]) -> list[str]:
    """Return cells of which those in some columns are two, real and imaginary part."""
    pairs = (_parts(cell) if column in columns else [cell] for column, cell in enumerate(cells))
    return [cell for pair in pairs for cell in pair]


def _parts(cell: str) -> list[str]:
    value = complex_number(cell)
    if value is not None:
        return [repr(value.real), repr(value.imag)]
    real = number(cell)
    return [cell, "0" if real is not None and real == real else cell]


def parted_titles(heads: Sequence[list[str]], columns: set[int]) -> list[list[str]]:
    """Return the lines of a header, titles first and perhaps units then, for both parts."""
    prefixes = [("re ", "im "), *([("", "")] * (len(heads) - 1))]
    return [
        [
            part + cell
            for column, cell in enumerate(cells)
            for part in (both if column in columns else ("",))
        ]
        for both, cells in zip(prefixes, heads, strict=True)
    ]
