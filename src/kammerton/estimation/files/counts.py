"""Columns of counts and of shots: what was counted is divided by its shots, and has their errors.

On their way through the layouts of files the shots take the place of the errors, whose column is
ordered and spread over a grid as y is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.columns import Choice, Chosen, Signal, is_error, is_phase
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS, Form
from kammerton.estimation.files.populations import COUNTS, counted
from kammerton.estimation.files.series import label_column
from kammerton.estimation.files.table import Heading, Table
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.numeric.weights import of_counts
from kammerton.model import Trace
from kammerton.model.trace import FloatArray

SHOTS = ("shots", "nshots", "n_shots", "n shots", "number of shots")
ZEROS = ("zeros", "n0", "n_0", "counts_0", "counts 0")
SAME = 0.2
"""Of the scatter of the ones: so much may the sum of both states scatter, which is their shots."""

Counted = Chosen[Trace] | Chosen[Grid]


def with_shots(
    tables: Sequence[Table], kind: str, choice: Choice
) -> tuple[list[Table], Choice] | None:
    """Return tables whose counts are populations, and the choice of their shots as errors.

    None where a table has no column of shots nor counts of both states, or nothing but shots,
    where errors are chosen or y is scaled by calibration points, or the kind takes no populations.
    """
    if "shots" not in FIT_KINDS[kind].known or choice.sigma is not None or choice.cal_points:
        return None
    layout = LAYOUTS[kind]
    series = len(tables) == 1 and layout.form is Form.SERIES
    if series and label_column(tables[0], layout.axes[0]) is None:
        return None  # each column is a series
    found = [_divided(table, choice, len(layout.axes)) for table in tables]
    told = [each for each in found if each is not None]
    return ([table for table, _ in told], told[0][1]) if told and len(told) == len(found) else None


def of_shots(read: Counted, column: str) -> tuple[Counted, FloatArray] | str:
    """Return what was read with the errors of its shots, and the shots, shaped as y.

    Where they are not used, return why in a sentence, "" where y is no population. A point that is
    missing has one shot, which does not count.
    """
    trace = read.trace
    y, shots = np.asarray(trace.y), trace.sigma
    if np.iscomplexobj(y) or trace.y_unit:
        return ""
    there = np.isfinite(y)
    if not (shots[there] >= 1).all():
        return f"{column!r} is below 1 or missing where y is not: it is not used"
    if not counted(y, shots, trace.y_name):
        return ""
    outside = (y < 0) | (y > 1)
    y = np.where(outside, np.nan, y)
    shots = np.where(np.isnan(y), 1.0, shots)
    notes = [note for note in read.notes if not note.startswith(f"{column!r} ")]
    notes.append(f"{column!r} are the shots of each point: y has the errors of counts")
    if outside.any():
        notes.append(f"y is below 0 or above 1, which is no count, {_at(int(outside.sum()))}")
    return _with_errors(read, y, of_counts(y, shots), tuple(notes)), shots


def _with_errors(read: Counted, y: Signal, sigma: FloatArray, notes: tuple[str, ...]) -> Counted:
    trace = read.trace
    if isinstance(trace, Grid):
        return Chosen(replace(trace, y=y, sigma=sigma), True, notes)
    return Chosen(replace(trace, y=y, sigma=sigma), True, notes)


def _at(points: int) -> str:
    return "at 1 point: it is left out" if points == 1 else f"at {points} points: they are left out"


def _named(table: Table, names: Sequence[str]) -> int | None:
    """Return the one column after the first that has one of these names, and no other than counts.

    Counts are numbers that are not negative; some may be missing.
    """
    hits = [n for n, title in enumerate(table.headings) if n and title.name.casefold() in names]
    if len(hits) != 1:
        return None
    values = [number(cell) if cell else math.nan for cell in table.texts(hits[0])]
    good = [value for value in values if value is not None and not value < 0]
    return hits[0] if len(good) == len(values) and np.isfinite(good).any() else None


def _divided(table: Table, choice: Choice, axes: int) -> tuple[Table, Choice] | None:
    """Return a table with populations in the place of counts, and its shots as errors of them."""
    ones, zeros, shots = (_named(table, names) for names in (COUNTS, ZEROS, SHOTS))
    whole = ones is not None and _whole(table, ones)
    if shots is None and ones is not None and zeros is not None and whole:
        table, shots = _summed(table, zeros, ones)
    if shots is None or _measured(table, shots) <= axes:
        return None
    title, told = table.headings[shots], table.numbers(shots, empty=True)
    table = table.with_columns({shots: (replace(title, unit="1"), told)})  # whatever y is in
    by = replace(choice, sigma=title.name)
    if ones is None or not whole or not (told > 0).any():
        return table, by
    if choice.y is None and zeros is not None:
        by = replace(by, y=table.headings[ones].name)
    return _over(table, ones, shots), by


def _measured(table: Table, shots: int) -> int:
    """Return how many columns there are besides shots, phases and errors."""
    titles = [title for n, title in enumerate(table.headings) if n != shots]
    return sum(not (is_phase(title) or is_error(title)) for title in titles)


def _whole(table: Table, column: int) -> bool:
    """Return whether a column holds counts, and no populations: whole numbers, not all 0 and 1."""
    values = table.numbers(column, empty=True)
    values = values[np.isfinite(values)]
    return bool((values == np.round(values)).all() and (values > 1).any())


def _summed(table: Table, zeros: int, ones: int) -> tuple[Table, int | None]:
    """Return a table with shots in the place of the zeros, and their column.

    Counts of two qubits, whose sum changes as they do, are left: None.
    """
    other, counts = table.numbers(zeros, empty=True), table.numbers(ones)
    total = other + counts
    if not _whole(table, zeros) or not np.nanstd(total) <= SAME * np.nanstd(counts):
        return table, None
    name = f"{table.headings[zeros].text} + {table.headings[ones].text}"
    return table.with_columns({zeros: (Heading(name, name, None), total)}), zeros


def _over(table: Table, ones: int, shots: int) -> Table:
    title, by = table.headings[ones], table.headings[shots].text
    told, counts = table.numbers(shots, empty=True), table.numbers(ones)
    p = np.where(told > 0, counts / np.where(told > 0, told, 1.0), np.nan)
    text = f"{title.text}/({by})" if "+" in by else f"{title.text}/{by}"
    return table.with_columns({ones: (Heading(text, title.name, None), p)})
