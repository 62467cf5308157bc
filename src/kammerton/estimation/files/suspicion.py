"""What looks as if it was meant otherwise: a missing unit, calibration points not named."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import chdtr

from kammerton.estimation.curves.repeats import ENOUGH
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS, Form
from kammerton.model import Fit, Trace, Verdict
from kammerton.model.quantity import show
from kammerton.model.trace import FloatArray

LONGEST, LOWEST, HIGHEST = 5e-3, 1e4, 2e11
"""s, Hz, Hz: hardly a delay of a qubit is longer, no line of one is lower or higher."""

NARROW, LEAST_LINE = 0.5, 1e8
"""A window this close to its end is about a line itself, no detuning; Hz, no such line is lower."""

SHORT = 3e-7
"""s: a sweep of a decay that is over by then is one in another unit, most often."""

LINES = ("resonator_spectroscopy", "qubit_spectroscopy")
DECAYS = ("t1", "t2_echo", "cpmg")

ENDS = (4, 2, 6, 8, 10, 20)
"""Usual numbers of calibration points, the most usual first."""

FEWEST = 12  # points besides them, to know the scatter from
APART = 8.0  # scatters by which the last half stands above the points before it
STILL = 1e-6  # chance below which a chi-square is too small for it
EVEN = 1e-6  # of a step: less is rounding
ALIKE = 5.0  # scatters within which those of one preparation lie


ASKED = 3
"""Questions in a picture."""


def questions(notes: Sequence[str]) -> list[str]:
    """Return the notes that a picture says, which is shown without the rest: what was supposed.

    These name the option that would read the file otherwise. What asks comes first.
    """
    asked = [note for note in notes if "(--" in note]
    return sorted(asked, key=lambda note: "?" not in note)[:ASKED]


def suspicions(kind: str, trace: Trace | Grid, calibrated: bool) -> Iterator[str]:
    """Yield what a person should look at before believing, or blaming, a fit."""
    yield from _of_units(kind, trace)
    yield from _missing(trace)
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


def aliases(fit: Fit, trace: Trace | Grid) -> Iterator[str]:
    """Yield which other frequency even steps cannot tell from the one that was found."""
    found = fit.values.get("frequency")
    if fit.kind != "ramsey" or found is None or not isinstance(trace, Trace):
        return
    steps = np.diff(np.unique(trace.x))
    even = steps.size > 1 and np.ptp(steps) < EVEN * steps.max()
    if fit.verdict is Verdict.ACCEPTED and even and not np.iscomplexobj(trace.y):
        other = 1.0 / float(steps.mean()) - found.value
        yield (f"in even steps of {show(float(steps.mean()), 's')} a frequency of "
               f"{show(other, 'Hz')} would look the same")  # fmt: skip


def idle_geometry(fit: Fit, trace: Trace | Grid, geometry: object) -> Iterator[str]:
    """Yield that a geometry that is known tells nothing of a real trace, and why."""
    real = isinstance(trace, Trace) and not np.iscomplexobj(trace.y)
    told = {"q_internal", "q_coupling"} & fit.values.keys()
    if geometry is None or geometry == "transmission" or not real or told:
        return
    below = bool(np.nanmin(trace.y) < 0)
    if fit.verdict is Verdict.ACCEPTED and (below or geometry == "reflection"):
        why = ("y goes below zero, and is one part of a complex signal" if below
               else "a magnitude of a reflection has two answers")  # fmt: skip
        yield f"geometry {geometry} is not used: {why}, so that the parts of the loss stay unknown"


def _missing(trace: Trace | Grid) -> Iterator[str]:
    if isinstance(trace, Trace):
        gone = int(np.count_nonzero(~np.isfinite(trace.y)))
        if gone:
            yield f"{gone} of {trace.y.size} points {'is' if gone == 1 else 'are'} missing"


def _of_units(kind: str, trace: Trace | Grid) -> Iterator[str]:
    if isinstance(trace, Grid):
        axes = list(zip(trace.names, trace.units, trace.x, strict=True))
    else:
        axes = [(trace.x_name, trace.x_unit, trace.x)]
    for name, unit, x in axes:
        largest, least = float(np.abs(x).max()), float(x.min())
        if unit == "s" and least < 0 and LAYOUTS[kind].axes[-1].unit == "s":
            yield (f"{name!r} goes below zero, to {show(least, 's')}: x counts as it stands, and "
                   f"the amplitude of {'a decay' if kind in DECAYS else 'the signal'} is the law's"
                   " at 0")  # fmt: skip
        if unit == "s" and largest > LONGEST:
            yield f"{name!r} goes to {show(largest, 's')}: is it in ns or us? (--x-unit)"
        if unit == "s" and kind in DECAYS and 0 < largest < SHORT:
            yield f"{name!r} goes to {show(largest, 's')} only: is it in us? (--x-unit)"
        itself = kind in LINES and least > NARROW * largest and largest < LEAST_LINE
        if unit == "Hz" and (0 < largest < LOWEST or largest > HIGHEST or itself):
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
