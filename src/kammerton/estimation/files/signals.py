"""The signal in columns of a table, with its phase and its errors, in SI units."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.files.powers import root, root_name
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.text import nearest
from kammerton.estimation.files.titles import Heading
from kammerton.estimation.files.units import DECIBEL, level, si
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

NEAR = ("s", "ms", "us", "ns", "Hz", "kHz", "MHz", "GHz", "seconds", "microseconds", "nanoseconds")
NUMBER = "1"
"""The unit of shots, which stand in the place of errors whatever y is in."""

Signal = NDArray[Any]
"""Real or complex."""


def unit_of(table: Table, title: Heading, written: str, needed: str | None) -> tuple[str, float]:
    """Return SI unit and factor of a unit in a header; any text will do where any unit will."""
    try:
        return si(written)
    except ValueError:
        if not needed:
            return (written if needed is None else ""), 1.0
        near = nearest(written, NEAR)
        raise TraceError(
            f"{table.path}: {written!r} of column {title.text!r} is not a unit{near}"
        ) from None


def complex_signal(
    table: Table, signal: int, phase: int | None, sigma: str | None
) -> tuple[Signal, FloatArray, str]:
    """Return y, complex where there is a phase, its sigma (NaN if unknown) and its unit."""
    y, errors, unit = _signal(table, signal, sigma)
    if phase is None:
        return y, errors, unit
    with np.errstate(invalid="ignore"):  # an infinite phase is refused by the fit
        return y * np.exp(1j * _phase(table, phase)), errors, unit


def signal_name(table: Table, column: int) -> str:
    """Return what a column of measured values is called, once its level or power is a ratio."""
    title = table.headings[column]
    ratio = root_name(title) if title.squared else DECIBEL.get(level(title.unit))
    name = "magnitude" if title.name.casefold() in ("db", "dbm") else title.name
    return name if ratio is None else f"{name}, {ratio}"


def _phase(table: Table, column: int) -> FloatArray:
    title = table.headings[column]
    unit, factor = unit_of(table, title, title.unit or "rad", "rad")
    if unit != "rad":
        raise TraceError(f"{table.path}: phase column {title.text!r} is neither in deg nor in rad")
    return table.numbers(column) * factor


def _signal(table: Table, column: int, sigma: str | None) -> tuple[FloatArray, FloatArray, str]:
    title = table.headings[column]
    y = table.numbers(column)
    errors = np.full(y.shape, math.nan) if sigma is None else _errors(table, table.find(sigma))
    in_decibels = level(title.unit)
    y = 10 ** (y / 20) if in_decibels else y
    if (endless := np.flatnonzero(np.isinf(y))).size:
        line = table.line(int(endless[0]))
        raise TraceError(
            f"{table.path}, line {line}: y, column {title.text!r}, is infinite; "
            "a missing point is empty or NaN"
        )
    if in_decibels:
        own = None if sigma is None else table.headings[table.find(sigma)]
        if own is not None and own.unit not in (None, "", NUMBER) and not level(own.unit):
            raise _of_another_unit(table, own, title)
        return y, errors * y * math.log(10) / 20, ""
    unit, factor = unit_of(table, title, title.unit or "", None)
    y = y * factor
    errors = errors * (factor if sigma is None else _error_factor(table, sigma, title))
    return (*root(y, errors, unit), "") if title.squared else (y, errors, unit)


def _error_factor(table: Table, sigma: str, title: Heading) -> float:
    """Return the factor of errors to the SI unit of y; without a unit they are in that of y."""
    own = table.headings[table.find(sigma)]
    unit, factor = unit_of(table, title, title.unit or "", None)
    if not own.unit:
        return factor
    written, by = unit_of(table, own, own.unit, None)
    if written != unit and own.unit != NUMBER:
        raise _of_another_unit(table, own, title)
    return by


def _of_another_unit(table: Table, own: Heading, title: Heading) -> TraceError:
    return TraceError(
        f"{table.path}: the errors, column {own.text!r}, are in {own.unit}, but y, column"
        f" {title.text!r}, is in {title.unit or 'no unit'} (--y-unit chooses that of y)"
    )


def _errors(table: Table, column: int) -> FloatArray:
    errors = table.numbers(column)
    if (negative := np.flatnonzero(errors < 0)).size:
        line = table.line(int(negative[0]))
        name = table.headings[column].text
        raise TraceError(f"{table.path}, line {line}: sigma, column {name!r}, is negative")
    return errors
