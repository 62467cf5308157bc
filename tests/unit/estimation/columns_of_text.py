"""Sweeps written as text, and read as files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import read_files


def read(folder: Path, text: str, kind: str, **choice: object):  # type: ignore[no-untyped-def]
    """Read text as a file of that kind."""
    path = folder / "data.csv"
    path.write_text(text)
    return read_files([path], kind, Choice(**choice))  # type: ignore[arg-type]


def sweep(header: str, values: Sequence[float], *more: float) -> str:
    """Return values over 4 GHz, 5 GHz ..., each beside the same further ones."""
    rows = "".join(f"{4 + n}e9,{','.join(map(str, (y, *more)))}\n" for n, y in enumerate(values))
    return f"{header}\n{rows}"
