"""Fit one file of measured data."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from kammerton.estimation.batch import fit_batch
from kammerton.estimation.columns import Choice, Chosen, choose, known_kind
from kammerton.estimation.table import read_table
from kammerton.model import Fit, Verdict

NO_CHOICE = Choice()


def fit_file(path: Path, kind: str, choice: Choice = NO_CHOICE) -> tuple[Chosen, Fit]:
    """Read a trace of `kind` from a file of columns and fit it.

    Raises
    ------
    TraceError
        The file or the choice of columns cannot be used.
    """
    known_kind(kind)
    chosen = choose(read_table(path), kind, choice)
    fit = _fit(chosen, kind)
    if kind == "t1" and choice.cal_points and fit.verdict is not Verdict.REJECTED:
        fit = _towards_zero(chosen, fit, choice.cal_points // 2)
    return chosen, _in_units_of_x(fit, chosen.trace.x_unit) if kind == "rabi_amplitude" else fit


def _fit(chosen: Chosen, kind: str) -> Fit:
    trace = chosen.trace
    sigma = trace.sigma[None] if chosen.sigma_known else None
    return fit_batch(kind, trace.x, trace.y[None], sigma).fits([trace.target])[trace.target]


def _towards_zero(chosen: Chosen, free: Fit, zeros: int) -> Fit:
    """Fit T1 again as a decay to the calibration points of 0: both are thermal equilibrium.

    Their mean is known no better than the noise of `zeros` points, and the error says so. Where
    the decay does not go there (the fit is not accepted), the offset stays free.
    """
    trace = chosen.trace
    level = float(np.nanstd(trace.y - np.real(free.curve))) / math.sqrt(zeros)
    sigma = np.tile(trace.sigma, (3, 1)) if chosen.sigma_known else None
    fits = fit_batch(
        "t1", trace.x, np.tile(trace.y, (3, 1)), sigma, offset=[0.0, level, -level]
    )  # fmt: skip
    fixed = fits.fit(0, trace.target)
    if fixed.verdict is not Verdict.ACCEPTED or not np.isfinite(fits.values["t1"]).all():
        return free
    t1 = fixed.values["t1"]
    swing = 0.5 * float(fits.values["t1"][2] - fits.values["t1"][1])
    return replace(fixed, values={"t1": replace(t1, stderr=math.hypot(t1.stderr, swing))})


def _in_units_of_x(fit: Fit, unit: str) -> Fit:
    """Period and pi amplitude are in whatever unit the amplitude was swept in."""
    values = {name: replace(value, unit=unit) for name, value in fit.values.items()}
    return replace(fit, values=values)
