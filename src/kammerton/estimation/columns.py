"""Which columns of a table make the trace of a kind, in SI units."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.table import Heading, Table
from kammerton.estimation.text import nearest
from kammerton.estimation.units import si
from kammerton.model import Trace, TraceError
from kammerton.model.trace import FloatArray

X_UNITS: dict[str, str | None] = {
    "t1": "s",
    "ramsey": "s",
    "t2_echo": "s",
    "rabi_amplitude": None,
    "resonator_spectroscopy": "Hz",
    "qubit_spectroscopy": "Hz",
}
"""The kinds that a file can hold, and the unit of x; a Rabi amplitude may have any."""

MAX_POINTS = 20_000
DIMENSIONS = {"s": "a time", "Hz": "a frequency", "V": "a voltage", "rad": "an angle"}
DECIBEL = {"dB": "", "dBm": ""}

_PHASE = re.compile(r"phase|angle|(^|[^a-z])(arg|phi)([^a-z]|$)")
_ERROR = re.compile(
    r"(^|[^a-z])(err|errs|errors?|std|stdev|stderr|sigmas?|uncertainty|σ)([^a-z]|$)"
)


@dataclass(frozen=True)
class Choice:
    """What the user chose; None leaves the choice to the header."""

    y: str | None = None
    phase: str | None = None
    sigma: str | None = None
    x_unit: str | None = None
    cal_points: int = 0


@dataclass(frozen=True, eq=False)
class Chosen:
    """A trace, whether its sigma is known (else NaN), and what was read, in sentences."""

    trace: Trace
    sigma_known: bool
    notes: tuple[str, ...]


def choose(table: Table, kind: str, choice: Choice) -> Chosen:
    """Return the trace of `kind` that a table holds: first column x, a further column y.

    Spectroscopy is complex where there is a phase column: the signal of a dispersive readout may
    be all in the phase. Elsewhere phases are left aside. A magnitude in dB or dBm becomes a
    voltage ratio. The calibration points at the end, first half prepared 0, second half
    prepared 1, scale y to a population and are taken off.

    Raises
    ------
    TraceError
        A column or unit is missing or cannot be used; file and column are named.
    """
    known_kind(kind)
    if len(table.rows) > MAX_POINTS:
        raise TraceError(f"{table.path}: {len(table.rows)} points; at most {MAX_POINTS} are fitted")
    x, x_unit, x_notes = _axis(table, kind, choice.x_unit)
    signal = _signal_column(table, choice)
    y, sigma, y_unit = _signal(table, signal, choice.sigma)
    phase = _phase_column(table, choice) if X_UNITS[kind] == "Hz" else None
    values: NDArray[np.float64] | NDArray[np.complex128] = y
    if phase is not None:
        values = y * np.exp(1j * _phase(table, phase))
    trace = Trace(
        table.path.stem, x, values, sigma, table.headings[0].name, x_unit, y_unit
    )  # fmt: skip
    notes = (*x_notes, *_told(table, signal, phase, choice))
    if choice.cal_points:
        trace = calibrated(trace, choice.cal_points, str(table.path))
    return Chosen(_ascending(trace), choice.sigma is not None, notes)


def known_kind(kind: str) -> None:
    """Raise TraceError, naming the nearest, unless a file can hold this kind of trace."""
    if kind not in X_UNITS:
        raise TraceError(
            f"no kind {kind!r}{nearest(kind, X_UNITS)}; the kinds are {', '.join(X_UNITS)}"
        )


def calibrated(trace: Trace, points: int, source: str) -> Trace:
    """Scale a trace to the population of 1 by its last `points`, and take these off.

    Raises
    ------
    TraceError
        `points` is odd or too many, or the calibration points show no contrast.
    """
    if points < 0 or points % 2:
        raise TraceError(
            f"{source}: {points} calibration points; half are prepared 0 and half 1, so an even"
            " number is needed"
        )
    if np.iscomplexobj(trace.y) or trace.x_unit == "Hz":
        raise TraceError(f"{source}: spectroscopy has no calibration points")
    if points >= trace.y.size:
        raise TraceError(f"{source}: {points} calibration points, but only {trace.y.size} points")
    zeros, ones = trace.y[-points : -points // 2], trace.y[-points // 2 :]
    if not (np.isfinite(zeros).any() and np.isfinite(ones).any()):
        raise TraceError(f"{source}: the calibration points at the end have no numbers")
    offset = float(np.nanmean(zeros))
    contrast = float(np.nanmean(ones)) - offset
    scatter = math.hypot(float(np.nanstd(zeros)), float(np.nanstd(ones)))
    if abs(contrast) <= scatter:
        raise TraceError(f"{source}: the last {points} points show no contrast of 0 and 1")
    return replace(
        trace, x=trace.x[:-points], y=(trace.y[:-points] - offset) / contrast,
        sigma=trace.sigma[:-points] / abs(contrast), y_unit="",
    )  # fmt: skip


def _axis(table: Table, kind: str, chosen: str | None) -> tuple[FloatArray, str, list[str]]:
    title = table.headings[0]
    unit, factor, notes = _x_unit(table, kind, title, chosen)
    x = table.numbers(0) * factor
    missing = np.flatnonzero(~np.isfinite(x))
    if missing.size:
        line = table.line(int(missing[0]))
        raise TraceError(
            f"{table.path}, line {line}: x, column {title.text!r}, is missing or not finite"
        )
    if np.ptp(x) == 0:
        raise TraceError(f"{table.path}: x, column {title.text!r}, does not change")
    return x, unit, notes


def _x_unit(
    table: Table, kind: str, title: Heading, chosen: str | None
) -> tuple[str, float, list[str]]:
    needed = X_UNITS[kind]
    written = chosen if chosen is not None else title.unit
    if written is None:
        if needed is None:
            return "", 1.0, []
        return needed, 1.0, [f"x, column {title.text!r}, names no unit: taken as {needed}"
                             " (--x-unit chooses another)"]  # fmt: skip
    unit, factor = _unit(table, title, written, needed)
    if needed is not None and unit != needed:
        raise TraceError(
            f"{table.path}: {kind} needs {DIMENSIONS[needed]} as x, but column {title.text!r}"
            f" is in {written or 'no unit'} (--x-unit chooses another)"
        )
    return unit, factor, []


def _unit(table: Table, title: Heading, written: str, needed: str | None) -> tuple[str, float]:
    try:
        return si(written)
    except ValueError:
        if needed is None:
            return written, 1.0
        near = nearest(written, ["s", "ms", "us", "ns", "Hz", "kHz", "MHz", "GHz"])
        raise TraceError(
            f"{table.path}: {written!r} of column {title.text!r} is not a unit{near}"
        ) from None


def _is_phase(title: Heading) -> bool:
    return bool(_PHASE.search(title.name.lower())) and not _is_error(title)


def _is_error(title: Heading) -> bool:
    return bool(_ERROR.search(title.name.lower().replace("_", " ")))


def _signal_column(table: Table, choice: Choice) -> int:
    if choice.y is not None:
        return table.find(choice.y)
    taken = {choice.phase, choice.sigma}
    for column, title in enumerate(table.headings[1:], 1):
        if not (_is_phase(title) or _is_error(title) or title.name in taken):
            return column
    raise TraceError(f"{table.path}: no column of measured values; --y chooses one")


def _phase_column(table: Table, choice: Choice) -> int | None:
    if choice.phase is not None:
        return table.find(choice.phase)
    phases = [i for i, title in enumerate(table.headings[1:], 1) if _is_phase(title)]
    return phases[0] if phases else None


def _phase(table: Table, column: int) -> FloatArray:
    title = table.headings[column]
    unit, factor = _unit(table, title, title.unit or "rad", "rad")
    if unit != "rad":
        raise TraceError(f"{table.path}: phase column {title.text!r} is neither in deg nor in rad")
    return table.numbers(column) * factor


def _signal(table: Table, column: int, sigma: str | None) -> tuple[FloatArray, FloatArray, str]:
    title = table.headings[column]
    y = table.numbers(column)
    errors = np.full(y.shape, math.nan) if sigma is None else _errors(table, table.find(sigma))
    if (title.unit or "") in DECIBEL:
        y = 10 ** (y / 20)
        return y, errors * y * math.log(10) / 20, ""
    unit, factor = _unit(table, title, title.unit or "", None)
    own = table.headings[table.find(sigma)].unit if sigma is not None else None
    return y * factor, errors * (si(own)[1] if own else factor), unit


def _errors(table: Table, column: int) -> FloatArray:
    errors = table.numbers(column)
    if np.nanmin(errors) < 0:
        line = table.line(int(np.nanargmin(errors)))
        name = table.headings[column].text
        raise TraceError(f"{table.path}, line {line}: sigma, column {name!r}, is negative")
    return errors


def _ascending(trace: Trace) -> Trace:
    if (np.diff(trace.x) >= 0).all():
        return trace
    order = np.argsort(trace.x, kind="stable")
    return replace(trace, x=trace.x[order], y=trace.y[order], sigma=trace.sigma[order])


def _told(table: Table, signal: int, phase: int | None, choice: Choice) -> list[str]:
    text = [title.text for title in table.headings]
    read = f"y is {text[signal]!r}, x is {text[0]!r}"
    if phase is not None:
        read += f", phase is {text[phase]!r}"
    if choice.cal_points:
        read += f", the last {choice.cal_points} points are calibration points"
    return [read]
