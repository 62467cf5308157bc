"""A file of two series that is read as one is asked about, and no other is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import read_files
from kammerton.model import TraceError

LENGTHS = (1, 10, 30, 60)
WORDS = [f"{s},{m},{0.9**m}" for s in ("reference", "interleaved") for m in LENGTHS]
SEEDS = [f"{s},{m},{0.9**m}" for s in range(3) for m in LENGTHS]
WIDE = [f"{m},{0.9**m},{0.8**m}" for m in LENGTHS]


def asked(path: Path, header: str, rows: list[str], **chosen: str) -> list[str]:
    path.write_text("\n".join([header, *rows]))
    notes = read_files([path], "randomized_benchmarking", Choice(**chosen)).notes  # type: ignore[arg-type]
    return [note for note in notes if "--kind irb" in note]


@pytest.mark.parametrize(
    ("header", "rows", "by"),
    [("sequence,cliffords,survival", WORDS, "sequence"),
     ("m,reference,interleaved", WIDE, "series")],
)  # fmt: skip
def test_two_series_are_asked_about(tmp_path: Path, header: str, rows: list[str], by: str) -> None:
    """Their sequences seemed to drift, and nothing else was said."""
    assert asked(tmp_path / "rb.csv", header, rows) == [
        f"the file holds two series, by {by!r}: are both meant? (--kind irb)"
    ]


@pytest.mark.parametrize(
    ("header", "rows"),
    [("seed,cliffords,survival", SEEDS), ("sequence,cliffords,survival", SEEDS),
     ("cliffords,survival", [row.partition(",")[2] for row in WORDS]), ("m,p0,p1", WIDE),
     ("m,seed0,seed1", WIDE)],
)  # fmt: skip
def test_one_series_is_not(tmp_path: Path, header: str, rows: list[str]) -> None:
    assert asked(tmp_path / "rb.csv", header, rows) == []


def test_an_error_asks_too(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"'reference' in column 'kind' .*--kind irb"):
        asked(tmp_path / "rb.csv", "kind,m,p0", WORDS)


def test_who_chose_a_column_is_not_asked(tmp_path: Path) -> None:
    assert asked(tmp_path / "rb.csv", "m,reference,interleaved", WIDE, y="interleaved") == []
