"""Fit one file of measured data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kammerton.estimation.batch import fit_batch
from kammerton.estimation.columns import Choice, Chosen, choose, known_kind
from kammerton.estimation.table import read_table
from kammerton.model import Fit, TraceError

NO_CHOICE = Choice()


def fit_file(
    path: Path, kind: str, choice: Choice = NO_CHOICE, **known: object
) -> tuple[Chosen, Fit]:
    """Read a trace of `kind` from a file of columns and fit it; `known` as for fit_batch.

    Calibration points scale the trace; they do not fix the offset of a decay, which its own tail
    knows better than the few points that are usual.

    Raises
    ------
    TraceError
        The file or the choice of columns cannot be used.
    """
    known_kind(kind)
    chosen = choose(read_table(path), kind, choice)
    trace = chosen.trace
    sigma = trace.sigma[None] if chosen.sigma_known else None
    try:
        fit = fit_batch(kind, trace.x, trace.y[None], sigma, **known).fit(0, trace.target)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from error
    return chosen, _in_units_of_x(fit, trace.x_unit) if kind == "rabi_amplitude" else fit


def _in_units_of_x(fit: Fit, unit: str) -> Fit:
    """Period and pi amplitude are in whatever unit the amplitude was swept in."""
    values = {
        name: replace(value, unit=unit) if value.unit == "V" else value
        for name, value in fit.values.items()
    }
    return replace(fit, values=values)
