"""Where a sweep begins: late in a decay it tells no shape, and the 1/e time hangs on that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]

LATE = 0.4  # T after which a sweep that begins there tells no shape


def first_measured(batch: Batch) -> Array:
    """Return the least x of each trace that was measured, in windows from zero (N,).

    Also where the window is farther from zero than it is long, and has an origin of its own.
    """
    first: Array = np.where(batch.w > 0.0, batch.x, np.inf).min(axis=1)
    away = np.abs(batch.zero / batch.span)[:, 0]
    return np.asarray(first + away)
