"""Raw traces: one netCDF file a run, which `xarray.open_dataset` opens as it is.

Dimensions: `target`, `point`, `block`, `shot`, and `part` ("re", "im") of what is complex.
Variables: `axis` (what was swept), `blocks` and `shots` (complex volts), and what the fit saw:
`x`, `y`, `sigma` and the fitted `curve`. Where a fit saw other points than were swept, these
have the dimension `trace_point`. Shorter targets are filled up with NaN.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kammerton.model import Fit, Run, StoreError
from kammerton.store.checks import number_or_null, plain
from kammerton.store.disk import to_disk
from kammerton.store.rows import run_number

if TYPE_CHECKING:
    import h5netcdf
    import xarray

Array = NDArray[Any]
Variable = tuple[tuple[str, ...], Array, dict[str, str]]


def write_traces(path: Path, run: Run, note: str = "") -> Path | None:
    """Write a run's traces; the file appears whole or not at all. Return None without data.

    HDF5 never writes to the disk itself: where one is full, it ends the whole process (SIGSEGV)
    when it closes what it could not write.
    """
    if not run.traces and not run.records.blocks and not run.records.shots:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.part")
    try:
        temporary.write_bytes(_in_memory(run, path.stem, note))
        to_disk(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    to_disk(path.parent)
    return path


def demand_folder(data: Path | None) -> Path:
    """Return the folder of raw traces.

    Raises
    ------
    StoreError
        There is none: a server has no folder beside it, and the working directory is anybody's.
    """
    if data is None:
        raise StoreError("no folder is named for raw traces: open a server's database with `data`")
    return data


def last_file(data: Path | None) -> int:
    """Return the number of the last run that has a file in a folder; 0 where none has."""
    numbers = (run_number(file.stem) for file in data.glob("r*.nc")) if data else ()
    return max((number for number in numbers if number), default=0)


def _in_memory(run: Run, run_id: str, note: str) -> memoryview:
    """Return a file's bytes; the numbers carry checksums, which every reader looks at.

    Written without xarray, which takes 0.9 s of CPU time and 70 MB to load, and is needed for
    nothing else.
    """
    import h5netcdf

    buffer = io.BytesIO()
    measured = _measured(run) | _fitted(run)
    with h5netcdf.File(buffer, "w") as file:
        file.dimensions = _sizes(measured) | {"target": len(run.targets), "part": 2}
        _write_names(file, "target", list(run.targets))
        _write_names(file, "part", ["re", "im"])
        for name, (dims, values, attributes) in measured.items():
            checked = values.size > 0
            variable = file.create_variable(
                name, dims, data=values, fletcher32=checked, fillvalue=np.nan
            )
            variable.attrs.update(attributes)
        file.attrs.update(_attributes(run, run_id, note))
    return buffer.getbuffer()


def _sizes(variables: Mapping[str, Variable]) -> dict[str, int]:
    return {
        dim: size
        for dims, values, _ in variables.values()
        for dim, size in zip(dims, values.shape, strict=True)
    }


def _write_names(file: h5netcdf.File, dim: str, names: list[str]) -> None:
    import h5py

    texts = np.array(names, dtype=object)
    file.create_variable(dim, (dim,), h5py.string_dtype(), data=texts)


def open_traces(path: Path) -> xarray.Dataset:
    """Open a run's file; `.attrs["fits"]` holds the fits as JSON."""
    import xarray  # half a second, needed only where traces are touched

    return xarray.open_dataset(path, engine="h5netcdf")


def _measured(run: Run) -> dict[str, Variable]:
    program, records = run.program, run.records
    axis = {"units": _text(program.axis_unit), "long_name": _text(program.axis_name)}
    found = {
        "axis": _variable(run.targets, program.axis, ("point",), axis),
        "blocks": _variable(run.targets, records.blocks, ("block", "point"), {"units": "V"}),
        "shots": _variable(run.targets, records.shots, ("shot", "point"), {"units": "V"}),
    }
    return {name: variable for name, variable in found.items() if variable is not None}


def _fitted(run: Run) -> dict[str, Variable]:
    if not run.traces:
        return {}
    traces = run.traces
    first = next(iter(traces.values()))
    points = max(trace.x.size for trace in traces.values())
    dim = ("point" if points == _longest(run.program.axis) else "trace_point",)
    x = {"units": _text(first.x_unit), "long_name": _text(first.x_name)}
    y = {"units": _text(first.y_unit)}
    curves = {name: fit.curve for name, fit in run.fits.items() if fit.curve is not None}
    found = {
        "x": _variable(run.targets, {name: t.x for name, t in traces.items()}, dim, x),
        "y": _variable(run.targets, {name: t.y for name, t in traces.items()}, dim, y),
        "sigma": _variable(run.targets, {name: t.sigma for name, t in traces.items()}, dim, y),
        "curve": _variable(run.targets, curves, _curve_dim(curves, points, dim), y),
    }
    return {name: variable for name, variable in found.items() if variable is not None}


def _curve_dim(curves: Mapping[str, Array], points: int, dim: tuple[str]) -> tuple[str]:
    return dim if _longest(curves) == points else ("curve_point",)


def _longest(arrays: Mapping[str, Array]) -> int:
    return max((array.size for array in arrays.values()), default=0)


def _variable(
    targets: tuple[str, ...],
    arrays: Mapping[str, Array],
    dims: tuple[str, ...],
    attributes: dict[str, str],
) -> Variable | None:
    if not arrays:
        return None
    stack = _stack([arrays.get(target) for target in targets])
    if np.iscomplexobj(stack):  # netCDF has no complex numbers
        stack, dims = np.stack([stack.real, stack.imag], axis=-1), (*dims, "part")
    return ("target", *dims), stack, attributes


def _stack(arrays: list[Array | None]) -> Array:
    given = [array for array in arrays if array is not None]
    shape = tuple(max(sizes) for sizes in zip(*(array.shape for array in given), strict=True))
    kind = np.result_type(np.float64, *(array.dtype for array in given))
    stack = np.full((len(arrays), *shape), np.nan, dtype=kind)
    for row, array in zip(stack, arrays, strict=True):
        if array is not None:
            row[tuple(slice(size) for size in array.shape)] = array
    return stack


def _attributes(run: Run, run_id: str, note: str) -> dict[str, Any]:
    return {
        "run": run_id,
        "note": _text(note),
        "calibration": _text(run.calibration),
        "program": _text(run.program.name),
        "shots_per_point": int(run.program.shots),
        "reset_seconds": float(run.program.reset),
        "instrument_seconds": float(run.instrument_seconds),
        "clipped": float(run.records.clipped),
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "fits": json.dumps({name: _described(fit) for name, fit in run.fits.items()}),
    }


def _described(fit: Fit) -> dict[str, Any]:
    return {
        "kind": fit.kind,
        "verdict": str(fit.verdict),
        "status": fit.status,
        "reason": fit.reason,
        "chi2_reduced": number_or_null(fit.chi2_reduced),
        "values": {
            name: [number_or_null(each.value), number_or_null(each.stderr), each.unit]
            for name, each in fit.values.items()
        },
    }


def _text(text: str) -> str:
    return plain(text).replace("\0", "\\0")  # HDF5 ends a text at NUL
