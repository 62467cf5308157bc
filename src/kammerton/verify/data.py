"""The raw traces: each file that a run names is there, whole, and that run's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kammerton.verify.report import Query


def unreadable(query: Query, root: Path) -> Iterator[str]:
    """Yield the runs whose data file is missing, damaged or another run's."""
    named = query("SELECT number, data FROM run WHERE data IS NOT NULL ORDER BY number")
    for number, data in named:
        if problem := _problem(root / data, f"r{number:06d}"):
            yield f"the data of run {number}, {root / data}, {problem}"


def _problem(file: Path, run: str) -> str | None:
    import h5netcdf

    if not file.is_file():
        return "are not there"
    try:
        with h5netcdf.File(file, "r") as opened:
            found = str(opened.attrs["run"])
            for variable in opened.variables.values():
                variable[...]
    except (OSError, KeyError, ValueError, RuntimeError) as problem:
        return f"cannot be read: {problem}"
    return None if found == run else f"are those of run {found}"
