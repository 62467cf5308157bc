"""Touchstone files of network analysers: S11 of one port, S21 or what is chosen of two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kammerton.estimation.files.cells import Row, number
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.text import Line, text_lines
from kammerton.estimation.files.titles import Heading
from kammerton.model import TraceError

HOLDS = {1: ("S11",), 2: ("S11", "S21", "S12", "S22")}
"""What stands behind the frequency in a file of so many ports, in order."""

UNITS = {"hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz"}
FORMATS = ("ri", "ma", "db")

_SUFFIX = re.compile(r"\.s(\d+)p", flags=re.IGNORECASE)


def is_touchstone(path: Path) -> bool:
    """Return whether a file is one by its ending: .s1p, .s2p."""
    return _SUFFIX.fullmatch(path.suffix) is not None


def read_touchstone(path: Path, wanted: str | None) -> Table:
    """Return frequency and one scattering parameter of a file, as columns with units.

    wanted: S11, S21, S12 or S22; None for S21, or S11 of one port.

    Raises
    ------
    TraceError
        The file cannot be read, has more than two ports or no such parameter, or a line does not
        hold what its ports demand; file and line are named.
    """
    match = _SUFFIX.fullmatch(path.suffix)
    ports = int(match[1]) if match else 0
    if ports not in HOLDS:
        raise TraceError(f"{path}: of Touchstone files, .s1p and .s2p are read")
    lines = text_lines(path)
    names = _names(ports, lines)
    name = (wanted or ("S21" if ports > 1 else "S11")).strip().upper()
    if name not in names:
        raise TraceError(f"{path}: no {wanted!r}; it holds {', '.join(names)}")
    unit, form = _options(path, lines)
    first = 1 + 2 * names.index(name)
    rows = tuple((n, [cells[0], *cells[first : first + 2]])
                 for n, cells in _data(path, lines, 1 + 2 * len(names)))  # fmt: skip
    if not rows:
        raise TraceError(f"{path}: no line has numbers")
    return Table(path, (Heading(f"frequency [{unit}]", "frequency", unit), *_titles(name, form)),
                 rows)  # fmt: skip


def _names(ports: int, lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the parameters in the order of the file, which its second version may turn."""
    turned = any(re.match(r"\s*\[two-port data order\]\s*12_21", line.lower()) for _, line in lines)
    return ("S11", "S12", "S21", "S22") if ports > 1 and turned else HOLDS[ports]


def _options(path: Path, lines: Sequence[Line]) -> tuple[str, str]:
    """Return unit and format of the first line that begins with #."""
    found = next((line for line in lines if line[1].lstrip().startswith("#")), None)
    if found is None:
        raise TraceError(f"{path}: no option line, such as # Hz S RI R 50")
    said = found[1].partition("!")[0].strip(" \t#").lower().split()
    if any(word in ("y", "z", "h", "g") for word in said):
        raise TraceError(f"{path}, line {found[0]}: scattering parameters (S) are read, no others")
    unit = next((UNITS[word] for word in said if word in UNITS), "GHz")
    return unit, next((word for word in said if word in FORMATS), "ma")


def _data(path: Path, lines: Sequence[Line], width: int) -> Iterator[Row]:
    """Yield the rows; parameters of noise, which may follow, begin at a lower frequency."""
    last = float("-inf")
    for n, line in lines:
        text = line.partition("!")[0].strip()
        if text.lower().startswith("[noise data]"):
            return
        if not text or text.startswith(("#", "[")):
            continue
        cells = text.split()
        frequency = number(cells[0])
        if frequency is not None and frequency < last and len(cells) == 5 != width:
            return
        if frequency is None or len(cells) != width:
            raise TraceError(f"{path}, line {n}: {width} numbers are needed: {text[:40]!r}")
        last = frequency
        yield n, cells


def _titles(name: str, form: str) -> tuple[Heading, Heading]:
    if form == "ri":
        return Heading(f"re {name}", f"re {name}", ""), Heading(f"im {name}", f"im {name}", "")
    phase = Heading(f"{name} phase [deg]", f"{name} phase", "deg")
    return Heading(name, name, "dB" if form == "db" else ""), phase
