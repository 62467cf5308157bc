"""Lines and columns that fit a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TextIO

_WIDE = 120, 24
"""Characters and lines where there is no terminal."""

_LEAST = 30
"""Characters of the last column for which another one is folded."""


def width() -> int:
    """Return how many characters a line of the terminal has."""
    return shutil.get_terminal_size(_WIDE).columns


def columns(rows: Sequence[Sequence[str]], wide: int) -> Iterable[str]:
    """Lines of aligned columns: the last is folded, and where little is left the widest as well."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    missing = _LEAST - (wide - sum(widths) - 2 * len(widths))
    if missing > 0:
        widest = widths.index(max(widths))
        longest = max(len(word) for row in rows for word in row[widest].split() or [""])
        widths[widest] = min(widths[widest], max(longest, widths[widest] - missing))
    widths.append(max(20, wide - sum(widths) - 2 * len(widths)))
    for row in rows:
        cells = [_wrapped(cell, w) for cell, w in zip(row, widths, strict=True)]
        for line in zip_longest(*cells, fillvalue=""):
            yield "  ".join(f"{cell:{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()


def write(stream: TextIO, text: str) -> None:
    """Write lines; on a terminal those that are too long are folded between words."""
    if stream.isatty():
        text = "\n".join(line for each in text.split("\n") for line in _folded(each, width()))
    stream.write(text + "\n")


def _folded(line: str, wide: int) -> list[str]:
    """Leave a line that fits as it is, blanks and all."""
    return [line] if len(line) <= wide else _wrapped(line, wide, "    ")


def _wrapped(text: str, wide: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        wide,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    ) or [""]
