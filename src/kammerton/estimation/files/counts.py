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
from kammerton.estimation.files.columns import Choice, Chosen, is_error, is_phase
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS, Form
from kammerton.estimation.files.populations import COUNTS, FEW, counted
from kammerton.estimation.files.series import label_column
from kammerton.estimation.files.signals import NUMBER, Signal
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.titles import Heading
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.numeric.weights import of_counts
from kammerton.model import Trace
from kammerton.model.trace import FloatArray

SHOTS = (
    "shots", "nshots", "n_shots", "n shots", "number of shots", "schüsse", "schuesse",
    "wiederholungen", "total", "totals", "total counts", "total_counts", "total shots",
    "total_shots", "ntot", "n_tot", "n_total",
)  # fmt: skip
BARE = ("total", "totals")
"""These are shots where they are a bound of counts beside them."""

ZEROS = ("zeros", "n0", "n_0", "counts_0", "counts 0")
SAME = 0.2
"""Of the scatter of the ones: so much may the sum of both states scatter, which is their shots."""

OPPOSED, ROUGH, FEWER = -0.5, 3.0, 3.0
"""Correlation of the counts of both states, whose sum stays: one falls as the other rises; of a
sum that shots were thrown out of, times the scatter of counts, and most to fewest."""

Counted = Chosen[Trace] | Chosen[Grid]


def with_shots(
    tables: Sequence[Table], kind: str, choice: Choice
) -> tuple[list[Table], Choice] | str:
    """Return tables whose counts are populations, and the choice of their shots as errors.

    Else why counts are left as they are, in a sentence. "" where a table has no column of shots nor
    counts of both states, or nothing but shots, where errors are chosen or y is scaled by
    calibration points, or the kind takes no populations.
    """
    if "shots" not in FIT_KINDS[kind].known or choice.sigma is not None or choice.cal_points:
        return ""
    layout = LAYOUTS[kind]
    series = len(tables) == 1 and layout.form is Form.SERIES
    if series and label_column(tables[0], layout.axes[0]) is None:
        return ""  # each column is a series
    found = [_divided(table, choice, len(layout.axes)) for table in tables]
    told = [each for each in found if not isinstance(each, str)]
    if len(told) < len(found):
        return next(each for each in found if isinstance(each, str))
    return [table for table, _ in told], told[0][1]


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


def _divided(table: Table, choice: Choice, axes: int) -> tuple[Table, Choice] | str:
    """Return a table with populations in the place of counts, and its shots as errors of them.

    Else why there are none, in a sentence; "" where nothing says that there are.
    """
    ones, zeros, shots = (_named(table, names) for names in (COUNTS, ZEROS, SHOTS))
    whole = ones is not None and _whole(table, ones)
    bare = shots is not None and table.headings[shots].name.casefold() in BARE
    if (
        shots is not None
        and bare
        and not (ones is not None and whole and _bounded(table, ones, shots))
    ):
        shots = None  # a total of anything, such as elapsed seconds
    if shots is None and ones is not None and zeros is not None and whole:
        summed = _summed(table, zeros, ones)
        if isinstance(summed, str):
            return summed
        table, shots = summed, zeros
    if shots is None or _measured(table, shots) <= axes:
        return ""
    title, told = table.headings[shots], table.numbers(shots, empty=True)
    table = table.with_columns({shots: (replace(title, unit=NUMBER), told)})  # whatever y is in
    by = replace(choice, sigma=title.name)
    if ones is None or not whole or not (told > 0).any():
        return table, by
    chosen = choice.y is not None and table.find(choice.y) == ones
    if said := _too_many(table, ones, shots):
        return said
    table = _over(table, ones, shots)
    if chosen or (choice.y is None and zeros is not None):
        by = replace(by, y=table.headings[ones].name)
    return table, by


def _bounded(table: Table, ones: int, shots: int) -> bool:
    """Return whether whole numbers are not below counts anywhere."""
    told, counts = table.numbers(shots, empty=True), table.numbers(ones)
    return _whole(table, shots) and not (counts > told).any()


def _measured(table: Table, shots: int) -> int:
    """Return how many columns there are besides shots, phases and errors."""
    titles = [title for n, title in enumerate(table.headings) if n != shots]
    return sum(not (is_phase(title) or is_error(title)) for title in titles)


def _whole(table: Table, column: int) -> bool:
    """Return whether a column holds counts, and no populations: whole numbers, not all 0 and 1."""
    values = table.numbers(column, empty=True)
    values = values[np.isfinite(values)]
    return bool((values == np.round(values)).all() and (values > 1).any())


def _summed(table: Table, zeros: int, ones: int) -> Table | str:
    """Return a table with shots in the place of the zeros, or why the sum may be none."""
    other, counts = table.numbers(zeros, empty=True), table.numbers(ones)
    name = f"{table.headings[zeros].text} + {table.headings[ones].text}"
    if not _whole(table, zeros):
        return ""
    if _of_two(other, counts):
        return (f"{name} changes as they do: taken as counts of two qubits, and not added (of one,"
                " put the sum in a column 'shots')")  # fmt: skip
    return table.with_columns({zeros: (Heading(name, name, None), other + counts)})


def _of_two(other: FloatArray, counts: FloatArray) -> bool:
    """Return whether counts are those of two qubits, and no two states of one.

    Of one, their sum stays, or it varies at random as shots are thrown out, or one falls as the
    other rises. Of two it follows both, from nearly all to hardly any.
    """
    there = np.isfinite(other + counts)
    other, counts = other[there], counts[there]
    total = other + counts
    if total.size < 3 or np.std(total) <= SAME * np.std(counts):
        return False
    jumps = total[:-2] - 2 * total[1:-1] + total[2:]
    rough = float(np.mean(jumps**2)) / 6 > ROUGH * float(total.mean())
    if rough and total.max() <= FEWER * total.min():
        return False
    spread = float(np.std(other) * np.std(counts))
    return not spread > 0 or float(np.cov(other, counts, bias=True)[0, 1]) > OPPOSED * spread


def _too_many(table: Table, ones: int, shots: int) -> str:
    """Return a sentence where more was counted than shots were taken, at more than a slip."""
    told, counts = table.numbers(shots, empty=True), table.numbers(ones)
    above = np.flatnonzero(counts > told)
    if above.size <= max(1, FEW * counts.size):
        return ""
    worst = int(above[np.argmax(counts[above])])
    return (
        f"{table.headings[ones].text!r} goes to {counts[worst]:g} of {told[worst]:g} in"
        f" {table.headings[shots].text!r} (line {table.line(worst)}): more cannot be counted"
        " than was tried, so that neither population nor shots are told; fitted as it stands"
    )


def _over(table: Table, ones: int, shots: int) -> Table:
    title, by = table.headings[ones], table.headings[shots].text
    told, counts = table.numbers(shots, empty=True), table.numbers(ones)
    p = np.where(told > 0, counts / np.where(told > 0, told, 1.0), np.nan)
    text = f"{title.text}/({by})" if "+" in by else f"{title.text}/{by}"
    return table.with_columns({ones: (Heading(text, text, None), p)})
