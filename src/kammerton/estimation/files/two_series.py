"""One decay that was asked for, of a file that holds two of them."""

from __future__ import annotations

import re

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.layouts import REFERENCE, SERIES, WITH_GATE
from kammerton.estimation.files.series import choose_series, label_column
from kammerton.estimation.files.table import Table
from kammerton.model import TraceError

WITH_ANOTHER = {"randomized_benchmarking": ("interleaved_randomized_benchmarking", "irb")}
"""The kind that takes two series of this kind, and its short name."""

BOTH = {0.0, 1.0}
_PART = re.compile(r"[^a-z0-9]+")


def another_series(table: Table, kind: str) -> tuple[str, ...]:
    """Return the question whether a file that the kind of two series would take is one of these.

    That is where a column tells two series apart, or each has a column, of the usual names.
    """
    if kind not in WITH_ANOTHER:
        return ()
    both, short = WITH_ANOTHER[kind]
    try:
        grid = choose_series([table], both, Choice()).trace
    except TraceError:
        return ()
    if set(grid.x[0].tolist()) != BOTH or not _in_words(table):
        return ()
    return (f"the file holds two series, by {grid.names[0]!r}: are both meant? (--kind {short})",)


def _in_words(table: Table) -> bool:
    """Return whether a series is called by a word: numbers may count seeds, or be states."""
    label = label_column(table, SERIES)
    said = [title.name for title in table.headings] if label is None else table.texts(label)
    parts = {part for text in said for part in _PART.split(text.casefold())}
    return any(not word.isdigit() and word in parts for word in (*REFERENCE, *WITH_GATE))
