"""Single shots in files: columns state, I and Q; or a file of I and Q for each prepared state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kammerton.estimation.files.columns import Choice, Chosen, refuse_long
from kammerton.estimation.files.layouts import LAYOUTS, Axis, named_after
from kammerton.estimation.files.series import label_column, labels_of
from kammerton.estimation.files.signals import unit_of
from kammerton.estimation.files.table import Table
from kammerton.model import Trace, TraceError
from kammerton.model.trace import ComplexArray

MAX_SHOTS = 1_000_000
IN_PHASE = Axis("I", None, ("i", "real", "re", "inphase"))
QUADRATURE = Axis("Q", None, ("q", "imag", "im", "quadrature"))


def choose_shots(tables: Sequence[Table], kind: str, choice: Choice) -> Chosen[Trace]:
    """Return single shots as a trace: x is the state each was prepared in, y is I + iQ.

    Raises
    ------
    TraceError
        A column or a state cannot be used; file, line and column are named.
    """
    layout = LAYOUTS[kind]
    first = tables[0]
    if choice.sigma or choice.phase or choice.cal_points or choice.y:
        raise TraceError(f"{first.path}: {kind} takes I and Q of every shot, and nothing else")
    for table in tables:
        refuse_long(table, MAX_SHOTS)
    if len(tables) > len(layout.labels):
        raise TraceError(f"{len(tables)} files, but at most {len(layout.labels)} states")
    if len(tables) > 1:
        read = [_quadratures(table, choice) for table in tables]
        states = np.concatenate([np.full(y.size, n) for n, (y, _) in enumerate(read)])
        first_file, *others = (table.path.name for table in tables)
        more = [f", those of {name} in state {n + 1}" for n, name in enumerate(others)]
        notes = [f"the shots of {first_file} were prepared in state 0" + "".join(more)]
    else:
        label = _label(first, choice, layout.axes[0])
        read = [_quadratures(first, replace(choice, x=choice.x[len(choice.x) % 2 :]))]
        states = labels_of(first, label, layout)
        notes = [f"the state is {first.headings[label].text!r}"]
    _whole(first, states)
    units = {unit or "V" for _, unit in read}
    if not all(unit for _, unit in read):
        notes.append("I and Q name no unit: taken as V (--y-unit chooses another)")
    if len(units) > 1:
        raise TraceError(f"{tables[1].path}: other units than in {first.path}")
    y = np.concatenate([y for y, _ in read])
    trace = Trace(first.path.stem, states.astype(np.intp), y, np.full(y.size, np.nan),
                  "state", "", units.pop())  # fmt: skip
    return Chosen(trace, False, tuple(notes))


def _label(table: Table, choice: Choice, axis: Axis) -> int:
    """Return the column of the state: chosen, alone or before I and Q, or by name."""
    if len(choice.x) in (1, 3):
        return table.find(choice.x[0])
    label = label_column(table, axis)
    if label is None:
        raise TraceError(
            f"{table.path}: no column 'state', which says what a shot was prepared in (--x chooses"
            f" one, or a file for each state tells); the columns are {_names(table)}"
        )
    return label


def _names(table: Table) -> str:
    return ", ".join(repr(title.name) for title in table.headings)


def _quadratures(table: Table, choice: Choice) -> tuple[ComplexArray, str]:
    if choice.x:
        if len(choice.x) != 2:
            raise TraceError(
                f"{table.path}: --x chooses the state, or two columns, I and Q, or all three"
            )
        columns = [table.find(name) for name in choice.x]
    else:
        columns = [_column(table, axis) for axis in (IN_PHASE, QUADRATURE)]
    scaled = []
    for column in columns:
        title = table.headings[column]
        written = choice.x_unit or choice.y_unit or title.unit or ""
        unit, factor = unit_of(table, title, written, None)
        scaled.append((table.numbers(column) * factor, unit))
    (i, unit), (q, other) = scaled
    if unit != other:
        raise TraceError(f"{table.path}: I is in {unit or 'no unit'}, but Q in {other or 'none'}")
    return i + 1j * q, unit


def _column(table: Table, axis: Axis) -> int:
    hits = [i for i, title in enumerate(table.headings) if named_after(title, axis)]
    if not hits:
        raise TraceError(
            f"{table.path}: no column {axis.name!r} (--x chooses two columns, I and Q); the columns"
            f" are {_names(table)}"
        )
    return hits[0]


def _whole(table: Table, states: np.ndarray) -> None:
    odd = np.flatnonzero(~np.isin(states, (0, 1, 2)))
    if odd.size:
        raise TraceError(
            f"{table.path}, line {table.line(int(odd[0]))}: the state is {states[odd[0]]:g}; it"
            " must be 0, 1 or 2"
        )
