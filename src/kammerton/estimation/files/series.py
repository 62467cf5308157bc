"""Several sweeps over one axis in files: a column of labels, a column for each, or a file for each.

Also the labels of single shots, which are states as those of a dispersive shift are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.columns import (
    MAX_POINTS,
    Choice,
    Chosen,
    axis_values,
    is_error,
    phase_column,
    refuse_long,
    signal_columns,
    told,
)
from kammerton.estimation.files.counters import may_be_swept, without_counters
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import (
    LAYOUTS,
    SERIES,
    Axis,
    Layout,
    named_after,
    named_wholly,
)
from kammerton.estimation.files.levels import with_units
from kammerton.estimation.files.signals import Signal, complex_signal, signal_name
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.text import nearest
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

Sweep = tuple[float, FloatArray, Signal, FloatArray]
"""Label, x, y and sigma of one series."""


def choose_series(tables: Sequence[Table], kind: str, choice: Choice) -> Chosen[Grid]:
    """Return the series of `kind` in one table, or in one table for each in the usual order.

    x may repeat (a randomized benchmarking has many sequences of one length); what one series
    has and another has not is missing there.

    Raises
    ------
    TraceError
        A column, unit or label cannot be used; file, line and column are named.
    """
    layout = LAYOUTS[kind]
    if choice.cal_points:
        raise TraceError(f"{tables[0].path}: {kind} has no calibration points in a file")
    for table in tables:
        refuse_long(table, MAX_POINTS)
    if len(tables) > 1:
        return _of_files(tables, kind, choice, layout)
    table = tables[0]
    label = label_column(table, layout.axes[0])
    if label is None:
        return _wide(table, kind, choice, layout)
    return _long(table, label, kind, choice, layout)


def label_column(table: Table, axis: Axis) -> int | None:
    """Return the column that says which series a row belongs to: by name, or one of words."""
    named = [i for i, title in enumerate(table.headings)
             if named_after(title, axis) and not is_error(title)]  # fmt: skip
    if len(named) == 1:
        return named[0]
    for column in range(len(table.headings)):
        cells = table.texts(column)
        if all(cell and number(cell) is None for cell in cells):
            return column
    return None


def labels_of(table: Table, column: int, layout: Layout) -> FloatArray:
    """Return the labels of all rows as numbers.

    Raises
    ------
    TraceError
        A label is no number and none of the words; its line is named.
    """
    cells = table.texts(column)
    named: dict[str, float] = {}
    words = _words(cells, layout)
    for row, cell in enumerate(cells):
        if cell in named:
            continue
        value = _label(cell, words)
        if value is None:
            raise TraceError(
                f"{table.path}, line {table.line(row)}: {cell!r} in column"
                f" {table.headings[column].text!r} is no {layout.axes[0].name}"
                f"{nearest(cell, words)}; {_usual(layout)}"
            )
        named[cell] = value
    return np.array([named[cell] for cell in cells])


def _words(cells: Sequence[str], layout: Layout) -> dict[str, float]:
    """Return the words for labels; where the kind has none of its own, in order of appearance."""
    own = {word: float(n) for n, words in enumerate(layout.labels) for word in words}
    if own and any(len(words) > 1 for words in layout.labels):
        return own
    texts = [cell.casefold() for cell in dict.fromkeys(cells) if number(cell) is None]
    return {text: float(n) for n, text in enumerate(texts)} if layout.labels else {}


def _label(text: str, words: dict[str, float]) -> float | None:
    bare = text.casefold().strip("|<>⟩⟨ ")
    if bare in words:
        return words[bare]
    value = number(bare)
    return value if value is not None and math.isfinite(value) else None


def _usual(layout: Layout) -> str:
    if not layout.labels:
        return "it is a number"
    return "usual are " + ", ".join(repr(word) for words in layout.labels for word in words[:2])


def _names_of(layout: Layout) -> dict[float, str]:
    """Return the usual names of series that have any: reference and interleaved; state 0 and 1."""
    place = 1 if layout.axes[0] is SERIES else 0
    return {float(n): words[place] for n, words in enumerate(layout.labels) if len(words) > 1}


def _long(table: Table, label: int, kind: str, choice: Choice, layout: Layout) -> Chosen[Grid]:
    swept = _swept(table, {label}, choice, layout.axes[1])
    x, unit, notes = axis_values(table, swept, layout.axes[1], kind, choice.x_unit)
    taken = {label, swept}
    signal = signal_columns(table, choice, taken)[0]
    phase = phase_column(table, choice, signal, taken) if layout.phase else None
    table, supposed = with_units(table, kind, choice.y_unit, [signal], [phase], choice.sigma)
    y, sigma, y_unit = complex_signal(table, signal, phase, choice.sigma)
    labels = labels_of(table, label, layout)
    sweeps = [(float(one), x[labels == one], y[labels == one], sigma[labels == one])
              for one in np.unique(labels)]  # fmt: skip
    called = dict(zip(labels.tolist(), table.texts(label), strict=True))
    if layout.axes[0] is SERIES:
        called |= _names_of(layout)
    names = table.headings[label].name, table.headings[swept].name
    told_of = told(table, [label, swept], signal, phase, choice)
    all_notes = [*notes, *supposed, *told_of]
    grid = _together(table, sweeps, called, names, (unit, y_unit), choice, all_notes)
    return _titled(grid, table, signal)


def _wide(table: Table, kind: str, choice: Choice, layout: Layout) -> Chosen[Grid]:
    if choice.sigma is not None:
        raise TraceError(
            f"{table.path}: sigma is for one series; put the series below each other, with a"
            f" column {layout.axes[0].name!r}"
        )
    swept = _swept(table, set(), choice, layout.axes[1])
    x, unit, notes = axis_values(table, swept, layout.axes[1], kind, choice.x_unit)
    signals = signal_columns(table, choice, {swept})
    if len(signals) < 2:
        raise TraceError(
            f"{table.path}: {kind} needs several series: a column {layout.axes[0].name!r}, a"
            " column of values for each, or a file for each"
        )
    phases = [
        i for i in range(len(table.headings))
        if i not in (swept, *signals) and not is_error(table.headings[i])
    ] if layout.phase else []  # fmt: skip
    titles = [table.headings[i].name for i in signals]
    labels = _labels_of_titles(table, titles, layout)
    paired = phases if len(phases) == len(signals) else [None] * len(signals)
    table, supposed = with_units(table, kind, choice.y_unit, signals, paired)
    read = [complex_signal(table, i, p, None) for i, p in zip(signals, paired, strict=True)]
    sweeps = [(label, x, y, sigma) for label, (y, sigma, _) in zip(labels, read, strict=True)]
    called = dict(zip(labels, titles, strict=True)) | _names_of(layout)
    told_of = f"x is {table.headings[swept].text!r}, the series are {', '.join(map(repr, titles))}"
    names = layout.axes[0].name, table.headings[swept].name
    all_notes = [*notes, *supposed, told_of]
    return _together(table, sweeps, called, names, (unit, read[0][2]), choice, all_notes)


def _labels_of_titles(table: Table, titles: Sequence[str], layout: Layout) -> list[float]:
    """Return a label for each column: a word of its title, else the last number in it."""
    words = _words([], layout)
    if layout.labels and not words:
        return [float(n) for n in range(len(titles))]
    labels = [_label_of_title(title, words) for title in titles]
    for title, label in zip(titles, labels, strict=True):
        if label is None:
            raise TraceError(
                f"{table.path}: column {title!r} does not say which {layout.axes[0].name} it is;"
                f" {_usual(layout)}"
            )
    found = [label for label in labels if label is not None]
    if len(set(found)) < len(found):
        raise TraceError(
            f"{table.path}: two of the columns {', '.join(map(repr, titles))} are the same"
            f" {layout.axes[0].name}"
        )
    return found


def _label_of_title(title: str, words: dict[str, float]) -> float | None:
    for part in re.split(r"[^a-z0-9.]+", title.casefold()):
        if part in words and not part.isdigit():
            return words[part]
    numbers = re.findall(r"\d+(?:\.\d+)?", title)
    return float(numbers[-1]) if numbers else None


def _of_files(tables: Sequence[Table], kind: str, choice: Choice, layout: Layout) -> Chosen[Grid]:
    if not layout.labels or len(tables) != len(layout.labels):
        raise TraceError(
            f"{len(tables)} files, but {kind} takes one"
            + (f", or {len(layout.labels)}: one for each {layout.axes[0].name}"
               if layout.labels else "")
        )  # fmt: skip
    sweeps, notes, units, names = [], [], set(), ("", "")
    for n, table in enumerate(tables):
        swept = _swept(table, set(), choice, layout.axes[1])
        x, unit, said = axis_values(table, swept, layout.axes[1], kind, choice.x_unit)
        signal = signal_columns(table, choice, {swept})[0]
        phase = phase_column(table, choice, signal, {swept}) if layout.phase else None
        table, supposed = with_units(table, kind, choice.y_unit, [signal], [phase], choice.sigma)
        y, sigma, y_unit = complex_signal(table, signal, phase, choice.sigma)
        sweeps.append((float(n), x, y, sigma))
        notes += [*said, *supposed, *told(table, [swept], signal, phase, choice)]
        units.add((unit, y_unit))
        names = layout.axes[0].name, table.headings[swept].name
    if len(units) > 1:
        raise TraceError(f"{tables[1].path}: other units than in {tables[0].path}")
    called = {float(n): words[0] for n, words in enumerate(layout.labels)} | _names_of(layout)
    grid = _together(tables[0], sweeps, called, names, units.pop(), choice, notes)
    return _titled(grid, table, signal)


def _titled(chosen: Chosen[Grid], table: Table, signal: int) -> Chosen[Grid]:
    return replace(chosen, trace=replace(chosen.trace, y_name=signal_name(table, signal)))


def _swept(table: Table, taken: set[int], choice: Choice, axis: Axis) -> int:
    """Return the column of the swept axis: chosen, by name, or the first."""
    if choice.x:
        return table.find(choice.x[-1])
    free = [i for i in range(len(table.headings)) if i not in taken]
    named = [i for i in free if named_after(table.headings[i], axis)]
    named = named or [i for i in free if named_wholly(table.headings[i], axis)]
    if named:
        return without_counters(table, named)[0]
    return next((i for i in free if may_be_swept(table, i)), free[0])


def _together(
    table: Table, sweeps: list[Sweep], called: dict[float, str], names: tuple[str, str],
    units: tuple[str, str], choice: Choice, notes: Sequence[str],
) -> Chosen[Grid]:  # fmt: skip
    """Put all series on one axis, on which a value stands as often as in any of them."""
    if len(sweeps) < 2:
        raise TraceError(f"{table.path}: only one series ({called[sweeps[0][0]]!r})")
    counts: dict[float, int] = {}
    for _, x, _, _ in sweeps:
        for value, count in zip(*np.unique(x, return_counts=True), strict=True):
            counts[float(value)] = max(counts.get(float(value), 0), int(count))
    axis = np.array([value for value in sorted(counts) for _ in range(counts[value])])
    rows = [_on_axis(axis, sweep) for sweep in sweeps]
    labels = np.array([label for label, *_ in sweeps])
    grid = Grid(
        table.path.stem, (labels, axis), np.stack([y for y, _ in rows]),
        np.stack([sigma for _, sigma in rows]), names, ("", units[0]), units[1],
        tuple(called[float(label)] for label in labels),
    )  # fmt: skip
    return Chosen(grid, choice.sigma is not None, tuple(dict.fromkeys(notes)))


def _on_axis(axis: FloatArray, sweep: Sweep) -> tuple[Signal, FloatArray]:
    _, x, y, sigma = sweep
    order = np.argsort(x, kind="stable")
    ascending = x[order]
    turn = np.arange(x.size) - np.searchsorted(ascending, ascending)  # which of its repetitions
    place = np.searchsorted(axis, ascending) + turn
    values, errors = np.full(axis.size, math.nan, dtype=y.dtype), np.full(axis.size, math.nan)
    values[place], errors[place] = y[order], sigma[order]
    return values, errors
