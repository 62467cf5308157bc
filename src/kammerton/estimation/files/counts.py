"""Columns of counts and of shots: what was counted is divided by its shots, and has their errors.

On their way through the layouts of files the shots take the place of the errors, whose column is
ordered and spread over a grid as y is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kammerton.estimation.files.columns import Choice, Chosen
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS, Form
from kammerton.estimation.files.series import label_column
from kammerton.estimation.files.table import Heading, Table
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.numeric.weights import of_counts
from kammerton.model import Trace
from kammerton.model.trace import FloatArray

SHOTS = ("shots", "nshots", "n_shots", "n shots", "number of shots")
COUNTS = ("counts", "count", "ones", "n1", "n_1", "counts_1", "counts 1")

Counted = Chosen[Trace] | Chosen[Grid]


def with_shots(
    tables: Sequence[Table], kind: str, choice: Choice
) -> tuple[list[Table], Choice] | None:
    """Return tables whose counts are populations, and the choice of their shots as errors.

    None where a table has no column of shots, where errors are chosen or y is scaled by
    calibration points, or the kind takes no populations.
    """
    if "shots" not in FIT_KINDS[kind].known or choice.sigma is not None or choice.cal_points:
        return None
    columns = [_named(table, SHOTS) for table in tables]
    if not columns or any(column is None for column in columns):
        return None
    series = len(tables) == 1 and LAYOUTS[kind].form is Form.SERIES
    if series and label_column(tables[0], LAYOUTS[kind].axes[0]) is None:
        return None  # each column is a series
    found = [_divided(t, column) for t, column in zip(tables, columns, strict=True) if column]
    return found, replace(choice, sigma=tables[0].headings[columns[0] or 0].name)


def of_shots(read: Counted, column: str) -> tuple[Counted, FloatArray] | None:
    """Return what was read with the errors of its shots, and the shots, shaped as y.

    None where y is no population. A point that is missing has one shot, which does not count.
    """
    trace = read.trace
    y = np.asarray(trace.y)
    if np.iscomplexobj(y) or trace.y_unit or (y < 0).any() or (y > 1).any():
        return None
    shots = np.where(np.isnan(y), 1.0, trace.sigma)
    sigma = of_counts(y, shots)
    notes = (*read.notes, f"{column!r} are the shots of each point: y has the errors of counts")
    if isinstance(trace, Grid):
        return Chosen(replace(trace, sigma=sigma), True, notes), shots
    return Chosen(replace(trace, sigma=sigma), True, notes), shots


def _named(table: Table, names: Sequence[str]) -> int | None:
    """Return the one column after the first that has one of these names."""
    hits = [n for n, title in enumerate(table.headings) if n and title.name.casefold() in names]
    return hits[0] if len(hits) == 1 else None


def _divided(table: Table, shots: int) -> Table:
    """Return a table with populations in the place of counts, if there are any."""
    counts = _named(table, COUNTS)
    if counts is None:
        return table
    title, by = table.headings[counts], table.headings[shots]
    told, ones = table.numbers(shots), table.numbers(counts)
    p = np.where(told > 0, ones / np.where(told > 0, told, 1.0), np.nan)
    return table.with_columns({counts: (Heading(f"{title.text}/{by.text}", title.name, None), p)})
