"""Files that are no text, and the line of Python that makes a table of text from each."""

from __future__ import annotations

from pathlib import Path

from kammerton.model import TraceError

HEAD = 16
"""Bytes that tell what a file is."""

NETCDF = 'import xarray; xarray.open_dataset("{name}").to_dataframe().to_csv("{stem}.csv")'
ARRAY = 'import numpy; numpy.savetxt("{stem}.csv", numpy.load("{name}"), delimiter=",")'
RUN = (
    "from qcodes.dataset import load_by_id, initialise_or_create_database_at as use;"
    ' use("{name}"); load_by_id(1).to_pandas_dataframe().to_csv("{stem}.csv")'
)

EXPORTS = {
    b"\x89HDF": ("netCDF or HDF5", NETCDF),
    b"CDF": ("netCDF", NETCDF),
    b"\x93NUMPY": ("an array of numpy", ARRAY + "  # a row for each point: x, y"),
    b"SQLite format 3": ("a database, of QCoDeS perhaps", RUN + "  # 1: the run"),
}
"""How a file begins, what it is then, and what exports it.

`export("csv")` of a QCoDeS data set leaves the names of the columns out (`dataframe_to_csv` of
qcodes.dataset.exporters writes no header), and its `to_pandas_dataframe` keeps them.
"""

SHEETS = (".xlsx", ".xlsm", ".ods")


def refuse_binary(path: Path, raw: bytes) -> None:
    """Raise TraceError for a file that begins as those of a known format that is no text do."""
    for begins, (what, line) in EXPORTS.items():
        if raw.startswith(begins):
            python = line.format(name=path.name, stem=path.stem)
            raise TraceError(
                f"{path}: not a text file, but {what}; in Python this makes it one: {python}"
            )
    if raw.startswith(b"PK\x03\x04") and path.suffix.lower() in SHEETS:
        raise TraceError(f"{path}: not a text file, but a spreadsheet; save it as CSV there")
