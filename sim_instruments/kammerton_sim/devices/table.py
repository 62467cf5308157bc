"""Reading a device table: NAME.csv, and NAME.couplings.csv beside it if it is there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from kammerton_sim.chip import ChipError
from kammerton_sim.devices.checks import PAIR, QUBIT, Checker, finished, needed
from kammerton_sim.devices.words import Device

_MARKS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_device(path: Path, mend: bool = False) -> Device:
    """Read a table: one row a qubit, SI units, empty where a value is not known.

    mend: cut T2 at 2 T1 and a readout error at 0.5, and leave an anharmonicity of 0 open, instead
    of refusing them.

    Raises
    ------
    ChipError
        Lists every problem of the table and of its couplings, by row.
    OSError
        The file cannot be read.
    """
    checker = Checker(mend)
    rows = _rows(path, checker)
    header = rows[0][1] if rows else []
    if rows:
        checker.header(header)
    named = QUBIT in header
    cells = [
        (where, dict(zip(header, row, strict=False)) | ({} if named else {QUBIT: str(n)}))
        for n, (where, row) in enumerate(rows[1:])
    ]  # without names every row would be said to have none
    qubits = checker.device(path.name, cells)
    couplings = checker.couplings(_pairs(path, checker), qubits) if named else ()
    if checker.problems:
        raise ChipError(tuple(checker.problems), path.name)
    return finished(path.stem, qubits, couplings, checker)


def couplings_beside(path: Path) -> Path:
    """Return where the couplings of a table stand, if it has any."""
    return path.with_suffix(".couplings.csv")


def _rows(path: Path, checker: Checker, of: str = "") -> list[tuple[str, list[str]]]:
    """("row 3", cells) of every line that is not empty; of: what stands before "row 3"."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except UnicodeDecodeError:
        raise ChipError(("not a table: it is no text in UTF-8",), path.name) from None
    except csv.Error as error:
        raise ChipError((f"not a table: {error}",), path.name) from None
    numbered = [(f"{of}row {n}", [c.strip() for c in cells]) for n, cells in enumerate(lines, 1)]
    rows = [(where, cells) for where, cells in numbered if any(cells)]
    _separated_by_commas(path, rows)
    header = rows[0][1] if rows else []
    for where, cells in rows[1:]:
        if not needed(header) <= len(cells) <= len(header):  # fewer: a file that was cut off
            checker.problems.append(f"{where}: {len(cells)} cells for {len(header)} columns")
    return rows


def _separated_by_commas(path: Path, rows: list[tuple[str, list[str]]]) -> None:
    """Refuse a table of which every column would be said to be missing."""
    first = rows[0][1] if rows else []
    for mark, name in _MARKS.items():
        if len(first) == 1 and mark in first[0]:
            said = f"its cells stand apart by {name}: write commas, and numbers with a point"
            raise ChipError((said,), path.name)


def _pairs(path: Path, checker: Checker) -> Iterator[tuple[str, str, str]]:
    beside = couplings_beside(path)
    if not beside.exists():
        return
    try:
        rows = _rows(beside, checker, f"{beside.name}, ")
    except ChipError as error:  # what is wrong with the table is told as well
        checker.problems += [f"{beside.name}: {said}" for said in error.problems]
        return
    if not rows or rows[0][1][:2] != sorted(PAIR):
        checker.problems.append(f"{beside.name}: its columns must be {' and '.join(sorted(PAIR))}")
        return
    for where, cells in rows[1:]:
        if len(cells) < 2:
            checker.problems.append(f"{where}: a pair has two qubits")
        else:
            yield where, cells[0], cells[1]
