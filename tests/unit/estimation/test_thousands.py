"""Points and commas that part thousands, beside those that begin decimals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.table import read_table
from kammerton.model import TraceError


def column(folder: Path, text: str, index: int = 0) -> list[float]:
    path = folder / "data.csv"
    path.write_text(text)
    values: list[float] = read_table(path).numbers(index).tolist()
    return values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x;y\n0;0,93\n3.333;0,85\n10.000;0,76\n", [0, 3333, 10_000]),
        ("x\ty\n0\t0.93\n3,333\t0.85\n10,000\t0.76\n", [0, 3333, 10_000]),
        ("x;y\n1.234.500;0,93\n1.234.501;0,85\n", [1_234_500, 1_234_501]),
        ("x;y\n0,5;0,93\n1.500;0,85\n", [0.5, 1500]),
        ("x;y\n950,5;0,93\n1.234,5;0,85\n", [950.5, 1234.5]),
        ("x;y\n3.333;0.858\n10.000;0.761\n", [3.333, 10]),  # decimal points, all of them
        ("x;y\n0.500;0,858\n3.333;0,761\n", [0.5, 3.333]),  # as no thousand begins with 0
        ("x;y\n4.9131;0,858\n4.914;0,761\n", [4.9131, 4.914]),
        ("x;y\n3,333;0,8580\n10,000;0,7610\n", [3.333, 10]),
    ],
)  # fmt: skip
def test_what_else_is_in_the_file_tells_which_mark_parts_thousands(
    tmp_path: Path, text: str, values: list[float]
) -> None:
    np.testing.assert_allclose(column(tmp_path, text), values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x;y\n4.913;0,858\n4.914;0,761\n", r"line 2: '4.913' in column 'x' is 4913 or has three"),
        ("x;y\n0,5;0,858\n1.25;0,761\n", r"line 2: '0,5' has a decimal comma, but others in"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TraceError, match=says):
        column(tmp_path, text)


def test_the_first_row_of_a_matrix_is_read_as_its_cells_are(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("V \\ MHz;4.910;4.920\n0,1;1,23;1,24\n0,2;1,25;1,26\n")
    assert [title.text for title in read_table(path).headings] == ["V \\ MHz", "4910", "4920"]
    path.write_text("# V;4.910;4.920\n0,1;1,23;1,24\n0,2;1,25;1,26\n")
    assert read_table(path).numbers(1).tolist() == [1.23, 1.25]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.234,5", 1234.5), ("-1,234.5", -1234.5), ("4.912.000", 4_912_000), ("1.23,4", None),
     ("0.123.456", None), ("29.11.2026", None)],
)  # fmt: skip
def test_a_number_in_groups_that_cannot_be_mistaken(text: str, value: float | None) -> None:
    assert number(text) == value
