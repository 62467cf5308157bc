"""Columns of real and imaginary parts, I and Q: made magnitude and phase, or one real signal."""

from __future__ import annotations

import re

import numpy as np

from kammerton.estimation.files.layouts import LAYOUTS, Form
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.titles import Heading
from kammerton.estimation.reduce import axis_of
from kammerton.model import TraceError
from kammerton.model.trace import ComplexArray

PROJECTED = ("t1", "t2_echo", "cpmg", "ramsey", "rabi_amplitude", "rabi_length")
"""Real kinds that do not mind which end of the axis between two states is up."""

PAIRS = {"re": ("im",), "real": ("imag", "imaginary"), "i": ("q",), "inphase": ("quadrature",)}

Pair = tuple[int, int]
"""Columns of the real and of the imaginary part."""


def phase_of(title: str) -> str:
    """Return the title of the phase that was made from a pair."""
    return f"phase of {title}"


def without_parts(table: Table, kind: str, chosen: set[str | None]) -> Table:
    """Return a table whose pairs of real and imaginary part are what the kind is fitted to.

    Where spectra are complex, these are magnitude and phase; a decay or an oscillation takes
    both along the axis of their largest change. Other kinds are left their columns.

    chosen: names of the columns that the user chose, which stay as they are.

    Raises
    ------
    TraceError
        The two parts have different units, or a cell is no number.
    """
    layout = LAYOUTS[kind]
    wanted = {name.strip().casefold() for name in chosen if name is not None}
    for pair in _pairs(table):
        titles = [table.headings[column] for column in pair]
        if any({t.name.casefold(), t.text.casefold()} & wanted for t in titles):
            continue
        if layout.form is Form.SWEEP and 0 in pair:  # the first column is x
            continue
        if layout.form is Form.SERIES and not layout.phase:
            one, other = (t.text for t in titles)
            raise TraceError(f"{table.path}: {one!r} and {other!r} are two parts of one signal;"
                             " --y chooses one")  # fmt: skip
        if layout.phase:
            table = _polar(table, pair)
        elif kind in PROJECTED:
            table = _projected(table, pair)
    return table


def _pairs(table: Table) -> list[Pair]:
    """Return the pairs whose titles differ in nothing but the part."""
    words = [_part(title) for title in table.headings]
    return [
        (first, second)
        for first, (word, rest) in enumerate(words)
        for second, (other, same) in enumerate(words)
        if other in PAIRS.get(word, ()) and rest == same
    ]


def _part(title: Heading) -> tuple[str, str]:
    """Return which part a title names, "" for none, and what else it says."""
    name = title.name.lower().replace("in-phase", "inphase")
    every = "|".join((*PAIRS, *(word for others in PAIRS.values() for word in others)))
    match = re.search(rf"(?<![a-z])({every})(?![a-z])", name)
    return (match[1], name[: match.start()] + name[match.end() :]) if match else ("", name)


def _complex(table: Table, pair: Pair) -> ComplexArray:
    first, second = (table.headings[column] for column in pair)
    if first.unit != second.unit:
        raise TraceError(f"{table.path}: {first.text!r} and {second.text!r} are in different units")
    return table.numbers(pair[0]) + 1j * table.numbers(pair[1])


def _both(table: Table, pair: Pair) -> str:
    """Return what a pair is called: S21, or I + i Q."""
    first, second = (table.headings[column].name for column in pair)
    if first.startswith("re ") and second.startswith("im "):
        return first.removeprefix("re ")
    return f"{first} + i {second}"


def _polar(table: Table, pair: Pair) -> Table:
    z, name = _complex(table, pair), _both(table, pair)
    magnitude = Heading(name, name, table.headings[pair[0]].unit or "")
    phase = Heading(phase_of(name), phase_of(name), "rad")
    columns = {pair[0]: (magnitude, np.abs(z)), pair[1]: (phase, np.angle(z))}
    return table.with_columns(columns)


def _projected(table: Table, pair: Pair) -> Table:
    z = _complex(table, pair)
    one = [table.headings[column].name for column in pair]
    title = Heading(
        f"{one[0]} and {one[1]} along their largest change", " and ".join(one),
        table.headings[pair[0]].unit,
    )  # fmt: skip
    along = (z * np.exp(-1j * axis_of(z))).real
    return table.with_columns({pair[0]: (title, along)}).without(pair[1])
