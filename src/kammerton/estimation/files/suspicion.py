"""What looks as if it was meant otherwise: a missing unit, calibration points not named."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import chdtr

from kammerton.estimation.curves.repeats import ENOUGH
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS, Form
from kammerton.model import Fit, Trace
from kammerton.model.quantity import show
from kammerton.model.trace import FloatArray

LONGEST, LOWEST = 1.0, 1e4
"""s, Hz: no delay of a qubit is longer, no line of one is lower."""

ENDS = (4, 2, 6, 8, 10, 20)
"""Usual numbers of calibration points, the most usual first."""

FEWEST = 12  # points besides them, to know the scatter from
APART = 8.0  # scatters by which the last half stands above the points before it
STILL = 1e-6  # chance below which a chi-square is too small for it
ALIKE = 5.0  # scatters within which those of one preparation lie


def suspicions(trace: Trace | Grid, calibrated: bool) -> Iterator[str]:
    """Yield what a person should look at before believing, or blaming, a fit."""
    yield from _of_units(trace)
    if isinstance(trace, Trace) and trace.x_unit == "s" and not calibrated:
        points = calibration_points(trace)
        if points:
            yield (f"the last {points} points look like calibration points"
                   f" (--cal-points {points})")  # fmt: skip


def too_still(fit: Fit, trace: Trace | Grid) -> Iterator[str]:
    """Yield that the points scatter far less than the error bars say: of too few shots, say.

    Nothing where chi-square is of means, or of a histogram: of series, of single shots, and of
    several readings at one place.
    """
    if LAYOUTS[fit.kind].form in (Form.SERIES, Form.SHOTS):
        return
    if isinstance(trace, Trace) and np.unique(trace.x).size < trace.x.size:
        return
    freedom = max(int(np.count_nonzero(np.isfinite(trace.y))) - len(fit.values), 1)
    chi2 = fit.chi2_reduced
    if 0.0 < chi2 < 1.0 and float(chdtr(freedom, freedom * chi2)) < STILL:
        times = 1.0 / math.sqrt(chi2)
        yield (f"the points scatter {times:.2g} times less than sigma, or the shots, say: "
               "the errors of the fit are too large")  # fmt: skip


def unused(kind: str, trace: Trace | Grid) -> Iterator[str]:
    """Yield that errors were given in vain: those of a mean follow from its sequences."""
    if "benchmarking" not in kind:
        return
    x = trace.x if isinstance(trace, Trace) else trace.x[-1]
    if x.size - np.unique(x).size >= ENOUGH:
        yield ("the errors that are given, by sigma or shots, are not used: those of the means "
               "follow from how the sequences of a length scatter")  # fmt: skip


def _of_units(trace: Trace | Grid) -> Iterator[str]:
    if isinstance(trace, Grid):
        axes = list(zip(trace.names, trace.units, trace.x, strict=True))
    else:
        axes = [(trace.x_name, trace.x_unit, trace.x)]
    for name, unit, x in axes:
        largest, least = float(np.abs(x).max()), float(x.min())
        if unit == "s" and least < 0:
            yield (f"{name!r} goes below zero, to {show(least, 's')}: x counts as it stands, and "
                   "the amplitude of a decay is the law's at 0")  # fmt: skip
        if unit == "s" and largest > LONGEST:
            yield f"{name!r} goes to {show(largest, 's')}: is it in ns or us? (--x-unit)"
        if unit == "Hz" and 0 < largest < LOWEST:
            yield f"{name!r} goes to {show(largest, 'Hz')}: is it in GHz or MHz? (--x-unit)"


def calibration_points(trace: Trace) -> int:
    """Return how many points at the end look like half 0 and half 1; 0 where none do."""
    if np.iscomplexobj(trace.y):
        return 0
    y = trace.y[np.isfinite(trace.y)].astype(float)
    return next((points for points in ENDS if _stand_apart(y, points)), 0)


def _stand_apart(y: FloatArray, points: int) -> bool:
    """Return whether the last half jumps to where a trace of the same signal began."""
    half = points // 2
    swept, zeros, ones = y[:-points], y[-points:-half], y[-half:]
    if swept.size < FEWEST:
        return False
    scatter = float(np.median(np.abs(np.diff(swept)))) / 0.954  # of a difference: sqrt(2) 0.6745
    jump = abs(ones.mean() - zeros.mean())
    within = max(np.ptp(zeros), np.ptp(ones))
    return bool(
        jump > max(APART * scatter, 0.5 * np.ptp(swept))
        and within <= ALIKE * scatter
        and abs(zeros.mean() - swept[-1]) < abs(ones.mean() - swept[-1])
    )
