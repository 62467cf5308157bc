"""Maps in a file: one row for each cell, or a matrix whose first row and column are the axes."""

from __future__ import annotations

from kammerton.estimation.files.axis_units import chosen_units
from kammerton.estimation.files.columns import (
    Choice,
    Chosen,
    axis_values,
    phase_column,
    refuse_long,
    signal_columns,
    told,
)
from kammerton.estimation.files.grid import MOST, Grid, placed, spread
from kammerton.estimation.files.layouts import LAYOUTS, Axis, measured_in, named_after
from kammerton.estimation.files.levels import with_units
from kammerton.estimation.files.matrix import is_matrix, matrix
from kammerton.estimation.files.signals import complex_signal, signal_name
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.titles import Heading
from kammerton.model import TraceError

COLUMNS = 6
"""The most that a list of cells has: two axes, a signal, its phase and error, the shots."""


def choose_map(table: Table, kind: str, choice: Choice) -> Chosen[Grid]:
    """Return the map of `kind` that a table holds; cells that are not there are NaN.

    Columns of the axes are found by name, then by unit, then by position.

    Raises
    ------
    TraceError
        A column, unit or cell cannot be used; file, line and column are named.
    """
    refuse_long(table, MOST)
    if choice.cal_points:
        raise TraceError(f"{table.path}: a map has no calibration points")
    if is_matrix(table):
        return matrix(table, kind, choice)
    _refuse_bare(table, choice)
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
    x, cells = placed(table, axes[0][0], axes[1][0])
    names = table.headings[columns[0]].name, table.headings[columns[1]].name
    grid = Grid(
        table.path.stem, x, spread(y, cells, x), spread(sigma, cells, x).real, names,
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
    for match in (named_after, measured_in, _any_signal):
        for n, axis in enumerate(axes):
            if n not in found:
                free = [i for i in range(len(table.headings)) if i not in found.values()]
                hits = [i for i in free if match(table.headings[i], axis)]
                inside = [i for i in hits if measured_in(table.headings[i], axis)]
                found |= {n: (inside or hits)[0]} if hits else {}
    if len(found) < len(axes):
        raise TraceError(f"{table.path}: too few columns for {len(axes)} axes and a signal")
    return [found[n] for n in range(len(axes))]


def _any_signal(title: Heading, axis: Axis) -> bool:
    return True


def _refuse_bare(table: Table, choice: Choice) -> None:
    """Refuse cells alone, as `numpy.savetxt` writes an array: nothing says where they lie."""
    bare = all(title.text == f"column {k}" for k, title in enumerate(table.headings, 1))
    if bare and not choice.x and len(table.headings) > COLUMNS:
        raise TraceError(
            f"{table.path}: {len(table.headings)} columns without titles: if they are the cells of"
            " a matrix, its axes are missing; put the values of one in a line above, with a corner"
            " such as 'bias [V]', and those of the other in a column before"
        )
