"""A map as a matrix: its first row and column are the axes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from kammerton.estimation.files.axis_units import chosen_units
from kammerton.estimation.files.cells import number
from kammerton.estimation.files.columns import Choice, Chosen, axis_unit
from kammerton.estimation.files.grid import Grid, placed, spread
from kammerton.estimation.files.layouts import LAYOUTS, Axis
from kammerton.estimation.files.levels import RESONATORS, level_of
from kammerton.estimation.files.matrix_titles import (
    axis_of_columns,
    column_value,
    corner_titles,
    side_of,
)
from kammerton.estimation.files.powers import in_power, refuse_negative, root, root_name
from kammerton.estimation.files.signals import unit_of
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.titles import Heading, heading
from kammerton.estimation.files.units import DECIBEL, level
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

Axes = tuple[Axis, ...]

CARRIER = 1e6
"""Hz: bare numbers from here on are frequencies, and below they are biases or powers."""


@dataclass(frozen=True)
class _Sides:
    """What rows and columns are: their titles and axes; said: whether the file or the user says so.

    turned: the rows are the second axis of the kind.
    """

    titles: tuple[Heading, Heading]
    axes: Axes
    turned: bool
    said: bool


def is_matrix(table: Table) -> bool:
    """Whether the first row and the first column are axes."""
    if len(table.headings) < 4:
        return False
    if _titled_by_values(table):
        return True
    corner, *others = table.rows[0][1]
    if table.headings[0].text != "column 1" or corner.strip():
        return False
    values = [number(text) for text in others]
    return all(value is not None and math.isfinite(value) for value in values)


def _titled_by_values(table: Table) -> bool:
    return all(column_value(title.text) is not None for title in table.headings[1:])


def matrix(table: Table, kind: str, choice: Choice) -> Chosen[Grid]:
    """Return the map; rows and columns are what `--x` or the corner says, rows first.

    So do the titles of the columns, which may be values with a unit and a name. Else a frequency
    is told from a bias where both are bare numbers of such sizes, and else rows are the first axis
    of the kind.
    """
    if choice.y or choice.phase or choice.sigma:
        raise TraceError(f"{table.path}: a matrix has no columns to choose (--y, --phase, ...)")
    columns = _of_columns(table)
    table, across = _across(table)
    down = table.numbers(0)
    sides = _sides(table, LAYOUTS[kind].axes, choice.x, (down, across), columns)
    written = chosen_units(str(table.path), sides.axes, choice.x_unit)
    units = [
        axis_unit(table, title, axis, kind, unit)
        for title, axis, unit in zip(sides.titles, sides.axes, written, strict=True)
    ]
    y, y_unit, y_name, supposed = _cells_of(table, kind, choice.y_unit)
    _refuse_axes(table, down, across)
    x, cells = placed(table, np.repeat(down, across.size), np.tile(across, down.size))
    grid = Grid(
        table.path.stem, (x[0] * units[0][1], x[1] * units[1][1]), spread(y.ravel(), cells, x),
        np.full((x[0].size, x[1].size), math.nan), (sides.titles[0].name, sides.titles[1].name),
        (units[0][0], units[1][0]), y_unit, y_name=y_name,
    )  # fmt: skip
    notes = (*units[0][2], *units[1][2], *supposed, _note(sides))
    return Chosen(_turned(grid) if sides.turned else grid, False, notes)


def _note(sides: _Sides) -> str:
    rows, columns = (title.text for title in sides.titles)
    note = f"a matrix: rows are {rows!r}, columns are {columns!r}"
    if sides.said:
        return note
    other, one = (repr(axis.name) for axis in sides.axes)
    return f"{note}; its corner does not say so (--x {one} --x {other} turns it)"


def _sides(
    table: Table, axes: Axes, chosen: tuple[str, ...], values: tuple[FloatArray, FloatArray],
    columns: Heading | None,
) -> _Sides:  # fmt: skip
    """Return what rows and columns are; columns: what the titles of these say, if anything."""
    corner = table.headings[0].text
    titles = [heading(name) for name in chosen] or corner_titles(corner)
    if chosen:
        _check_chosen(table, titles, axes)
    if columns is not None:
        titles = [titles[0], _joined(table, titles[1:], columns)]
    own = [side_of(title, axes) for title in titles]
    if columns is not None and None is not own[0] == own[1]:
        raise TraceError(f"{table.path}: rows, {titles[0].text!r}, and columns, {titles[1].text!r},"
                         f" are both the {axes[own[0]].name} (--x twice says what they are, rows"
                         " first)")  # fmt: skip
    said = len(titles) == 2 or own[0] is not None
    turned = own[0] == 1 or (len(own) == 2 and own[0] is None and own[1] == 0)
    if not said:
        turned = _like_a_carrier(axes, *values)
    order = axes[::-1] if turned else axes
    rows, across, *_ = [*titles, None] if said else [None, None]
    return _Sides((_named(rows, order[0]), _named(across, order[1])), order, turned, said)


def _named(title: Heading | None, axis: Axis) -> Heading:
    """Return the title of one side; where it has no name of its own, that of the axis."""
    if title is None:
        return Heading(axis.name, axis.name, None)
    if title.name:
        return title
    text = f"{axis.name} [{title.unit}]" if title.unit else axis.name
    return Heading(text, axis.name, title.unit)


def _joined(table: Table, corner: list[Heading], columns: Heading) -> Heading:
    """Return what the corner, or `--x`, and the titles of the columns say of these together."""
    if not corner:
        return columns
    title, unit = corner[0], columns.unit
    if None not in (title.unit, unit) and title.unit != unit:
        raise TraceError(f"{table.path}: the corner has columns in {title.unit!r}, but their titles"
                         f" are in {unit!r}")  # fmt: skip
    return Heading(title.text, title.name, unit or title.unit)


def _check_chosen(table: Table, titles: list[Heading], axes: Axes) -> None:
    if sorted((side_of(title, axes) for title in titles), key=str) != [0, 1]:
        names = " and ".join(repr(axis.name) for axis in axes)
        raise TraceError(
            f"{table.path}: --x says what the rows of a matrix are, and once more what its columns"
            f" are; these are {names}"
        )


def _like_a_carrier(axes: Axes, down: FloatArray, across: FloatArray) -> bool:
    """Return whether only the columns can be the frequencies that the first axis is."""
    if axes[0].unit != "Hz":
        return False
    return bool(across.min() >= CARRIER > np.abs(down[np.isfinite(down)]).max(initial=0.0))


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


def _of_columns(table: Table) -> Heading | None:
    if not _titled_by_values(table):
        return None
    return axis_of_columns(table.path, [title.text for title in table.headings[1:]])


def _across(table: Table) -> tuple[Table, FloatArray]:
    """Take the axis that stands in the first row off a matrix."""
    if _titled_by_values(table):
        titles = table.headings[1:]
        return table, np.array([column_value(title.text) for title in titles], dtype=float)
    first = [number(cell) for cell in table.rows[0][1][1:]]
    return replace(table, rows=table.rows[1:]), np.array(first, dtype=float)


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
