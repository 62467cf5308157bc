"""The netCDF files of runs are those that h5netcdf would have made."""

from __future__ import annotations

import io

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray

from kammerton.store import netcdf

RANDOM = np.random.default_rng(3)
NAMES = {"target": ("q0", "q1 µ"), "part": ("re", "im")}
SAID = {"run": "r000001", "note": "", "shots": 1000, "seconds": 0.5} | {str(n): n for n in range(9)}


def variables(points: int) -> dict[str, netcdf.Variable]:
    return {
        "x": (("target", "point"), RANDOM.normal(size=(2, points)), {"units": "s"}),
        "blocks": (("target", "block", "point", "part"), np.ones((2, 3, points, 2)), {}),
        "curve": (("target", "curve_point"), np.full((2, 4), np.nan), {"long_name": "µ"}),
    }


def sizes(points: int) -> dict[str, int]:
    return {"point": points, "block": 3, "curve_point": 4}


def by_h5netcdf(points: int, measured: dict[str, netcdf.Variable]) -> io.BytesIO:
    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        file.dimensions = sizes(points) | {name: len(each) for name, each in NAMES.items()}
        for dim, texts in NAMES.items():
            data = np.array(texts, dtype=object)
            file.create_variable(dim, (dim,), h5py.string_dtype(), data=data)
        for name, (dims, values, said) in measured.items():
            made = file.create_variable(name, dims, data=values, fillvalue=np.nan)
            made.attrs.update(said)
        file.attrs.update(SAID)
    return buffer


@pytest.mark.parametrize("points", [0, 1, 5])
def test_a_file_reads_as_one_that_h5netcdf_made(points: int) -> None:
    measured = variables(points)
    ours = netcdf.in_memory(sizes(points) | NAMES, measured, SAID)
    with (
        xarray.open_dataset(io.BytesIO(ours), engine="h5netcdf") as made,
        xarray.open_dataset(by_h5netcdf(points, measured), engine="h5netcdf") as known,
    ):
        xarray.testing.assert_identical(made.load(), known.load())
        assert list(made) == list(known)
        assert {k: type(v) for k, v in made.attrs.items()} == {
            k: type(v) for k, v in known.attrs.items()
        }
        assert {n: v.encoding["_FillValue"] for n, v in made.items()}.keys() == measured.keys()


def test_numbers_carry_checksums() -> None:
    with h5py.File(io.BytesIO(netcdf.in_memory(sizes(5) | NAMES, variables(5), {}))) as file:
        assert all(file[name].fletcher32 for name in variables(5))
