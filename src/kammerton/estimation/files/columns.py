"""Which columns of a table make the trace of a kind, in SI units."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from kammerton.estimation.files.calibration_points import calibrated
from kammerton.estimation.files.counters import swept_column, without_counters
from kammerton.estimation.files.headers import unread_header
from kammerton.estimation.files.layouts import Axis, layout_of
from kammerton.estimation.files.levels import overruled, with_units
from kammerton.estimation.files.parts import phase_of
from kammerton.estimation.files.powers import has_base
from kammerton.estimation.files.signals import NEAR, complex_signal, signal_name, unit_of
from kammerton.estimation.files.supposed import taken_as
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.text import nearest
from kammerton.estimation.files.titles import Heading
from kammerton.estimation.files.units import is_unit, level, unread_unit
from kammerton.model import Trace, TraceError
from kammerton.model.trace import FloatArray

MAX_POINTS = 20_000
MOST = 6  # titles in one sentence
DIMENSIONS = {"s": "a time", "Hz": "a frequency", "V": "a voltage", "rad": "an angle",
              "dBm": "a power in dBm", "": "a plain number"}  # fmt: skip

_PHASE = re.compile(
    r"(?<!in)(?<!in-)phase|angle|(^|[^a-z])(arg|phi|ang)([^a-z]|$)|^(deg|rad)([^a-z]|$)"
)
_SCATTERING = re.compile(r"s_?\d\d")
_ERROR = re.compile(
    r"(^|[^a-z])(err|errs|errors?|std|stdev|stddev|sd|sem|sdom|stderr|sigmas?|uncertainty|σ)"
    r"([^a-z]|$)|fehler|unsicherheit|standardabweichung"
)
_SPREAD = re.compile(r"(std|stdev|stddev|sd|standardabweichung|standard deviation)")
_MANY = re.compile(r"n|nr|shots|n ?shots|count|counts|averages|avgs|schüsse|wiederholungen|anzahl")
"""Whole names: of a spread, that of an error where nothing says of how many it is the mean."""

Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Choice:
    """What the user chose; None leaves the choice to the header.

    x: columns of the axes in the order of the kind. x_unit: several, one for each axis of a map,
    are parted by commas. y_unit: of y, dB for a level.
    """

    y: str | None = None
    phase: str | None = None
    sigma: str | None = None
    x_unit: str | None = None
    cal_points: int = 0
    x: tuple[str, ...] = ()
    y_unit: str | None = None


@dataclass(frozen=True, eq=False)
class Chosen(Generic[Measured]):
    """What was measured, whether its sigma is known (else NaN), and what was read, in sentences."""

    trace: Measured
    sigma_known: bool
    notes: tuple[str, ...]


def choose(table: Table, kind: str, choice: Choice) -> Chosen[Trace]:
    """Return the sweep of `kind` that a table holds: first column x, a further column y.

    Spectroscopy is complex where there is a phase column: the signal of a dispersive readout may
    be all in the phase. Elsewhere phases are left aside. A magnitude in dB or dBm becomes a
    voltage ratio, a power its root. The calibration points at the end, first half prepared 0,
    second half prepared 1, scale y to a population and are taken off.

    Raises
    ------
    TraceError
        A column or unit is missing or cannot be used; file and column are named.
    """
    layout = layout_of(kind)
    refuse_long(table, MAX_POINTS)
    if len(choice.x) > 1:
        raise TraceError(f"{table.path}: {kind} is swept over one axis; {len(choice.x)} are chosen")
    column = table.find(choice.x[0]) if choice.x else swept_column(table, layout.axes[0])
    x, x_unit, x_notes = axis_values(table, column, layout.axes[0], kind, choice.x_unit)
    signal = signal_columns(table, choice, {column})[0]
    phase = phase_column(table, choice, signal, {column}) if layout.phase else None
    table, supposed = with_units(table, kind, choice.y_unit, [signal], [phase], choice.sigma)
    values, sigma, y_unit = complex_signal(table, signal, phase, choice.sigma)
    name = table.headings[column].name
    trace = Trace(
        table.path.stem, x, values, sigma, name, x_unit, y_unit, signal_name(table, signal)
    )
    notes = (*x_notes, *supposed, *told(table, [column], signal, phase, choice))
    if choice.cal_points:
        trace = calibrated(trace, choice.cal_points, str(table.path))
    return Chosen(_ascending(trace), choice.sigma is not None, notes)


def refuse_long(table: Table, most: int) -> None:
    """Raise TraceError where a table has more rows than are fitted."""
    if len(table.rows) > most:
        raise TraceError(f"{table.path}: {len(table.rows)} points; at most {most} are fitted")


def axis_values(
    table: Table, column: int, axis: Axis, kind: str, written: str | None
) -> tuple[FloatArray, str, list[str]]:
    """Return an axis in SI units, its unit and notes; `written` is a unit the user chose."""
    title = table.headings[column]
    unit, factor, notes = axis_unit(table, title, axis, kind, written)
    x = table.numbers(column) * factor
    missing = np.flatnonzero(~np.isfinite(x))
    if missing.size:
        line = table.line(int(missing[0]))
        raise TraceError(
            f"{table.path}, line {line}: x, column {title.text!r}, is missing or not finite"
        )
    if np.ptp(x) == 0:
        raise TraceError(f"{table.path}: x, column {title.text!r}, does not change")
    return x, unit, notes


def axis_unit(
    table: Table, title: Heading, axis: Axis, kind: str, chosen: str | None
) -> tuple[str, float, list[str]]:
    """Return the SI unit of an axis, the factor to it, and what had to be supposed."""
    needed = axis.unit
    written = chosen if chosen is not None else title.unit or _among_words(title.text)
    if written is None:
        if not needed:
            return "", 1.0, []
        if (meant := unread_unit(title.text)) is not None:
            raise TraceError(
                f"{table.path}: {meant!r} of column {title.text!r} is not a unit"
                f"{nearest(meant, NEAR)} (--x-unit chooses one)"
            )
        if (lost := unread_header(table.unread, needed)) is not None:
            raise TraceError(
                f"{table.path}: the comment {lost[0]!r} names {lost[1]!r}, but it cannot be told"
                f" which of {len(table.headings)} columns its words are of (--x-unit says the unit"
                " of x)"
            )
        return needed, 1.0, [taken_as(title.text, needed)]
    if needed is None and level(written):
        raise TraceError(
            f"{table.path}: column {title.text!r} is a level in {written}; {kind} needs what grows"
            f" evenly as x, such as {axis.name} in V"
        )
    unit, factor = unit_of(table, title, written, needed)
    if needed is not None and unit != needed:
        raise TraceError(
            f"{table.path}: {kind} needs {DIMENSIONS[needed]} as x, but column"
            f" {title.text!r} is in {written or 'no unit'} (--x-unit chooses another)"
        )
    return unit, factor, overruled(title, chosen, "x")


def _among_words(title: str) -> str | None:
    """Return a unit that stands alone in the only brackets of a title: f (Hz) no detuning."""
    inside = re.fullmatch(r"[^\[\]()]*[\[(]([^\[\]()]*)[\])][^\[\]()]*", title)
    return inside[1] if inside and is_unit(inside[1]) else None


def is_phase(title: Heading) -> bool:
    """Whether a column holds phases: by its name, or S21 in a unit of an angle."""
    named = any(_PHASE.search(text.lower()) for text in (title.name, title.text))
    turned = has_base(title.unit, "rad") and bool(_SCATTERING.search(title.name.lower()))
    return (named or turned) and not is_error(title)


def is_error(title: Heading) -> bool:
    """Whether a column holds errors, by its name."""
    return bool(_ERROR.search(title.name.lower().replace("_", " ")))


def signal_columns(table: Table, choice: Choice, taken: set[int]) -> list[int]:
    """Return the columns of measured values: the one chosen, or all that may be such.

    What only counts (seeds, trials) is one only where there is no other.

    taken: columns of axes and labels.
    """
    if choice.y is not None:
        return [table.find(choice.y)]
    chosen = {choice.phase, choice.sigma}
    found = [
        column
        for column, title in enumerate(table.headings)
        if column not in taken and not (is_phase(title) or is_error(title) or title.name in chosen)
    ]
    if not found:
        raise TraceError(f"{table.path}: no column of measured values; --y chooses one")
    return without_counters(table, found)


def phase_column(table: Table, choice: Choice, signal: int, taken: set[int]) -> int | None:
    """Return the column of the phase: the one chosen, or the first by name.

    Of an S21 none that is named after another, as S11.
    """
    if choice.phase is not None:
        return table.find(choice.phase)
    of = _parameter(table.headings[signal])
    phases = [i for i, title in enumerate(table.headings) if i not in taken and is_phase(title)]
    named = {i: _parameter(table.headings[i]) for i in phases}
    return next((i for i in phases if None in (of, named[i]) or named[i] == of), None)


def _parameter(title: Heading) -> str | None:
    """Return the scattering parameter that a title names, such as "s21"."""
    match = _SCATTERING.search(title.name.lower())
    return match[0].replace("_", "") if match else None


def _ascending(trace: Trace) -> Trace:
    if (np.diff(trace.x) >= 0).all():
        return trace
    order = np.argsort(trace.x, kind="stable")
    return replace(trace, x=trace.x[order], y=trace.y[order], sigma=trace.sigma[order])


def told(
    table: Table, axes: Sequence[int], signal: int, phase: int | None, choice: Choice
) -> list[str]:
    """Say which columns were read as what, and which were not."""
    text = [title.text for title in table.headings]
    read = f"y is {text[signal]!r}, x is {' and '.join(repr(text[axis]) for axis in axes)}"
    if phase is not None and text[phase] != phase_of(text[signal]):
        read += f", phase is {text[phase]!r}"
    if choice.cal_points:
        read += f", the last {choice.cal_points} points are calibration points"
    return [read, *_silent(table, choice.sigma), *_left(table, {*axes, signal, phase}, choice)]


def _silent(table: Table, sigma: str | None) -> list[str]:
    """Say where sigma says nothing, as of a population whose counts are all 0."""
    if sigma is None:
        return []
    column = table.find(sigma)
    errors, name = table.numbers(column), table.headings[column].text
    silent = np.flatnonzero(~((errors > 0) & np.isfinite(errors)))
    if silent.size == errors.size:
        return [f"{name!r} holds no error above 0: it is not used"]
    if silent.size == 0:
        return []
    points = "1 point" if silent.size == 1 else f"{silent.size} points"
    return [f"{name!r} is 0 or missing at {points}, the first in line {table.line(int(silent[0]))}:"
            " they have the error of their neighbours"]  # fmt: skip


def _left(table: Table, used: set[int | None], choice: Choice) -> list[str]:
    """Say which columns are not used; a user may have meant the errors to be."""
    left = [i for i in range(len(table.headings)) if i not in used]
    left = [i for i in left if choice.sigma is None or i != table.find(choice.sigma)]
    titles = [table.headings[i] for i in left]
    errors = [t for t in titles if choice.sigma is None and is_error(t) and "phase" not in t.name]
    said = _advised(table, errors) if errors else []
    others = [repr(t.text) for t in titles if t not in errors]
    more = f" and {len(others) - MOST} more" if len(others) > MOST else ""
    return said + ([f"not used: {', '.join(others[:MOST])}{more}"] if others else [])


def _advised(table: Table, errors: Sequence[Heading]) -> list[str]:
    """Say which column of errors --sigma takes; a spread of shots beside their number is none."""
    many = next((t for t in table.headings if _MANY.fullmatch(_plain(t))), None)
    spreads = [t for t in errors if many is not None and _SPREAD.fullmatch(_plain(t))]
    best = next((t for t in errors if t not in spreads), None)
    said = [f"{best.text!r} is there, but not used: --sigma {shlex.quote(best.name)} takes it as"
            " the error of y"] if best else []  # fmt: skip
    return said + [
        f"{each.text!r} beside {many.text!r} is the spread of single shots, not the error of y,"
        " which is that over the root of their number: not used"
        for each in spreads if many is not None
    ]  # fmt: skip


def _plain(title: Heading) -> str:
    return title.name.strip().casefold().replace("_", " ")
