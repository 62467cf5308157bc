"""Units that the numbers tell: of a magnitude in dB, of a phase in degrees; and powers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kammerton.estimation.files.layouts import LAYOUTS
from kammerton.estimation.files.powers import (
    has_base,
    in_power,
    named_power,
    refuse_negative,
    says_power,
)
from kammerton.estimation.files.table import Table
from kammerton.estimation.files.titles import Heading
from kammerton.estimation.files.units import level, si, unknown_unit
from kammerton.model import TraceError
from kammerton.model.trace import FloatArray

RESONATORS = ("resonator_spectroscopy", "dispersive_shift", "resonator_flux_map", "punch_out")
"""Kinds whose y is what comes through, and never below zero."""

DEEP = -1.0
"""dB: what is negative and never so low may be a small voltage of the other sign."""

ASK = "write its unit in the title, as in S21 [dB] or S21 [V], or say with --y-unit dB or V"

BARE, LOUDEST = 2.0, 200.0
"""Of an S21 without a unit: below, it is linear beyond question; above, no level in dB."""

LOUD = 10.0
"""What is larger is asked about: volts that no line brings, and a magnitude that may be in dB."""

_MAGNITUDE = re.compile(r"s_?\d\d|mag|abs|\||betrag")
_SCATTERING = re.compile(r"(?<![a-z])s_?[1-4][1-4](?!\d)")
_PART = re.compile(r"(^|[^a-z])(re|real|im|imag|i|q)([^a-z]|$)")


def with_units(
    table: Table, kind: str, y_unit: str | None,
    signals: Sequence[int], phases: Sequence[int | None], sigma: str | None = None,
) -> tuple[Table, list[str]]:  # fmt: skip
    """Return a table whose titles name the units of y and its phase, and what was supposed.

    sigma: the column of errors, whose unit is overruled with that of y where both are the same.

    Of a resonator they say of y, too, whether it is a power.

    y_unit: what the user says of y, None to leave it to title and numbers.

    Raises
    ------
    TraceError
        y is below zero, as no magnitude or power is, and it is not clear whether it is in dB.
    """
    headings, notes = list(table.headings), []
    turned = [phase for phase in phases if phase is not None]
    if sigma is not None and y_unit is not None:
        errors, written = table.find(sigma), headings[signals[0]].unit
        if (
            overruled(headings[errors], y_unit, "y")
            and written
            and (_same_unit(written, headings[errors].unit or ""))
        ):
            headings[errors] = replace(headings[errors], unit=y_unit)
            notes.append(f"the errors, column {headings[errors].text!r}, are in {y_unit}, too")
    for column in signals:
        unit, said = _unit_of_y(table, kind, column, y_unit, phased=bool(turned))
        squared, rooted = _root_of(table, kind, column, unit, chosen=y_unit is not None)
        headings[column] = replace(headings[column], unit=unit, squared=squared)
        notes += [*said, *rooted]
    for column in turned:
        unit, said = _unit_of_phase(table, column)
        headings[column] = replace(headings[column], unit=unit)
        notes += said
    return replace(table, headings=tuple(headings)), notes


def level_of(
    y: FloatArray, kind: str, called: str, *, magnitude: bool = False
) -> tuple[str | None, list[str]]:
    """Return "dB" where values (any shape) without a unit can be nothing else, and what to say.

    called: file and column, as a message begins. magnitude: whether y is one for certain.

    Raises
    ------
    TraceError
        y is below zero, as no magnitude is, or an S21 of tens, and it is not clear whether it is
        in dB.
    """
    finite = y[np.isfinite(y)]
    if not (LAYOUTS[kind].phase and finite.size):
        return None, []
    if finite.min() >= 0:
        return None, _loud(float(finite.max()), kind, called, magnitude=magnitude)
    column = called.partition(": ")[2]
    everywhere, deep = bool(finite.max() <= 0), bool(finite.min() <= DEEP)
    resonator = magnitude or kind in RESONATORS
    if everywhere and deep and resonator:
        return "dB", [f"{column} is negative everywhere and names no unit: taken as dB"
                      " (--y-unit chooses another)"]  # fmt: skip
    if (everywhere and resonator) or (magnitude and deep):
        raise _negative(finite, called, ASK)
    if not (everywhere or (resonator and deep)):
        return None, []
    return None, [f"{column} goes from {finite.min():.4g} to {finite.max():.4g} and names no unit:"
                  " taken as linear (--y-unit dB says otherwise)"]  # fmt: skip


def _negative(finite: FloatArray, called: str, way: str) -> TraceError:
    return TraceError(
        f"{called} goes from {finite.min():.4g} to {finite.max():.4g}, but no magnitude is"
        f" negative: {way}"
    )


def _loud(largest: float, kind: str, called: str, *, magnitude: bool) -> list[str]:
    """Ask about what is positive and without a unit, and may be in dB: see `level_of`."""
    source, _, column = called.partition(": ")
    scattering = magnitude and bool(_SCATTERING.search(column.lower()))
    least = BARE if scattering else LOUD
    if not (least < largest <= LOUDEST and (magnitude or kind in RESONATORS)):
        return []
    if scattering and largest > LOUD:
        raise TraceError(f"{source}: {column} goes to {largest:.4g} and names no unit, which may be"
                         f" dB or a ratio: {ASK}")  # fmt: skip
    return [f"{column} goes to {largest:.4g} and names no unit: taken as linear;"
            " is it in dB? (--y-unit)"]  # fmt: skip


def _of_named_unit(
    y: FloatArray, unit: str, kind: str, called: str, *, magnitude: bool
) -> list[str]:
    """Ask where the unit of y is named, but the numbers look like a level in dB.

    Raises
    ------
    TraceError
        y is negative, as no magnitude is, whatever its unit.
    """
    finite, resonator = y[np.isfinite(y)], kind in RESONATORS
    if not finite.size or level(unit) or in_power(unit) or not (magnitude or resonator):
        return []
    everywhere, deep = finite.max() <= 0 and finite.min() < 0, finite.min() <= DEEP
    if everywhere or (magnitude and resonator and deep):
        raise _negative(finite, called, f"--y-unit dB says that it is a level, --y-unit {unit or 1}"
                        " that it is one part of a complex signal")  # fmt: skip
    loud = has_base(unit, "V") and LOUD < si(unit)[1] * finite.max() <= LOUDEST
    column = called.partition(": ")[2]
    return [f"{column} goes to {finite.max():.4g} {unit}: is it in dB? (--y-unit)"] if loud else []


def overruled(title: Heading, chosen: str | None, axis: str) -> list[str]:
    """Say that a unit that the user chose for "x" or "y" is not what the title says."""
    written = title.unit
    if chosen is None or written is None or _same_unit(chosen, written):
        return []
    return [f"{axis}, column {title.text!r}: the title says {written or 'no unit'};"
            f" {chosen or 'no unit'} counts (--{axis}-unit)"]  # fmt: skip


def _same_unit(one: str, other: str) -> bool:
    try:
        return si(one) == si(other)
    except ValueError:
        return one.strip() == other.strip()


def _unit_of_y(
    table: Table, kind: str, column: int, y_unit: str | None, *, phased: bool
) -> tuple[str | None, list[str]]:
    title = table.headings[column]
    if y_unit is not None:
        return y_unit, overruled(title, y_unit, "y")
    name = title.name.lower()
    part = bool(_PART.search(name)) and not phased  # of a complex signal, of either sign
    if part or not LAYOUTS[kind].phase:
        return title.unit, []
    magnitude = phased or bool(_MAGNITUDE.search(name))
    called = f"{table.path}: y, column {title.text!r},"
    y = table.numbers(column)
    if title.unit is None:
        return level_of(y, kind, called, magnitude=magnitude)
    return title.unit, _of_named_unit(y, title.unit, kind, called, magnitude=magnitude)


def _root_of(
    table: Table, kind: str, column: int, unit: str | None, *, chosen: bool
) -> tuple[bool, list[str]]:
    """Return whether y is a power, where a magnitude is fitted, and what to say."""
    title = replace(table.headings[column], unit=unit)
    named = named_power(title) and not chosen and not level(unit)
    if kind not in RESONATORS:
        return False, []
    called = f"y, column {title.text!r},"
    if not (in_power(unit) or named):
        told = [f"{called} says power, but not that it is one: taken as linear (--y-unit W says"
                " otherwise)"]  # fmt: skip
        doubtful = unit is None and not chosen and says_power(title)
        return False, told if doubtful else []
    if has_base(unit, "V"):
        return False, [f"{called} is named a power and is in {unit}: taken as linear"
                       " (--y-unit W says otherwise)"]  # fmt: skip
    y = table.numbers(column)
    refuse_negative(y, f"{table.path}: {called}")
    return True, [f"{called} is a power: its square root is taken (--y-unit V says otherwise)"]


def _unit_of_phase(table: Table, column: int) -> tuple[str | None, list[str]]:
    """Return the unit of a phase: without one, what goes beyond a turn in rad is in degrees."""
    title = table.headings[column]
    if title.unit is not None:
        return title.unit, []
    if (meant := unknown_unit(title.text)) is not None:
        raise TraceError(
            f"{table.path}: {meant!r} of phase column {title.text!r} is not a unit: write it as in"
            " phase [deg] or phase [rad]"
        )
    phase = table.numbers(column)
    largest = float(np.abs(phase[np.isfinite(phase)]).max())
    if largest <= 2 * math.pi:
        return None, []
    return "deg", [f"phase, column {title.text!r}, goes to {largest:.4g} and names no unit: taken"
                   f" as degrees (a title such as 'phase [rad]' chooses another)"]  # fmt: skip
