"""What instruments write about their data: network analysers of Keysight, LabVIEW.

A Keysight CSV has its data, titles first, between BEGIN CH1_DATA and END. A LabVIEW measurement
file has two heads of one tag in each line, of the file and of its segment; each ends in a line
***End_of_Header***, and titles and data follow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.text import Line
from kammerton.model import TraceError

X_NAME, REMARK = "X_Value", "Comment"

_BEGIN = re.compile(r"\s*BEGIN\s+\w+_DATA\s*", flags=re.IGNORECASE)
_END = re.compile(r"\s*END\s*", flags=re.IGNORECASE)
_COMMAS = re.compile(r"Separator[\t,]\s*Comma", flags=re.IGNORECASE)
_HEADED = "***End_of_Header***"

Tags = dict[str, list[str]]
"""What stands behind each tag of a head."""


def body_of(path: Path, lines: list[Line]) -> list[Line]:
    """Return the lines of titles and data, where an instrument wrote others about them.

    Raises
    ------
    TraceError
        The file holds several channels, or segments: it cannot be told which.
    """
    begins = [n for n, (_, line) in enumerate(lines) if _BEGIN.fullmatch(line)]
    heads = [n for n, (_, line) in enumerate(lines) if line.startswith(_HEADED)]
    if begins:
        _refuse_several(path, len(begins), "channels")
        end = (n for n, (_, line) in enumerate(lines) if n > begins[0] and _END.fullmatch(line))
        return lines[begins[0] + 1 : next(end, len(lines))]
    if heads and lines[0][1].startswith("LabVIEW"):
        _refuse_several(path, len(heads) - 1, "segments")
        return _segment(lines[: heads[0]], lines[heads[0] : heads[-1]], lines[heads[-1] + 1 :])
    return lines


def _refuse_several(path: Path, count: int, what: str) -> None:
    if count > 1:
        raise TraceError(f"{path}: holds {count} {what}; leave the one that is to be fitted")


def _segment(file: Sequence[Line], segment: Sequence[Line], body: list[Line]) -> list[Line]:
    """Return titles, units and data of a LabVIEW file, with x where it is told by its step."""
    commas = any(_COMMAS.match(line) for _, line in file)
    separator = "," if commas else "\t"
    told = _tags(file, separator) | _tags(segment, separator)
    if not body:
        return body
    (line, text), *rows = body
    titles = [title.strip() for title in text.rstrip().split(separator)]
    titles = titles[:-1] if titles[-1] == REMARK else titles
    if _said(told, "X_Columns").casefold() == "no":
        rows = _stepped(rows, told, separator)
    return [(line, separator.join(titles)), (line, separator.join(_units(told, titles))), *rows]


def _tags(head: Sequence[Line], separator: str) -> Tags:
    cells = [[cell.strip() for cell in line.rstrip().split(separator)] for _, line in head]
    return {name: values for name, *values in cells}


def _said(tags: Tags, name: str) -> str:
    return next(iter(tags.get(name, [])), "")


def _units(told: Tags, titles: Sequence[str]) -> list[str]:
    """Return the unit of each column; x is a time in s unless its head says otherwise."""
    timed = _said(told, "X_Dimension").casefold() in ("", "time")
    of_x = _said(told, "X_Unit_Label") or ("s" if timed else "")
    of_y = iter(told.get("Y_Unit_Label", []))
    return [of_x if title == X_NAME else next(of_y, "") for title in titles]


def _stepped(rows: Sequence[Line], told: Tags, separator: str) -> list[Line]:
    """Return rows whose empty first cell is x: so many steps from where it begins."""
    start, step = (number(_said(told, name)) or 0.0 for name in ("X0", "Delta_X"))
    comma = "," in "".join(line for _, line in rows) and separator != ","
    texts = [repr(start + n * step) for n in range(len(rows))]
    texts = [text.replace(".", ",") if comma else text for text in texts]
    return [(n, text + separator + line.partition(separator)[2])
            for text, (n, line) in zip(texts, rows, strict=True)]  # fmt: skip
