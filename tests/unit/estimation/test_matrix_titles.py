"""A matrix whose corner and column titles say name and unit of its axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.read import read_files
from kammerton.model import TraceError

CELLS = [[1, 2, 5], [3, 4, 6]]


def read(folder: Path, header: str, rows: tuple[str, str] = ("4.9", "5"), **chosen: object) -> Grid:
    path = folder / "map.csv"
    path.write_text(f"{header}\n{rows[0]},1,2,5\n{rows[1]},3,4,6\n")
    grid = read_files([path], "qubit_flux_map", Choice(**chosen)).trace
    assert isinstance(grid, Grid)
    return grid


@pytest.mark.parametrize(
    ("titles", "name", "unit", "scale"),
    [
        ("-0.6000 V,-0.5700 V,0.0000 V", "bias", "V", 1),
        ("-0.6000mV,-0.57mV,0mV", "bias", "V", 1e-3),
        ("-0.6 [mA],-5.7e-1 (mA),0 mA", "bias", "A", 1e-3),
        ("flux=-0.6000 V,flux=-0.57 V,flux=0 V", "flux", "V", 1),
        ("coil current = -0.6,coil current = -0.57,coil current = 0", "coil current", "", 1),
    ],
)
def test_titles_of_columns_have_unit_and_name(
    tmp_path: Path, titles: str, name: str, unit: str, scale: float
) -> None:
    grid = read(tmp_path, f"frequency (GHz),{titles}")
    np.testing.assert_array_equal(grid.y, CELLS)
    np.testing.assert_allclose(grid.x[0], [4.9e9, 5e9])
    np.testing.assert_allclose(grid.x[1], np.array([-0.6, -0.57, 0]) * scale)
    assert (grid.names, grid.units) == (("frequency", name), ("Hz", unit))


@pytest.mark.parametrize("corner", ["", "bias", "bias (V)", "bias (V) \\ f", "bias/V\\f/GHz"])
def test_columns_that_are_frequencies_turn_a_matrix(tmp_path: Path, corner: str) -> None:
    grid = read(tmp_path, f"{corner},4.90 GHz,4.91 GHz,4.92 GHz", ("0.1", "0.2"))
    np.testing.assert_array_equal(grid.y, np.transpose(CELLS))
    np.testing.assert_allclose(grid.x[0], [4.9e9, 4.91e9, 4.92e9])
    np.testing.assert_allclose(grid.x[1], [0.1, 0.2])


@pytest.mark.parametrize(
    "corner", ["f/GHz", "f / GHz", "frequency / GHz", "f / GHz \\ bias / V", "f/GHz/bias/V"]
)
def test_a_unit_behind_a_slash_is_that_of_the_name_before_it(tmp_path: Path, corner: str) -> None:
    """The rows were taken for "f", and the columns for "GHz"."""
    grid = read(tmp_path, f"{corner},-0.6,-0.57,0")
    np.testing.assert_array_equal(grid.y, CELLS)
    np.testing.assert_allclose(grid.x[0], [4.9e9, 5e9])
    assert grid.names[1] == "bias"


def test_a_slash_before_what_is_no_unit_parts_rows_and_columns(tmp_path: Path) -> None:
    grid = read(tmp_path, "current / freq,4e9,5e9,6e9", ("0.1", "0.2"))
    assert grid.names == ("freq", "current")


def test_a_unit_that_is_chosen_goes_before_that_of_the_titles(tmp_path: Path) -> None:
    grid = read(tmp_path, "f (GHz),1 V,2 V,3 V", x_unit="mV")
    np.testing.assert_allclose(grid.x[1], [1e-3, 2e-3, 3e-3])


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("f (GHz),1 V,2 mV,3 V", "one axis in one unit, but the titles say 'V' and 'mV'"),
        ("f (GHz),0,2 V,3 V", "one axis in one unit, but the titles say nothing and 'V'"),
        ("f (GHz),bias=1 V,flux=2 V,bias=3 V", "one axis, but the titles say 'bias' and 'flux'"),
        ("f (GHz) \\ bias (mV),1 V,2 V,3 V", "columns in 'mV', but their titles are in 'V'"),
        ("f (GHz),1 MHz,2 MHz,3 MHz", r"are both the frequency \(--x twice says"),
    ],
)
def test_titles_that_do_not_agree_are_refused(tmp_path: Path, header: str, says: str) -> None:
    with pytest.raises(TraceError, match=says):
        read(tmp_path, header)


def test_cells_without_axes_are_told_from_a_list_of_cells(tmp_path: Path) -> None:
    """It said that only 9 of 9 x 9 cells are there."""
    path = tmp_path / "map.dat"
    np.savetxt(path, np.random.default_rng(0).normal(size=(9, 7)))
    with pytest.raises(TraceError, match=r"7 columns without titles: .* its axes are missing; put"):
        read_files([path], "qubit_flux_map", Choice())
