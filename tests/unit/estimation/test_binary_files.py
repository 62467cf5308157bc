"""Of a file that is no text the way out is said, and it leads to a table that is read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import read_files
from kammerton.estimation.files.table import read_table
from kammerton.model import Trace, TraceError

X, Y = np.linspace(0, 2e-4, 5), np.linspace(1, 0, 5)


def refused(path: Path) -> str:
    with pytest.raises(TraceError, match="not a text file") as raised:
        read_table(path)
    return str(raised.value)


def exported(path: Path) -> Path:
    """Run the line of Python that is said of a file."""
    line = refused(path).partition("this makes it one: ")[2]
    subprocess.run([sys.executable, "-c", line], cwd=path.parent, check=True)
    return path.with_suffix(".csv")


def test_the_line_for_an_array_makes_a_table_of_it(tmp_path: Path) -> None:
    np.save(tmp_path / "run.npy", np.column_stack([X, Y]))
    trace = read_files([exported(tmp_path / "run.npy")], "t1", Choice()).trace
    np.testing.assert_allclose(trace.x, X)
    np.testing.assert_allclose(trace.y, Y)


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_the_line_for_netcdf_makes_a_table_of_it(tmp_path: Path, engine: str) -> None:
    data = xarray.Dataset({"P1": ("delay", Y)}, coords={"delay": X})
    data.to_netcdf(tmp_path / "run.nc", engine=engine)
    trace = read_files([exported(tmp_path / "run.nc")], "t1", Choice()).trace
    np.testing.assert_allclose(trace.x, X)
    assert isinstance(trace, Trace)
    assert trace.x_name == "delay"


def test_of_a_database_the_line_of_qcodes_is_said(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "experiments.db")
    database.execute("CREATE TABLE runs (run_id INTEGER)")
    database.close()
    said = refused(tmp_path / "experiments.db")
    assert 'use("experiments.db"); load_by_id(1).to_pandas_dataframe().to_csv("exp' in said


def test_a_large_file_of_another_format_is_no_matter_of_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    with path.open("wb") as file:
        file.write(b"\x89HDF\r\n\x1a\n")
        file.truncate(65_000_000)
    assert "netCDF or HDF5" in refused(path)


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [("t.xlsx", b"PK\x03\x04\0\0", "a spreadsheet; save it as CSV there"),
     ("t.bin", b"\x01\0\0", "not a text file; export it as one, in columns: x, then y")],
)  # fmt: skip
def test_of_others_that_text_is_needed(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(raw)
    assert said in refused(tmp_path / name)
