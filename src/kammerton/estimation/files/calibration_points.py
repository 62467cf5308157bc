"""Calibration points at the end of a trace: they scale it to a population."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kammerton.model import Trace, TraceError


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
        sigma=trace.sigma[:-points] / abs(contrast), y_unit="", y_name="",
    )  # fmt: skip
