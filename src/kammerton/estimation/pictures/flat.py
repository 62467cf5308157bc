"""What is drawn where there is no signal: the fitted curve would follow the noise."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.pictures.between import Line
from kammerton.estimation.pictures.law import LINES, RESONATING
from kammerton.model.trace import FloatArray

NOTHING = "no signal"
"""The finding after which a fitted curve shows nothing."""


def without_signal(x: FloatArray, y: FloatArray, kind: str) -> tuple[FloatArray, Line]:
    """Return what a trace (M,) is without a signal, at its points and as it is drawn.

    That is its mean, and a straight line where a line is looked for over a background that may
    slope. y: finite somewhere.
    """
    there = np.isfinite(y)
    slopes = kind in (LINES, *RESONATING) and np.unique(x[there]).size > 1
    away = (x - x.mean()) / (np.ptp(x) or 1.0)
    level = np.polyval(np.polyfit(away[there], y[there], int(slopes)), away)
    order = np.argsort(x)
    return level, Line(x[order], level[order], True)
