"""Maps in a file: one row for each cell, or a matrix whose first row and column are the axes."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.columns import (
    Choice,
    Chosen,
    axis_unit,
    axis_values,
    phase_column,
    refuse_long,
    signal_columns,
    told,
)
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS, Axis, named_after
from kammerton.estimation.files.levels import RESONATORS, level_of, with_units
from kammerton.estimation.files.powers import in_power, refuse_negative, root, root_name
from kammerton.estimation.files.signals import Signal, complex_signal, signal_name, unit_of
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.titles import Heading, heading
from kammerton.estimation.files.units import DECIBEL, level, si
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

MAX_CELLS = 1_000_000
SPARSE = 0.05  # part of the cells that must be there


def choose_map(table: Table, kind: str, choice: Choice) -> Chosen[Grid]:
    """Return the map of `kind` that a table holds; cells that are not there are NaN.

    Columns of the axes are found by name, then by unit, then by position.

    Raises
    ------
    TraceError
        A column, unit or cell cannot be used; file, line and column are named.
    """
    refuse_long(table, MAX_CELLS)
    if choice.cal_points:
        raise TraceError(f"{table.path}: a map has no calibration points")
    if _is_matrix(table):
        return _matrix(table, kind, choice)
    layout = LAYOUTS[kind]
    columns = axis_columns(table, layout.axes, choice)
    units = chosen_units(str(table.path), layout.axes, choice.x_unit)
    axes = [
        axis_values(table, column, axis, kind, unit)
        for column, axis, unit in zip(columns, layout.axes, units, strict=True)
    ]
    signal = signal_columns(table, choice, set(columns))[0]
    phase = phase_column(table, choice, signal, set(columns)) if layout.phase else None
    table, supposed = with_units(table, kind, choice.y_unit, [signal], [phase], choice.sigma)
    y, sigma, y_unit = complex_signal(table, signal, phase, choice.sigma)
    x, cells = _cells(table, axes[0][0], axes[1][0])
    names = table.headings[columns[0]].name, table.headings[columns[1]].name
    grid = Grid(
        table.path.stem, x, _spread(y, cells, x), _spread(sigma, cells, x).real, names,
        (axes[0][1], axes[1][1]), y_unit, y_name=signal_name(table, signal),
    )  # fmt: skip
    said = told(table, columns, signal, phase, choice)
    notes = (*axes[0][2], *axes[1][2], *supposed, *said)
    return Chosen(grid, choice.sigma is not None, notes)


def axis_columns(table: Table, axes: tuple[Axis, ...], choice: Choice) -> list[int]:
    """Return the column of each axis."""
    if choice.x:
        if len(choice.x) != len(axes):
            names = " and ".join(axis.name for axis in axes)
            raise TraceError(
                f"{table.path}: {len(choice.x)} columns are chosen as x, but the axes are {names}"
            )
        return [table.find(name) for name in choice.x]
    found: dict[int, int] = {}
    for match in (named_after, _measured_in, _any_signal):
        for n, axis in enumerate(axes):
            if n not in found:
                free = [i for i in range(len(table.headings)) if i not in found.values()]
                hits = [i for i in free if match(table.headings[i], axis)]
                inside = [i for i in hits if _measured_in(table.headings[i], axis)]
                found |= {n: (inside or hits)[0]} if hits else {}
    if len(found) < len(axes):
        raise TraceError(f"{table.path}: too few columns for {len(axes)} axes and a signal")
    return [found[n] for n in range(len(axes))]


def _measured_in(title: Heading, axis: Axis) -> bool:
    if not axis.unit or title.unit is None:
        return False
    try:
        return si(title.unit)[0] == axis.unit
    except ValueError:
        return False


def _any_signal(title: Heading, axis: Axis) -> bool:
    return True


def chosen_units(source: str, axes: tuple[Axis, ...], written: str | None) -> list[str | None]:
    """Return for each axis which of the units, parted by commas, is its own; None for none.

    Raises
    ------
    TraceError
        A unit fits none of the axes.
    """
    result: list[str | None] = [None] * len(axes)
    for text in [] if written is None else [part.strip() for part in written.split(",")]:
        fits = [n for n, axis in enumerate(axes) if result[n] is None and _fits(text, axis)]
        exact = [n for n in fits if axes[n].unit is not None]
        if not fits:
            raise TraceError(f"{source}: no axis is in {text!r} (--x-unit)")
        result[(exact or fits)[0]] = text
    return result


def _fits(text: str, axis: Axis) -> bool:
    try:
        return axis.unit in (None, si(text)[0])
    except ValueError:
        return axis.unit is None


def _cells(
    table: Table, first: FloatArray, second: FloatArray
) -> tuple[tuple[FloatArray, FloatArray], tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the axes, and the cell of every row."""
    a, i = np.unique(first, return_inverse=True)
    b, j = np.unique(second, return_inverse=True)
    if a.size * b.size > MAX_CELLS:
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


