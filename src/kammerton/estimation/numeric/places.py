"""At how many places of its axis a trace was measured: points taken again there are no new ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.model import TraceError

Array = NDArray[np.float64]

CLOSE = 0.03  # of the mean distance of places: points closer than that are at one place


def places(x: Array) -> NDArray[np.intp]:
    """Return the number of places of each axis in x (K, M), sorted, 1 long; (K,).

    What is faster than half of the places turns is known only up to an alias (Nyquist). Delays
    that grow keep nearly all of theirs, since the mean distance is asked again without repeats.
    """
    gaps, count = np.diff(x, axis=1), np.full(len(x), x.shape[1])
    while True:
        apart = 1 + np.count_nonzero(gaps * (count - 1)[:, None] > CLOSE, axis=1)
        if (apart == count).all():
            return count
        count = apart


def enough_places(x: Array, step: Array, least: int) -> None:
    """Raise where repeats leave fewer places than the law needs: they tell nothing new of it.

    x: as for `places`. step: (K,) the uniform spacing, or 0.
    """
    fewest = x.shape[1] if step.all() else int(places(x).min())
    if fewest < least:
        raise TraceError(
            f"x has only {fewest} places that differ; "
            f"this law has {least - 1} parameters and needs at least {least}"
        )
