"""A measurement over two axes: a map, or several sweeps over one axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.files.signals import Signal
from kammerton.estimation.files.table import Table
from kammerton.model import Trace, TraceError
from kammerton.model.trace import FloatArray

MOST = 1_000_000  # cells
SPARSE = 0.05  # part of the cells that must be there


@dataclass(frozen=True, eq=False)
class Grid:
    """One target's map, ready to fit: axes x (A,) and (B,), y (A, B), NaN where missing.

    sigma (A, B): of each point, or of each part of a complex one; NaN where unknown. names,
    units: of the axes. labels: what the values of the first axis are called, where they are words.
    y_name: what y is, where a file says it.
    """

    target: str
    x: tuple[FloatArray, FloatArray]
    y: NDArray[Any]
    sigma: FloatArray
    names: tuple[str, str]
    units: tuple[str, str]
    y_unit: str = ""
    labels: tuple[str, ...] = ()
    y_name: str = ""


def axes_of(trace: Trace | Grid) -> list[tuple[str, str]]:
    """Return name and unit of each axis that has a window: of series only that of their sweep."""
    if isinstance(trace, Grid):
        axes = list(zip(trace.names, trace.units, strict=True))
        return axes[1:] if trace.labels else axes
    return [(trace.x_name, trace.x_unit)]


def placed(
    table: Table, first: FloatArray, second: FloatArray
) -> tuple[tuple[FloatArray, FloatArray], tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the axes, and the cell of every row."""
    a, i = np.unique(first, return_inverse=True)
    b, j = np.unique(second, return_inverse=True)
    if a.size * b.size > MOST:
        raise TraceError(
            f"{table.path}: {len(first)} rows over {a.size} x {b.size} values of the axes are no"
            " map (--x chooses other columns)"
        )
    place = i * b.size + j
    order = np.argsort(place, kind="stable")
    again = np.flatnonzero(np.diff(place[order]) == 0)
    if again.size:
        rows = sorted((int(order[again[0]]), int(order[again[0] + 1])))
        raise TraceError(
            f"{table.path}, line {table.line(rows[1])}: this cell of the map is in line"
            f" {table.line(rows[0])} too"
        )
    if place.size < SPARSE * a.size * b.size:
        raise TraceError(
            f"{table.path}: only {place.size} of {a.size} x {b.size} cells are there; are these"
            " columns the axes? (--x chooses others)"
        )
    return (a, b), (i, j)


def spread(
    values: Signal,
    cells: tuple[NDArray[np.intp], NDArray[np.intp]], x: tuple[FloatArray, FloatArray],
) -> Signal:  # fmt: skip
    """Return the cells of a map (A, B), NaN where nothing was placed."""
    result = np.full((x[0].size, x[1].size), math.nan, dtype=values.dtype)
    result[cells] = values
    return result