def _spread(
    values: Signal,
    cells: tuple[NDArray[np.intp], NDArray[np.intp]], x: tuple[FloatArray, FloatArray],
) -> Signal:  # fmt: skip
    result = np.full((x[0].size, x[1].size), math.nan, dtype=values.dtype)
    result[cells] = values
    return result


def _is_matrix(table: Table) -> bool:
    """Whether the first row and the first column are axes."""
    if len(table.headings) < 4:
        return False
    if all(_finite(title.text) for title in table.headings[1:]):
        return True
    corner, *others = table.rows[0][1]
    return table.headings[0].text == "column 1" and not corner.strip() and all(map(_finite, others))


def _finite(text: str) -> bool:
    value = number(text)
    return value is not None and math.isfinite(value)


def _matrix(table: Table, kind: str, choice: Choice) -> Chosen[Grid]:
    """Rows are the first axis of the kind, unless the corner names both, rows first."""
    layout = LAYOUTS[kind]
    if choice.x or choice.y or choice.phase or choice.sigma:
        raise TraceError(f"{table.path}: a matrix has no columns to choose (--x, --y, ...)")
    table, across = _across(table)
    corner = table.headings[0].text
    titles = [heading(part) for part in re.split(r"\\|/(?![^\[(]*[\])])", corner)]
    swapped = len(titles) == 2 and _belongs(titles[0], layout.axes[1])
    axes = layout.axes[::-1] if swapped else layout.axes
    if len(titles) != 2:
        titles = [Heading(axis.name, axis.name, None) for axis in axes]
    written = chosen_units(str(table.path), axes, choice.x_unit)
    units = [
        axis_unit(table, title, axis, kind, unit)
        for title, axis, unit in zip(titles, axes, written, strict=True)
    ]
    down = table.numbers(0)
    y, y_unit, y_name, supposed = _cells_of(table, kind, choice.y_unit)
    _refuse_axes(table, down, across)
    x, cells = _cells(table, np.repeat(down, across.size), np.tile(across, down.size))
    grid = Grid(
        table.path.stem, (x[0] * units[0][1], x[1] * units[1][1]), _spread(y.ravel(), cells, x),
        np.full((x[0].size, x[1].size), math.nan), (titles[0].name, titles[1].name),
        (units[0][0], units[1][0]), y_unit, y_name=y_name,
    )  # fmt: skip
    note = f"a matrix: rows are {titles[0].text!r}, columns are {titles[1].text!r}"
    notes = (*units[0][2], *units[1][2], *supposed, note)
    return Chosen(_turned(grid) if swapped else grid, False, notes)


def _cells_of(table: Table, kind: str, unit: str | None) -> tuple[FloatArray, str, str, list[str]]:
    """Return the cells of a matrix, their unit, what they are called, and what was supposed."""
    y = np.stack([table.numbers(k, empty=True) for k in range(1, len(table.headings))], axis=1)
    notes: list[str] = []
    if unit is None:
        unit, notes = level_of(y, kind, f"{table.path}: y, the cells of the matrix,")
    if level(unit):
        return 10 ** (y / 20), "", DECIBEL[level(unit)], notes
    title = Heading("y", "y", unit)
    si_unit, factor = unit_of(table, title, unit or "", None)
    if kind in RESONATORS and in_power(unit):
        refuse_negative(y, f"{table.path}: y, the cells of the matrix,")
        return root(y * factor, y, si_unit)[0], "", root_name(title), notes
    return y * factor, si_unit, "", notes


def _across(table: Table) -> tuple[Table, FloatArray]:
    """Take the axis that stands in the first row off a matrix."""
    if all(_finite(title.text) for title in table.headings[1:]):
        return table, np.array([number(title.text) for title in table.headings[1:]], dtype=float)
    first = [number(cell) for cell in table.rows[0][1][1:]]
    return replace(table, rows=table.rows[1:]), np.array(first, dtype=float)


def _belongs(title: Heading, axis: Axis) -> bool:
    return named_after(title, axis) or _measured_in(title, axis)


def _refuse_axes(table: Table, down: FloatArray, across: FloatArray) -> None:
    missing = np.flatnonzero(~np.isfinite(down))
    if missing.size:
        line = table.line(int(missing[0]))
        raise TraceError(f"{table.path}, line {line}: the row of the matrix has no value of x")
    for axis, what in ((down, "rows"), (across, "columns")):
        if np.unique(axis).size < axis.size:
            raise TraceError(f"{table.path}: two {what} of the matrix have the same x")


def _turned(grid: Grid) -> Grid:
    return replace(
        grid, x=grid.x[::-1], y=grid.y.T, sigma=grid.sigma.T, names=grid.names[::-1],
        units=grid.units[::-1],
    )  # fmt: skip
