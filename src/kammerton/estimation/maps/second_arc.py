"""Another arc beside one that was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arc import Model
from kammerton.estimation.maps.arcs import arcs, candidates
from kammerton.estimation.maps.ridge import SOLID, Columns, score
from kammerton.estimation.maps.tracks import Tracked

Array = NDArray[np.float64]

LIT = 0.6  # part of its columns in which a second arc must be bright
LOG_PERIOD = 2  # where a law of arcs holds the logarithm of its period
LOG_PERIODS = (-3.0, 7.0)


def second_arc(c: Columns, s: Array, fit: Tracked, model: Model) -> tuple[float, Array]:
    """Look for another arc of about this period in what the first leaves of the image."""
    line = fit.positions[0]
    here = np.abs(c.f - line[:, None]) < 3.0 * max(fit.width, 2 * c.step)
    rest = np.where(here, 0.0, score(replace(c, z=np.where(c.w > 0, c.z - fit.pull.lines, 0.0)),
                                     max(fit.width, 1.5 * c.step), stripes=True))  # fmt: skip
    first = float(np.minimum(np.where(here, s, 0.0), SOLID).max(axis=1).sum())
    periods = np.exp(np.clip(fit.theta[LOG_PERIOD], *LOG_PERIODS)) * np.array([0.8, 1.25])
    found = arcs(c, rest, candidates(c, rest, fit.width), fit.width, model.seeker, periods)
    if not found or found[0].share < LIT:
        return 0.0, fit.theta
    return found[0].bright / max(first, 1e-300), model.seeker.start(found[0])
